import type { LeaseTable } from '../leases/lease-table.ts';
import { workerKey } from '../leases/row.ts';
import { fenceWorker } from '../leases/transitions.ts';
import { decodeWorker, type WorkerRow } from '../leases/worker-row.ts';
import { planFences, type Termination } from './plan/fence.ts';

/** Tells the worker at `address` to read the table; resolves to whether it was told. */
export type Nudge = (address: string) => Promise<boolean>;

/** At most this many calls at once, however large the group. */
const NUDGES_AT_ONCE = 20;

/**
 * Declares workers dead whose container has ended, so that their shards are taken at once and not after the lease
 * duration, and tells the others to look. Returns those that are dead now because of it.
 */
export async function fenceWorkers({
  workers,
  terminations,
  table,
  nudge,
  signal,
}: {
  workers: readonly WorkerRow[];
  terminations: readonly Termination[];
  table: LeaseTable;
  nudge: Nudge;
  signal: AbortSignal;
}): Promise<WorkerRow[]> {
  const fenced: WorkerRow[] = [];
  for (const suspect of planFences(workers, terminations)) {
    // What the rows said may be old; the row as it is now decides, and the write holds only against it.
    const row = await table.get(workerKey(suspect.worker), { consistent: true, signal });
    const [current] = row ? planFences([decodeWorker(row)], terminations) : [];
    if (!current || current.incarnation !== suspect.incarnation) continue;
    const result = await table.write(fenceWorker(current, 'operator'), { signal });
    if (result.outcome === 'done') fenced.push(current);
  }
  if (fenced.length > 0) {
    const dead = new Set(fenced.map(({ worker }) => worker));
    await nudgeAll(
      workers.filter(({ worker, state }) => !dead.has(worker) && state !== 'dead'),
      nudge,
    );
  }
  return fenced;
}

export async function nudgeAll(workers: readonly WorkerRow[], nudge: Nudge): Promise<void> {
  const addresses = workers.map(({ address }) => address).filter((address) => address !== '');
  for (let from = 0; from < addresses.length; from += NUDGES_AT_ONCE) {
    await Promise.allSettled(addresses.slice(from, from + NUDGES_AT_ONCE).map((address) => nudge(address)));
  }
}
