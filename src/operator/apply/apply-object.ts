import type {
  ApplyResult,
  Cluster,
  KubeObject,
  ResourceKind,
  StoredObject,
} from '../../kubernetes/cluster.ts';
import { describeObject } from '../../kubernetes/cluster.ts';
import { covers } from '../plan/workload/covers.ts';
import { CONTENT_HASH_ANNOTATION } from '../plan/workload/desired-objects.ts';

/** Owner of every field kcg sets. */
export const FIELD_MANAGER = 'kcg';

/**
 * What our last apply of an object left, so that an object whose fields the server writes differently than we gave
 * them is not applied again and again. By uid; only saves calls.
 */
export type AppliedGenerations = Map<string, { hash: string; generation: number }>;

type Conflict = Extract<ApplyResult, { outcome: 'conflict' }>;

export type ApplyOutcome =
  /** `conflict`: fields that others had set are set back. */
  | { outcome: 'unchanged' | 'applied'; object: StoredObject; conflict?: Conflict | undefined }
  | Exclude<ApplyResult, { outcome: 'applied' }>;

/**
 * Brings one object to what is wanted, with no call at all when it is already so. What others set of it is set back when the
 * object existed: the caller has seen that it is the group's own.
 */
export async function applyObject(
  cluster: Cluster,
  kind: ResourceKind,
  {
    wanted,
    existing,
    applied,
    signal,
  }: {
    wanted: KubeObject;
    existing: StoredObject | undefined;
    applied: AppliedGenerations;
    signal: AbortSignal;
  },
): Promise<ApplyOutcome> {
  if (existing && isUpToDate(existing, wanted, applied)) return { outcome: 'unchanged', object: existing };
  const options = { fieldManager: FIELD_MANAGER, known: existing, signal };
  const first = await cluster.apply(kind, guarded(wanted, existing), options);
  // Asked without force first, since only then is it told whose fields they are.
  const conflict = first.outcome === 'conflict' && existing ? first : undefined;
  const result = conflict
    ? await cluster.apply(kind, guarded(wanted, existing), { ...options, force: true })
    : first;
  if (result.outcome !== 'applied') return result;
  const { uid, generation } = result.object.metadata;
  applied.set(uid, { hash: hashAnnotation(wanted), generation: generation ?? 0 });
  return { outcome: result.changed ? 'applied' : 'unchanged', object: result.object, conflict };
}

function isUpToDate(existing: StoredObject, wanted: KubeObject, applied: AppliedGenerations): boolean {
  const hash = hashAnnotation(wanted);
  if (hashAnnotation(existing) !== hash) return false;
  const { labels, ownerReferences } = wanted.metadata;
  // A change of metadata is no new generation.
  const isMetadataRight =
    covers(existing.metadata.labels, labels) && covers(existing.metadata.ownerReferences, ownerReferences);
  if (!isMetadataRight) return false;
  const last = applied.get(existing.metadata.uid);
  const isAsApplied = last?.hash === hash && last.generation === existing.metadata.generation;
  return isAsApplied || covers(existing.spec, wanted.spec);
}

function hashAnnotation({ metadata }: KubeObject): string {
  return metadata.annotations?.[CONTENT_HASH_ANNOTATION] ?? '';
}

/** What was decided by looking at one object must not land on its successor. */
function guarded(wanted: KubeObject, existing: StoredObject | undefined): KubeObject {
  if (!existing) return wanted;
  const isSameContent = hashAnnotation(existing) === hashAnnotation(wanted);
  const { uid, resourceVersion } = existing.metadata;
  // New content may carry a new revision, counted from what was seen.
  return { ...wanted, metadata: { ...wanted.metadata, uid, ...(isSameContent ? {} : { resourceVersion }) } };
}

/** For people: who else claims the fields, and what to do. */
export function conflictMessage(object: KubeObject, conflict: Conflict): string {
  const fields = conflict.fields.map(({ field, manager }) => `${field} by ${manager}`);
  const shown = fields.length > 0 ? fields.slice(0, 5).join(', ') : conflict.message;
  const fix = 'Leave these fields to kcg, and set them in the KinesisConsumerGroup.';
  return `others set fields of ${describeObject(object)}: ${shown}. ${fix}`;
}
