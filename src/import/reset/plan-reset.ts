import { unreachable } from '../../lib/assert.ts';
import { parentsFirst } from '../../kinesis/lineage.ts';
import { compareCheckpoints, type Checkpoint } from '../../kinesis/position.ts';
import { isOpen, type Shard } from '../../kinesis/shard.ts';
import type { Lease } from '../../leases/lease.ts';
import { rowLineageOf } from '../../leases/plan-shard-sync.ts';
import type { FreeRow } from '../../leases/reset-writes.ts';
import type { NewLease } from '../../leases/transitions.ts';
import { planByTime } from '../plan-by-time.ts';
import { isWithin, planImport, type KnownPositions } from '../plan-import.ts';

/*
 * From the rows as they are, and where they are to go, to rows as they are to be: one for every shard that the stream lists, so
 * that no shard without a row begins anywhere else. A shard that was finished and is to be read again gets its row back, and
 * its children wait for it as they did the first time.
 */

/** Where to. Times in ms since the epoch. */
export type ResetTo =
  | { to: 'TRIM_HORIZON' }
  /** `atMs`: by the stream's own clock. */
  | { to: 'LATEST'; atMs: number }
  /** `since`: shards that were open then, and all that came later. `notes` for people. */
  | { to: 'TIMESTAMP'; timestampMs: number; since: readonly Shard[]; notes: readonly string[] }
  | { to: 'SEQUENCES'; positions: readonly { shardId: string; checkpoint: Checkpoint }[] }
  /** Those of an earlier moment, or of another group. `name` for people. */
  | { to: 'POSITIONS'; name: string; positions: readonly { shardId: string; checkpoint: Checkpoint }[] };

/** What becomes of one shard. */
export interface ResetShard {
  lease: NewLease;
  /** Its row as it was found; undefined = it had none. */
  before: FreeRow | undefined;
  /** A sentence's part. */
  why: string;
}

export interface ResetPlan {
  /** Parents first; without those that stand there already. */
  shards: readonly ResetShard[];
  unchanged: readonly { shardId: string; before: FreeRow }[];
  notes: readonly string[];
  /** Why nothing may be written; empty = it may. */
  refusals: readonly string[];
}

interface Wanted {
  lease: NewLease;
  why: string;
}

export function planReset({
  target,
  shards,
  leases,
  nowMs,
}: {
  target: ResetTo;
  /** All that the stream lists from its beginning on. */
  shards: readonly Shard[];
  /** Of all the group's shards. */
  leases: readonly Lease[];
  nowMs: number;
}): ResetPlan {
  const { wanted, notes, refusals } = wantedBy(target, { shards, nowMs });
  if (refusals.length > 0) return { shards: [], unchanged: [], notes, refusals };
  const known = new Map(leases.map((lease) => [lease.shardId, lease]));
  const listed = new Set(shards.map(({ shardId }) => shardId));
  const gone = leases.filter(
    ({ shardId, checkpoint }) => !listed.has(shardId) && checkpoint.at !== 'SHARD_END',
  );
  const moved = wanted.map(({ lease, why }): ResetShard => {
    const row = known.get(lease.shardId);
    return { lease, why, before: row && freeRow(row) };
  });
  const isThere = ({ lease, before }: ResetShard) =>
    before !== undefined && isSame(before.checkpoint, lease.checkpoint);
  const planned = new Set(wanted.map(({ lease }) => lease.shardId));
  const left = leases.filter(({ shardId }) => !planned.has(shardId));
  return {
    shards: moved.filter((shard) => !isThere(shard)),
    unchanged: [
      ...moved.filter(isThere).map(({ lease, before }) => ({ shardId: lease.shardId, before: before! })),
      ...left.map((lease) => ({ shardId: lease.shardId, before: freeRow(lease) })),
    ],
    notes: [
      ...notes,
      ...gone.map(({ shardId }) => `${shardId} has left the stream with its retention, and stays as it is`),
    ],
    refusals,
  };
}

export function freeRow({ checkpoint, epoch, owner }: Lease): FreeRow {
  return { checkpoint, epoch, ...(owner === undefined ? {} : { owner }) };
}

function isSame(a: Checkpoint, b: Checkpoint): boolean {
  if (a.at === 'AT_TIMESTAMP') return b.at === a.at && b.timestampMs === a.timestampMs;
  return a.at === b.at && compareCheckpoints(a, b) === 0;
}

