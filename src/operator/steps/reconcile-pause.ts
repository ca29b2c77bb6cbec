import type { GroupRows } from '../../leases/group-rows.ts';
import type { LeaseTable } from '../../leases/lease-table.ts';
import { pauseGroup } from '../../leases/transitions.ts';
import { nudgeAll } from './fence-workers.ts';
import type { PlacedPass } from '../reconcile-context.ts';

/**
 * Workers learn from the table, not from their pods' template, whether the group is paused: so the pods stay. Those that
 * cannot be nudged see it when they next read all rows, within about a minute. Only `Running` lifts a pause: workers that
 * are about to be stopped would read on in the meantime.
 */
export async function reconcilePause(
  { group, object, options, signal }: PlacedPass,
  { table, rows }: { table: LeaseTable; rows: GroupRows },
): Promise<void> {
  const { desiredState } = group.spec;
  if (desiredState === 'Stopped') return;
  const paused = desiredState === 'Paused';
  const isWritten = (rows.claim?.paused ?? false) === paused;
  // The operator that wrote it may have ended before it told anybody; while paused, workers ask by themselves.
  const unaware = paused ? rows.workers.filter(({ state }) => state === 'live') : [];
  if (isWritten) return nudgeAll(unaware, options.nudge);
  const { outcome } = await table.write(pauseGroup(object.metadata.uid, paused), { signal });
  if (outcome === 'done') await nudgeAll(rows.workers, options.nudge);
}
