import type { GivenUp, Lease } from '../leases/lease.ts';

/** Of all shards together: the sum, and the last time with its shard and reason; undefined = nothing. */
export function givenUpOf(
  leases: readonly Pick<Lease, 'shardId' | 'givenUp'>[],
): (GivenUp & { shardId: string }) | undefined {
  let sum: (GivenUp & { shardId: string }) | undefined;
  for (const { shardId, givenUp } of leases) {
    if (givenUp === undefined) continue;
    const records = (sum?.records ?? 0) + givenUp.records;
    sum = sum && sum.at > givenUp.at ? { ...sum, records } : { ...givenUp, records, shardId };
  }
  return sum;
}
