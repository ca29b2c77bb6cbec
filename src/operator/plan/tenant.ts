import {
  AWS_EXTERNAL_ID_ANNOTATION,
  AWS_ROLES_ANNOTATION,
  MAX_REPLICAS_ANNOTATION,
  MAX_TABLES_ANNOTATION,
} from '../../api/labels.ts';
import { count } from '../../lib/count.ts';

/*
 * What the annotations of a namespace allow the groups in it. Who uses a namespace cannot change them: Kubernetes' roles edit
 * and admin have no right to the Namespace itself.
 */

export interface Tenant {
  namespace: string;
  /** ARNs, or their beginnings with a `*`. */
  roles: readonly string[];
  /** Undefined = one made of the cluster and the namespace. */
  externalId: string | undefined;
  /** Undefined = as many as they like. */
  maxTables: Limit | undefined;
  maxReplicas: Limit | undefined;
}

export interface Limit {
  most: number;
  /** `namespace shop may have 2 tables (annotation kcg.dev/max-tables)` */
  words: string;
}

/** @param annotations of the namespace; none where there is no such namespace */
export function readTenant(namespace: string, annotations: Readonly<Record<string, string>>): Tenant {
  const roles = (annotations[AWS_ROLES_ANNOTATION] ?? '').split(',').map((role) => role.trim());
  const externalId = annotations[AWS_EXTERNAL_ID_ANNOTATION]?.trim();
  const limit = (annotation: string, what: string) =>
    limitOf(namespace, { annotation, text: annotations[annotation], what });
  return {
    namespace,
    roles: roles.filter((role) => role !== ''),
    externalId: externalId || undefined,
    maxTables: limit(MAX_TABLES_ANNOTATION, 'table'),
    maxReplicas: limit(MAX_REPLICAS_ANNOTATION, 'worker'),
  };
}

/** What is no number allows nothing: somebody has meant a limit. */
function limitOf(
  namespace: string,
  { annotation, text, what }: { annotation: string; text: string | undefined; what: string },
): Limit | undefined {
  if (text === undefined) return undefined;
  if (/^\s*\d{1,15}\s*$/.test(text)) {
    const most = Number(text);
    return { most, words: `namespace ${namespace} may have ${count(most, what)} (annotation ${annotation})` };
  }
  const words = `namespace ${namespace} may have no ${what}, as its annotation ${annotation} is no number: ${JSON.stringify(text.slice(0, 40))}`;
  return { most: 0, words };
}

/** What is wrong and what to do, when the groups of the namespace may not use the role. */
export function roleProblem({ namespace, roles }: Tenant, arn: string): string | undefined {
  if (roles.some((role) => matches(role, arn))) return undefined;
  const allowed = roles.length === 0 ? 'allows no role' : `allows only ${roles.join(' and ')}`;
  const both = [...roles, arn].join(',');
  // A shell would take a star for files.
  const quote = both.includes('*') ? "'" : '';
  return `namespace ${namespace} ${allowed}, and spec.aws.roleArn is ${arn}. To allow it: kubectl annotate namespace ${namespace} --overwrite ${quote}${AWS_ROLES_ANNOTATION}=${both}${quote}`;
}

/** A `*` at the end stands for any rest; anywhere else it is a character like others. */
function matches(pattern: string, value: string): boolean {
  return pattern.endsWith('*') ? value.startsWith(pattern.slice(0, -1)) : value === pattern;
}

/** That AWS takes as an external id. */
const EXTERNAL_ID = /^[\w+=,.@:/-]{2,1224}$/;

/** The namespace's own, or one that no other namespace or cluster has. Undefined = AWS would not take it. */
export function externalIdOf({ namespace, externalId }: Tenant, clusterId: string): string | undefined {
  const id = externalId ?? `kcg/${clusterId}/${namespace}`;
  return EXTERNAL_ID.test(id) ? id : undefined;
}
