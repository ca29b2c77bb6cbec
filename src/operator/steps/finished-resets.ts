import type { OffsetResetStatus } from '../../api/offset-reset.ts';
import { KINDS, keyOf, keyString } from '../../kubernetes/cluster.ts';
import { RESETS_OF_GROUP } from '../observe/group-indexes.ts';
import { planRemovals } from '../plan/finished-resets.ts';
import { lookAgain, type PlacedPass, type ReconcilerOptions } from '../reconcile-context.ts';
import { attempt } from './pace.ts';

/**
 * Deletes what is over and has been kept as long as it asks for. Their snapshots stay in the table.
 * @returns when the next one is due, ms
 * @throws KcgError as `Cluster` does
 */
export async function removeFinished(
  { caches, clock, cluster, log }: ReconcilerOptions,
  group: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { due, nextInMs } = planRemovals(caches.offsetResets.by(RESETS_OF_GROUP, group), clock.now());
  for (const object of due) {
    const { uid } = object.metadata;
    const { outcome } = await cluster.delete(KINDS.offsetReset, keyOf(object), { uid, signal });
    if (outcome === 'gone') continue;
    const { snapshot } = (object.status ?? {}) as OffsetResetStatus;
    log.info('a reset that was over was deleted', {
      reset: keyString(keyOf(object)),
      ...(snapshot ? { snapshot: snapshot.id } : {}),
    });
  }
  return nextInMs;
}

/** The same of a group that is worked on: what cannot be deleted does not keep the rest from its pace. */
export async function pursueRemovals(pass: PlacedPass): Promise<void> {
  const { options, object, signal } = pass;
  await attempt(pass, { step: 'reset', thing: 'finished resets' }, async () => {
    const inMs = await removeFinished(options, keyString(keyOf(object)), signal);
    if (inMs !== undefined) lookAgain(pass, inMs, { isExact: true });
  });
}
