import type { LeaseTable } from '../../leases/lease-table.ts';
import { workerKey } from '../../leases/row.ts';
import { fenceWorker } from '../../leases/transitions.ts';
import { decodeWorker, type WorkerRow } from '../../leases/worker-row.ts';

/** Tells the worker at `address` to read the table; resolves to whether it was told. */
export type Nudge = (address: string) => Promise<boolean>;

/** At most this many calls at once, however large the group. */
const CALLS_AT_ONCE = 20;

export interface FenceResult {
  /** Dead now because of this call. */
  fenced: WorkerRow[];
  /** The rows as they are known after it: a look that found a suspect alive, or gone, counts. */
  workers: WorkerRow[];
  /** What kept a suspect from being judged, if anything did: the first of that. */
  problem?: unknown;
}

/**
 * Declares workers dead, so that their shards are taken at once, and tells the others to look. What the rows say may be
 * old: `isDead` is asked again about each suspect's row as it is now, and the write holds only against that.
 */
export async function fenceWorkers({
  workers,
  isDead,
  table,
  nudge,
  signal,
}: {
  workers: readonly WorkerRow[];
  isDead: (row: WorkerRow) => boolean;
  table: LeaseTable;
  nudge: Nudge;
  signal: AbortSignal;
}): Promise<FenceResult> {
  const looked = new Map<string, WorkerRow | undefined>();
  const fenced: WorkerRow[] = [];
  const look = async ({ worker }: WorkerRow) => {
    const row = await table.get(workerKey(worker), { consistent: true, signal });
    const current = row && decodeWorker(row);
    looked.set(worker, current);
    if (!current || !isDead(current)) return;
    const result = await table.write(fenceWorker(current, 'operator'), { signal });
    if (result.outcome === 'lost') return void looked.set(worker, result.row && decodeWorker(result.row));
    fenced.push(current);
    looked.set(worker, { ...current, state: 'dead' });
  };
  const suspects = workers.filter(isDead);
  let problem: unknown;
  for (let from = 0; from < suspects.length && problem === undefined; from += CALLS_AT_ONCE) {
    const looks = suspects.slice(from, from + CALLS_AT_ONCE).map(look);
    for (const ended of await Promise.allSettled(looks))
      if (ended.status === 'rejected') problem ??= ended.reason;
  }
  const known = workers.flatMap((row) => (looked.has(row.worker) ? (looked.get(row.worker) ?? []) : row));
  if (fenced.length > 0) await nudgeAll(known, nudge);
  return { fenced, workers: known, problem };
}

/** Those that are not dead, at most 20 at once. Never rejects: a worker that is not reached reads the rows by itself, later. */
export async function nudgeAll(workers: readonly WorkerRow[], nudge: Nudge): Promise<void> {
  const addresses = workers
    .filter(({ state, address }) => state !== 'dead' && address !== '')
    .map(({ address }) => address);
  for (let from = 0; from < addresses.length; from += CALLS_AT_ONCE) {
    await Promise.allSettled(addresses.slice(from, from + CALLS_AT_ONCE).map((address) => nudge(address)));
  }
}
