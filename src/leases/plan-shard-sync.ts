import type { Checkpoint } from '../kinesis/position.ts';
import { parentsFirst } from '../kinesis/lineage.ts';
import { parentsOf, type Shard } from '../kinesis/shard.ts';
import { parseSequence } from '../kinesis/sequence-number.ts';
import { isEnded, type Lease } from './lease.ts';
import type { Lineage, NewLease } from './transitions.ts';

export interface ShardSyncPlan {
  /** Rows to add, parents first. */
  puts: NewLease[];
  /** What rows of another program do not say. */
  completions: Lineage[];
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
 * parent and child is skipped; all others begin at `initialPosition`. A shard without a row of which a descendant has begun
 * was read by another program, whose rows expire: it gets none, so that it is not read again, behind its children.
 *
 * A row that is there cannot be given a parent any more, so a shard of whose parents the list is silent though they are
 * there waits, with all that came of it (`doubtfulParents`).
 */
export function planShardSync(input: {
  shards: readonly Shard[];
  /** What the stream lists from its beginning on; needed when rows lack their lineage, `shards` when not given. */
  all?: readonly Shard[];
  leases: readonly Lease[];
  /** Parents that are in no list and still there. */
  unlisted?: ReadonlySet<string>;
  initialPosition: Exclude<Checkpoint, { at: 'SHARD_END' | 'SEQUENCE' }>;
  retentionHours: number;
  nowMs: number;
}): ShardSyncPlan {
  const known = new Map(input.leases.map((lease) => [lease.shardId, lease]));
  const listed = new Map(input.shards.map((shard) => [shard.shardId, shard]));
  const all = input.all === undefined ? listed : new Map(input.all.map((shard) => [shard.shardId, shard]));
  const passed = readBefore(input.leases, all.values());
  const ordered = parentsFirst(input.shards);
  const waiting = descendants(input.unlisted ?? new Set(), ordered);
  const missing = ordered.filter(
    ({ shardId }) => !known.has(shardId) && !passed.has(shardId) && !waiting.has(shardId),
  );
  const there = new Set([...known.keys(), ...missing.map(({ shardId }) => shardId)]);
  const puts = missing.map((shard): NewLease => {
    const isChild = parentsOf(shard).some((id) => listed.has(id) || known.has(id));
    return {
      ...rowLineageOf(shard, there),
      checkpoint: isChild ? { at: 'TRIM_HORIZON' } : input.initialPosition,
    };
  });
  const completions = input.leases
    .filter((lease) => lease.hashStart === undefined && !isEnded(lease))
    .flatMap(({ shardId }) => all.get(shardId) ?? [])
    .map((shard) => rowLineageOf(shard, there));
  return { puts, completions, expirations: expirations(input.leases, input) };
}

/**
 * Parents of shards without a row that the list should still have: the child began within the retention and after the
 * initial position, and so its parent ended then. What is eventually consistent can show a child before it shows that its
 * parent is closed. Whoever asks for the parent itself knows; a child whose sequence numbers do not tell when it began is
 * taken as listed.
 */
export function doubtfulParents(input: Parameters<typeof planShardSync>[0]): string[] {
  const { leases, shards, all = [], initialPosition, retentionHours, nowMs } = input;
  const known = new Set(leases.map(({ shardId }) => shardId));
  const there = new Set([...known, ...[...shards, ...all].map(({ shardId }) => shardId)]);
  const initialMs = initialPosition.at === 'AT_TIMESTAMP' ? initialPosition.timestampMs : 0;
  const sinceMs = Math.max(nowMs - retentionHours * 3_600_000, initialMs);
  const isYoung = ({ startingSequence }: Shard) =>
    (parseSequence(startingSequence)?.createdAtSeconds ?? 0) * 1_000 > sinceMs;
  const parents = shards
    .filter((shard) => !known.has(shard.shardId) && isYoung(shard))
    .flatMap((shard) => parentsOf(shard).filter((id) => !there.has(id)));
  return [...new Set(parents)];
}

/**
 * What a row says of where the shard comes from, with those parents that are `there`: they have a row, or get one. Others are
 * gone from the stream, ended before the initial position, or were read before.
 */
export function rowLineageOf(shard: Shard, there: Pick<ReadonlySet<string>, 'has'>): Lineage {
  const { shardId, hashStart, hashEnd } = shard;
  return { shardId, parents: parentsOf(shard).filter((id) => there.has(id)), hashStart, hashEnd };
}

function hasBegun({ checkpoint }: Lease): boolean {
  return checkpoint.at === 'SEQUENCE' || checkpoint.at === 'SHARD_END';
}

/** Shards of the list that one came of which has begun: those of them without a row were read by another program, whose rows expire. */
export function readBefore(leases: readonly Lease[], shards: Iterable<Shard>): Set<string> {
  const listed = new Map(Array.from(shards, (shard) => [shard.shardId, shard]));
  const found = new Set<string>();
  const visit = (shardId: string) => {
    const shard = listed.get(shardId);
    for (const parent of shard ? parentsOf(shard) : []) {
      if (found.has(parent)) continue;
      found.add(parent);
      visit(parent);
    }
  };
  for (const { shardId } of leases.filter(hasBegun)) visit(shardId);
  return found;
}

/** Of `shards`, parents first, those that came of one of `parents`. */
function descendants(parents: ReadonlySet<string>, shards: readonly Shard[]): Set<string> {
  const found = new Set<string>();
  for (const shard of shards)
    if (parentsOf(shard).some((id) => parents.has(id) || found.has(id))) found.add(shard.shardId);
  return found;
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
  return leases
    .filter((lease) => isEnded(lease) && lease.ttl === undefined)
    .filter((lease) => children.has(lease.shardId) && children.get(lease.shardId)!.every(hasBegun))
    .map((lease) => ({ shardId: lease.shardId, ttl }));
}
