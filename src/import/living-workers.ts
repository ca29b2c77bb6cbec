import { decodeRows } from '../leases/group-rows.ts';
import type { LeaseTable } from '../leases/lease-table.ts';
import { ObservedWorkers } from '../leases/observed-workers.ts';
import type { WorkerRow } from '../leases/worker-row.ts';
import type { Clock } from '../lib/clock.ts';

const LOOK_MS = 1_000;

/**
 * Which workers of a group are alive. Where there are rows of some, it watches until one of them moves, or all have stood
 * still for their lease: only that tells who has ended without a word.
 * @returns whether a row is of a worker that may be alive
 */
export async function watchWorkers({
  table,
  clock,
  leaseDurationMs,
  signal,
}: {
  table: LeaseTable;
  clock: Clock;
  leaseDurationMs: number;
  signal: AbortSignal;
}): Promise<(row: WorkerRow) => boolean> {
  const observed = new ObservedWorkers();
  const startMs = clock.monotonic();
  for (;;) {
    const nowMs = clock.monotonic();
    const rows = await table.query('workers', { consistent: true, signal });
    const workers = decodeRows(rows).workers.filter(({ state }) => state !== 'dead');
    observed.observe(workers, nowMs);
    const lapsed = observed.lapsed(workers, nowMs, leaseDurationMs);
    const isMoving = workers.some((row) => observed.stillMs(row, nowMs) < nowMs - startMs);
    if (isMoving || lapsed.length === workers.length || signal.aborted) {
      const ended = new Set(lapsed.map(({ worker, incarnation }) => `${worker}/${incarnation}`));
      return ({ worker, incarnation, state }) => state !== 'dead' && !ended.has(`${worker}/${incarnation}`);
    }
    await clock.sleep(LOOK_MS, { signal });
  }
}
