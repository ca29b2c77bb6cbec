import { hash } from 'node:crypto';
import {
  GROUP_LABEL,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  RESTART_ANNOTATION,
  REVISION_ANNOTATION,
} from '../../../api/labels.ts';
import type { KubeObject, OwnerReference, StoredObject } from '../../../kubernetes/cluster.ts';
import { workerTemplate, type Json, type WorkerTemplateInput } from './worker-template.ts';

/*
 * The objects of a group: a Deployment and a PodDisruptionBudget, both named `<group>-worker`, so that an app's own
 * Deployment of the group's name is never touched.
 */

export interface WorkloadInput extends WorkerTemplateInput {
  group: { name: string; namespace: string; uid: string; apiVersion: string; kind: string };
  replicas: number;
  /** The Deployment as it is. */
  existing: StoredObject | undefined;
  /** Greatest revision that a worker of the group has reported; a recreated Deployment goes on from there. */
  seenRevision: number;
}

export interface Workload {
  deployment: KubeObject;
  podDisruptionBudget: KubeObject;
  revision: number;
}

/** On everything kcg applies: of its whole content, to tell whether anything is to do. */
export const CONTENT_HASH_ANNOTATION = 'kcg.dev/content-hash';
/** On the Deployment: of the pod template without its revision. */
export const TEMPLATE_HASH_ANNOTATION = 'kcg.dev/template-hash';

export function workloadName(group: string): string {
  return `${group}-worker`;
}

/** The revision stays while the pod template does; else it is one more than the greatest that was seen. */
export function desiredObjects(input: WorkloadInput): Workload {
  const { group, selector, labels } = input;
  // The last restart stays in the template when its annotation is taken off the group: that asks for no new pods.
  const template = workerTemplate({ ...input, restart: input.restart ?? keptOf(input.existing).restart });
  const templateHash = hashOf(template);
  const revision = nextRevision(input, templateHash);
  const metadata = {
    name: workloadName(group.name),
    namespace: group.namespace,
    labels: { ...labels },
    ownerReferences: [ownerReference(group)],
  };
  const deployment: KubeObject = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: {
      ...metadata,
      annotations: { [TEMPLATE_HASH_ANNOTATION]: templateHash, [REVISION_ANNOTATION]: String(revision) },
    },
    spec: {
      replicas: input.replicas,
      revisionHistoryLimit: 3,
      selector: { matchLabels: { ...selector } },
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: '25%', maxUnavailable: 0 } },
      template: withRevision(template, revision),
    },
  };
  const podDisruptionBudget: KubeObject = {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata,
    spec: {
      // Rounded up by Kubernetes, so one pod may always go.
      maxUnavailable: '25%',
      // Workers that do not get ready would keep each node from being drained.
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: { matchLabels: { ...selector } },
    },
  };
  return { deployment: withHash(deployment), podDisruptionBudget: withHash(podDisruptionBudget), revision };
}

/** Does the object belong to this very group? */
export function isOwnedBy(object: KubeObject, groupUid: string): boolean {
  return (
    object.metadata.ownerReferences?.some(({ uid, controller }) => controller === true && uid === groupUid) ??
    false
  );
}

/**
 * Ours by label and nobody's by reference: a backup brings objects back without their owner, and so does `--cascade=orphan`
 * leave them.
 */
export function isOrphan({ metadata }: KubeObject, groupName: string): boolean {
  const { labels = {}, ownerReferences = [] } = metadata;
  const isLabelled = labels[MANAGED_BY_LABEL] === MANAGED_BY && labels[GROUP_LABEL] === groupName;
  return isLabelled && !ownerReferences.some(({ controller }) => controller === true);
}

/** May the group change it, and make it its own by that? */
export function belongsTo(object: KubeObject, group: { name: string; uid: string }): boolean {
  const isGoing = object.metadata.deletionTimestamp !== undefined;
  return isOwnedBy(object, group.uid) || (!isGoing && isOrphan(object, group.name));
}