type Verdict = { wanted: Wanted[]; notes: readonly string[]; refusals: readonly string[] };

function wantedBy(target: ResetTo, { shards, nowMs }: { shards: readonly Shard[]; nowMs: number }): Verdict {
  const ordered = parentsFirst(shards);
  const listed = new Set(shards.map(({ shardId }) => shardId));
  const all = (of: (shard: Shard) => Omit<Wanted, 'lease'> & { checkpoint: Checkpoint }): Verdict => {
    const wanted = ordered.map((shard) => {
      const { checkpoint, why } = of(shard);
      return { lease: { ...rowLineageOf(shard, listed), checkpoint }, why };
    });
    return { wanted, notes: [], refusals: [] };
  };
  switch (target.to) {
    case 'TRIM_HORIZON':
      return all(() => ({ checkpoint: { at: 'TRIM_HORIZON' }, why: 'the oldest record kept' }));
    case 'LATEST':
      return all((shard) =>
        isOpen(shard)
          ? {
              checkpoint: { at: 'AT_TIMESTAMP', timestampMs: target.atMs },
              why: 'what comes after the reset',
            }
          : { checkpoint: { at: 'SHARD_END' }, why: 'closed: nothing comes after the reset' },
      );
    case 'TIMESTAMP':
      return byTime(target, { shards, nowMs });
    case 'SEQUENCES':
      return bySequence(target.positions, { ordered, listed });
    case 'POSITIONS':
      return byPositions(target, { shards, nowMs });
    default:
      return unreachable(target);
  }
}

function byTime(
  { timestampMs, since, notes }: Extract<ResetTo, { to: 'TIMESTAMP' }>,
  { shards, nowMs }: { shards: readonly Shard[]; nowMs: number },
): Verdict {
  if (timestampMs > nowMs) {
    const time = new Date(timestampMs).toISOString();
    const refusals = [`${time} is in the future; for what comes after the reset use Latest`];
    return { wanted: [], notes: [], refusals };
  }
  const plan = planByTime({ all: shards, since, fromMs: timestampMs, processedUntilMs: timestampMs });
  const wanted = plan.shards.map(({ lease, why }) => ({
    lease,
    // To the plan it is a time until which somebody has processed everything.
    why: lease.checkpoint.at === 'AT_TIMESTAMP' ? 'what was written from that time on' : why,
  }));
  return { wanted, notes, refusals: [] };
}

function bySequence(
  positions: Extract<ResetTo, { to: 'SEQUENCES' }>['positions'],
  { ordered, listed }: { ordered: readonly Shard[]; listed: ReadonlySet<string> },
): Verdict {
  const asked = new Map(positions.map((position) => [position.shardId, position.checkpoint]));
  const refusals = [...asked.keys()]
    .filter((shardId) => !listed.has(shardId))
    .map((shardId) => `${shardId} is not in the stream`);
  const wanted = ordered.flatMap((shard): Wanted[] => {
    const checkpoint = asked.get(shard.shardId);
    if (checkpoint === undefined) return [];
    if (checkpoint.at === 'SEQUENCE' && !isWithin(checkpoint.sequence, shard))
      refusals.push(`${checkpoint.sequence} is not in ${shard.shardId}`);
    return [{ lease: { ...rowLineageOf(shard, listed), checkpoint }, why: 'as asked' }];
  });
  return { wanted, notes: [], refusals };
}

function byPositions(
  { name, positions }: Extract<ResetTo, { to: 'POSITIONS' }>,
  { shards, nowMs }: { shards: readonly Shard[]; nowMs: number },
): Verdict {
  const foreign: KnownPositions = {
    program: 'kcg',
    source: name,
    positions: positions.map(({ shardId, checkpoint }) => ({ shardId, point: checkpoint })),
    // Rows of ended shards expire.
    dropsFinishedShards: true,
    skipped: [],
    refusals: [],
  };
  const plan = planImport({ foreign, shards, initialPosition: { at: 'TRIM_HORIZON' }, nowMs });
  const wanted = plan.shards.map(({ lease, from, why }) => ({
    lease,
    why: from === undefined ? why : `its position in ${name}`,
  }));
  // That a finished shard has left the stream is no news.
  const notes = plan.notes.filter((note) => !note.includes('is finished there'));
  return { wanted, notes, refusals: plan.refusals };
}
