import type { WriteResult } from '../leases/row-write.ts';
import type { NewLease } from '../leases/transitions.ts';
import { WRITES_AT_ONCE } from '../leases/write-rows.ts';

/**
 * Writes rows of shards, some at a time, and a child's only once its parents' are there: whoever is stopped in
 * between leaves no child that would be read before its parents. Returns those whose write was lost.
 * @param shards parents first
 */
export async function writeParentsFirst<S extends { lease: NewLease }>(
  shards: readonly S[],
  write: (shard: S) => Promise<WriteResult>,
): Promise<S[]> {
  const lost: S[] = [];
  let batch: S[] = [];
  const flush = async () => {
    const results = await Promise.all(batch.map(write));
    lost.push(...batch.filter((_, index) => results[index]!.outcome === 'lost'));
    batch = [];
  };
  for (const shard of shards) {
    const { parents } = shard.lease;
    if (batch.length >= WRITES_AT_ONCE || batch.some(({ lease }) => parents.includes(lease.shardId)))
      await flush();
    batch.push(shard);
  }
  await flush();
  return lost;
}