/** Is it on its way out: being deleted, or of a group of this name that is gone and whose objects are collected? */
export function isLeftover(
  { metadata }: KubeObject,
  group: Pick<WorkloadInput['group'], 'kind' | 'name' | 'uid'>,
): boolean {
  if (metadata.deletionTimestamp !== undefined) return true;
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  return owner?.kind === group.kind && owner.name === group.name && owner.uid !== group.uid;
}

/** What the Deployment asks for; undefined when there is none. */
export function replicasOf(deployment: StoredObject | undefined): number | undefined {
  const replicas = (deployment?.spec as { replicas?: unknown } | undefined)?.replicas;
  return typeof replicas === 'number' ? replicas : deployment && 1;
}

/** The last restart that the pods of the Deployment were made for. */
export function restartOf(deployment: KubeObject | undefined): string | undefined {
  const spec = deployment?.spec as { template?: Pick<KubeObject, 'metadata'> } | undefined;
  return spec?.template?.metadata?.annotations?.[RESTART_ANNOTATION];
}

/** All of the Deployment as it is that the next one is made from. */
export function keptOf(deployment: KubeObject | undefined) {
  const { annotations = {} } = deployment?.metadata ?? {};
  return {
    restart: restartOf(deployment),
    templateHash: annotations[TEMPLATE_HASH_ANNOTATION],
    revision: Math.floor(Number(annotations[REVISION_ANNOTATION] ?? 0)) || 0,
  };
}

/** The Deployment with another number of the pods that it has already. */
export function withReplicas(
  { apiVersion, kind, metadata, spec }: StoredObject,
  replicas: number,
): KubeObject {
  const { name, namespace, labels, ownerReferences } = metadata;
  const ours = [TEMPLATE_HASH_ANNOTATION, REVISION_ANNOTATION];
  const annotations = Object.fromEntries(
    Object.entries(metadata.annotations ?? {}).filter(([key]) => ours.includes(key)),
  );
  const kept = { name, namespace, labels, ownerReferences, annotations } as KubeObject['metadata'];
  return withHash({ apiVersion, kind, metadata: kept, spec: { ...(spec as Json), replicas } });
}

/** A pod-template-hash has no order; workers need one to tell the newer of two revisions. */
function nextRevision({ existing, seenRevision }: WorkloadInput, templateHash: string): number {
  const kept = keptOf(existing);
  const isSame = kept.templateHash === templateHash && kept.revision > 0;
  return isSame ? kept.revision : Math.max(kept.revision, seenRevision) + 1;
}

function withRevision(template: Json, revision: number): Json {
  const metadata = template['metadata'] as { annotations?: Record<string, string> };
  const annotations = { ...metadata.annotations, [REVISION_ANNOTATION]: String(revision) };
  return { ...template, metadata: { ...metadata, annotations } };
}

function withHash(object: KubeObject): KubeObject {
  const annotations = { ...object.metadata.annotations, [CONTENT_HASH_ANNOTATION]: hashOf(object) };
  return { ...object, metadata: { ...object.metadata, annotations } };
}

function ownerReference({ apiVersion, kind, name, uid }: WorkloadInput['group']): OwnerReference {
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}

/** The same for the same content, whatever the order of its keys. */
export function hashOf(value: unknown): string {
  return hash('sha256', canonical(value)).slice(0, 16);
}

function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  let fields = '';
  for (const key of inOrder(Object.keys(value))) {
    const item = (value as Json)[key];
    if (item !== undefined) fields += `${fields && ','}${JSON.stringify(key)}:${canonical(item)}`;
  }
  return `{${fields}}`;
}

/** As `sort` does it in place, which copies what it sorts: objects have few fields, and there are many of them. */
function inOrder(names: string[]): string[] {
  for (let from = 1; from < names.length; from += 1) {
    const name = names[from]!;
    let to = from;
    for (; to > 0 && names[to - 1]! > name; to -= 1) names[to] = names[to - 1]!;
    names[to] = name;
  }
  return names;
}
