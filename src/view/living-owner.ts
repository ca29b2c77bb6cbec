import { parseRef, type Lease } from '../leases/lease.ts';
import type { WorkerRow } from '../leases/worker-row.ts';

/** The worker whose present life owns the shard. */
export function livingOwner(
  { owner }: Pick<Lease, 'owner'>,
  workers: ReadonlyMap<string, WorkerRow>,
): WorkerRow | undefined {
  const row = ownerRow(owner, workers);
  return row?.state === 'dead' ? undefined : row;
}

/** The row of the very life that `ref` names, dead or alive. */
export function ownerRow(
  ref: string | undefined,
  workers: ReadonlyMap<string, WorkerRow>,
): WorkerRow | undefined {
  if (ref === undefined) return undefined;
  const { worker, incarnation } = parseRef(ref);
  const row = workers.get(worker);
  return row?.incarnation === incarnation ? row : undefined;
}
