import type { KinesisConsumerGroup } from '../api/group.ts';
import { beginsAfter } from '../kinesis/bounded-reader.ts';
import { ancestorsOf, lineageOf } from '../kinesis/lineage.ts';
import { isOpen, type Shard } from '../kinesis/shard.ts';
import type { GroupRows } from '../leases/group-rows.ts';
import { readBefore } from '../leases/plan-shard-sync.ts';

/**
 * Of all shards a stream lists, those a group has to do with: everything when it began at TRIM_HORIZON, else the open ones
 * and what descends from shards the group has rows of. So one list of a stream serves all groups, wherever they began. Workers
 * make no row of what was read before there were rows, nor of what began after the range.
 */
export function relevantShards(
  listed: readonly Shard[],
  { leases }: Pick<GroupRows, 'leases'>,
  { range, initialPosition }: Pick<KinesisConsumerGroup['spec'], 'range' | 'initialPosition'>,
): readonly Shard[] {
  const known = new Set(leases.map(({ shardId }) => shardId));
  if (listed.every(({ shardId }) => known.has(shardId))) return listed;
  const lineage = lineageOf(listed);
  const passed = readBefore(leases, listed);
  // What a range begins with is known by its rows.
  const isFromBeginning = range ? leases.length === 0 : initialPosition.type === 'TrimHorizon';
  const isWanted = (shard: Shard) =>
    isFromBeginning ||
    ((!range || !beginsAfter(shard, Date.parse(range.to))) &&
      (isOpen(shard) || ancestorsOf(lineage, shard.shardId).some((id) => known.has(id))));
  return listed.filter(
    (shard) => known.has(shard.shardId) || (!passed.has(shard.shardId) && isWanted(shard)),
  );
}
