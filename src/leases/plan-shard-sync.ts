import type { Checkpoint } from '../kinesis/position.ts';
import { parentsOf, type Shard } from '../kinesis/shard.ts';
import { isEnded, type Lease } from './lease.ts';
import type { NewLease } from './transitions.ts';

export interface ShardSyncPlan {
  /** Rows to add, parents first. */
  puts: NewLease[];
  /** Ended rows that may go, with their `ttl`, seconds since the epoch. */
  expirations: { shardId: string; ttl: number }[];
}

/** Kept after the stream itself has forgotten the shard, so that nobody takes it for a new one. */
const ENDED_MARGIN_HOURS = 24;

/**
 * Which shards of the stream need a row, and which rows are done with.
 *
 * `shards` is what the stream lists from the group's initial position on, so a closed shard that ended before that
 * position is not in it. A shard whose parent is listed or has a row begins at TRIM_HORIZON, so that nothing between
 * parent and child is skipped; all others begin at `initialPosition`.
 */
export function planShardSync(input: {
  shards: readonly Shard[];
  leases: readonly Lease[];
  initialPosition: Exclude<Checkpoint, { at: 'SHARD_END' | 'SEQUENCE' }>;
  retentionHours: number;
  nowMs: number;
}): ShardSyncPlan {
  const known = new Map(input.leases.map((lease) => [lease.shardId, lease]));
  const listed = new Map(input.shards.map((shard) => [shard.shardId, shard]));
  const puts = parentsFirst(input.shards, listed)
    .filter((shard) => !known.has(shard.shardId))
    .map((shard): NewLease => {
      const parents = parentsOf(shard);
      const isChild = parents.some((id) => listed.has(id) || known.has(id));
      return {
        shardId: shard.shardId,
        checkpoint: isChild ? { at: 'TRIM_HORIZON' } : input.initialPosition,
        // A parent outside the list is gone from the stream, or ended before the initial position.
        parents: parents.filter((id) => listed.has(id) || known.has(id)),
        hashStart: shard.hashStart,
        hashEnd: shard.hashEnd,
      };
    });
  return { puts, expirations: expirations(input.leases, input) };
}

function expirations(
  leases: readonly Lease[],
  { retentionHours, nowMs }: { retentionHours: number; nowMs: number },
) {
  const ttl = Math.floor(nowMs / 1000) + (retentionHours + ENDED_MARGIN_HOURS) * 3600;
  const children = new Map<string, Lease[]>();
  for (const lease of leases) {
    for (const parent of lease.parents) children.set(parent, [...(children.get(parent) ?? []), lease]);
  }
  const started = (lease: Lease) => lease.checkpoint.at === 'SEQUENCE' || isEnded(lease);
  return leases
    .filter((lease) => isEnded(lease) && lease.ttl === undefined)
    .filter((lease) => children.has(lease.shardId) && children.get(lease.shardId)!.every(started))
    .map((lease) => ({ shardId: lease.shardId, ttl }));
}

function parentsFirst(shards: readonly Shard[], listed: ReadonlyMap<string, Shard>): Shard[] {
  const done = new Set<string>();
  const ordered: Shard[] = [];
  const visit = (shard: Shard) => {
    if (done.has(shard.shardId)) return;
    done.add(shard.shardId);
    for (const id of parentsOf(shard)) {
      const parent = listed.get(id);
      if (parent) visit(parent);
    }
    ordered.push(shard);
  };
  [...shards].sort((a, b) => (a.shardId < b.shardId ? -1 : 1)).forEach(visit);
  return ordered;
}
