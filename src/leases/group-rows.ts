import { decodeClaim, type Claim } from './claim.ts';
import { decodeLease, type Lease } from './lease.ts';
import { CLAIM_KEY, WORKER_PREFIX, type Row } from './row.ts';
import { decodeWorker, type WorkerRow } from './worker-row.ts';

/** Everything the table says about a group, each list sorted by name. */
export interface GroupRows {
  leases: Lease[];
  workers: WorkerRow[];
  claim: Claim | undefined;
}

/** `rows` in any order. Of keys with a `#` only workers' and the claim's are known; other such rows are left out. */
export function decodeRows(rows: readonly Row[]): GroupRows {
  const group: GroupRows = { leases: [], workers: [], claim: undefined };
  for (const row of rows) {
    if (row.shard_id === CLAIM_KEY) group.claim = decodeClaim(row);
    else if (row.shard_id.startsWith(WORKER_PREFIX)) group.workers.push(decodeWorker(row));
    else if (!row.shard_id.includes('#')) group.leases.push(decodeLease(row));
  }
  group.leases.sort((a, b) => (a.shardId < b.shardId ? -1 : 1));
  group.workers.sort((a, b) => (a.worker < b.worker ? -1 : 1));
  return group;
}
