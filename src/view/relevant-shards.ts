import type { GroupRows } from '../leases/group-rows.ts';
import { ancestorsOf, lineageOf } from '../kinesis/lineage.ts';
import { isOpen, type Shard } from '../kinesis/shard.ts';

/**
 * Of all shards a stream lists, those a group has to do with: everything when it began at TRIM_HORIZON, else the open ones
 * and what descends from shards the group has rows of. So one list of a stream serves all groups, wherever they began.
 */
export function relevantShards(
  listed: readonly Shard[],
  { leases }: Pick<GroupRows, 'leases'>,
  beganAt: 'TrimHorizon' | 'Latest' | 'AtTimestamp',
): readonly Shard[] {
  if (beganAt === 'TrimHorizon') return listed;
  const known = new Set(leases.map(({ shardId }) => shardId));
  const lineage = lineageOf(listed);
  return listed.filter(
    (shard) =>
      isOpen(shard) ||
      known.has(shard.shardId) ||
      ancestorsOf(lineage, shard.shardId).some((id) => known.has(id)),
  );
}
