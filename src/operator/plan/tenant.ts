import { AWS_EXTERNAL_ID_ANNOTATION, AWS_ROLES_ANNOTATION } from '../../api/labels.ts';

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
}

/** @param annotations of the namespace; none where there is no such namespace */
export function readTenant(namespace: string, annotations: Readonly<Record<string, string>>): Tenant {
  const roles = (annotations[AWS_ROLES_ANNOTATION] ?? '').split(',').map((role) => role.trim());
  const externalId = annotations[AWS_EXTERNAL_ID_ANNOTATION]?.trim();
  return { namespace, roles: roles.filter((role) => role !== ''), externalId: externalId || undefined };
}

/** What is wrong and what to do, when the groups of the namespace may not use the role. */
export function roleProblem({ namespace, roles }: Tenant, arn: string): string | undefined {
  if (roles.some((role) => matches(role, arn))) return undefined;
  const allowed = roles.length === 0 ? 'allows no role' : `allows only ${roles.join(' and ')}`;
  return `namespace ${namespace} ${allowed}, and spec.aws.roleArn is ${arn}. To allow it: kubectl annotate namespace ${namespace} --overwrite ${AWS_ROLES_ANNOTATION}=${[...roles, arn].join(',')}`;
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
