import { KcgError } from '../../lib/errors.ts';
import {
  describeObject,
  KINDS,
  keyOf,
  type KubeObject,
  type StoredObject,
} from '../../kubernetes/cluster.ts';
import { applyOwned } from '../apply/apply-owned.ts';
import { CONTENT_HASH_ANNOTATION, belongsTo } from '../plan/workload/desired-objects.ts';
import { ForAPerson, paced } from './pace.ts';
import type { Pass } from '../reconcile-context.ts';

/**
 * The group's PodDisruptionBudget, or none of it when the user has one of their own: a pod that two of them select
 * cannot be evicted at all. Without it the workers run as well, so nothing here keeps the rest of a group waiting.
 */
export async function reconcileBudget(pass: Pass, wanted: KubeObject): Promise<void> {
  const { options, group, object, failures } = pass;
  const cached = options.caches.podDisruptionBudgets.get(keyOf(wanted));
  const isExternal = group.spec.disruptionBudget.management === 'External';
  // One that the cache does not show is not looked for: it is not in the way.
  if (isExternal && (!cached || !belongsTo(cached, object.metadata))) return;
  const asked = isExternal ? '' : (wanted.metadata.annotations?.[CONTENT_HASH_ANNOTATION] ?? '');
  try {
    await paced(pass, { thing: 'PodDisruptionBudget', asked: `${cached?.metadata.uid} ${asked}` }, () =>
      isExternal && cached ? remove(pass, cached) : apply(pass, { wanted, cached }),
    );
  } catch (thrown) {
    if (pass.signal.aborted) throw thrown;
    if (!(thrown instanceof ForAPerson)) failures.push({ step: 'workers', error: KcgError.from(thrown) });
  }
}

async function apply(
  pass: Pass,
  { wanted, cached }: { wanted: KubeObject; cached: StoredObject | undefined },
): Promise<void> {
  const { options, object, events, memory, signal } = pass;
  // The cache shows only what has our labels; applying over somebody else's would make it part of the group.
  const existing =
    cached ?? (await options.cluster.get(KINDS.podDisruptionBudget, keyOf(wanted), { signal }));
  if (!existing || belongsTo(existing, object.metadata)) {
    await applyOwned(pass, KINDS.podDisruptionBudget, { wanted, existing });
    return;
  }
  const note = `${describeObject(wanted)} exists and is not of this group, so the group has none. Rename or delete it, or set disruptionBudget.management to External to do without.`;
  // Told once, not with each look.
  if (memory.refused.get('PodDisruptionBudget')?.error.message !== note)
    events.push({ type: 'Warning', reason: 'FieldConflict', note, action: 'ApplyObjects' });
  throw new ForAPerson('Conflict', note);
}

async function remove({ options, signal }: Pass, budget: StoredObject): Promise<void> {
  const { uid } = budget.metadata;
  await options.cluster.delete(KINDS.podDisruptionBudget, keyOf(budget), { uid, signal });
}
