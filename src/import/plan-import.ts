import { unreachable } from '../lib/assert.ts';
import { compareSequence } from '../kinesis/record.ts';
import { parseSequence } from '../kinesis/sequence-number.ts';
import { parentsFirst } from '../kinesis/lineage.ts';
import { isOpen, parentsOf, type Shard } from '../kinesis/shard.ts';
import type { Checkpoint } from '../kinesis/position.ts';
import { rowLineageOf } from '../leases/plan-shard-sync.ts';
import type { NewLease } from '../leases/transitions.ts';
import type { ForeignPoint, ForeignPosition, ForeignPositions } from './foreign-store.ts';

/*
 * From another consumer's positions to rows of ours, for every shard that the stream lists.
 *
 * A number stays a number, also on a finished shard: reading finds nothing behind it, ends the shard, and lets the children go
 * on. What has no row is decided by its lineage. Was it finished? Some programs remove such rows, and then a row of a shard
 * that came of it says so. Was a shard seen that it came of? Then it begins at TRIM_HORIZON, so that nothing between parent and
 * child is skipped. Else nobody knows where the other would have begun, and the group's own initial position counts.
 *
 * Positions that cannot be of this stream are refused, all or nothing: a stream that was deleted and made again gives its
 * shards the same ids.
 */

export type StartPosition =
  | { at: 'TRIM_HORIZON' }
  | { at: 'LATEST' }
  | { at: 'AT_TIMESTAMP'; timestampMs: number };

/** Positions in the stream, of whatever program. */
export type KnownPositions = Pick<
  ForeignPositions,
  'source' | 'dropsFinishedShards' | 'lastSeenMs' | 'skipped' | 'refusals'
> & {
  program: string;
  positions: readonly Pick<ForeignPosition, 'shardId' | 'point' | 'parents' | 'note'>[];
};

export interface ImportInput {
  foreign: KnownPositions;
  /** All that the stream lists from its beginning on. */
  shards: readonly Shard[];
  /** By shard id: is there a record behind its position? Only shards that were looked at are in it. */
  follows?: ReadonlyMap<string, boolean>;
  /** The group's: it should be what the other was configured to. */
  initialPosition: StartPosition;
  nowMs: number;
}

export interface ImportedShard {
  /** Our row, with all parents that the stream lists. `SHARD_END` = nothing of it is left to process. */
  lease: NewLease;
  /** Undefined: the other has no row of it. */
  from: ForeignPoint | undefined;
  /** A sentence's part: `its last checkpoint`. */
  why: string;
  /** Records that neither will process, in words. */
  missing?: string;
  /** Records that come twice, in words; beside those processed and not yet checkpointed, which always do. */
  twice?: string;
}

export interface ImportPlan {
  /** Parents first. Empty when it is refused. */
  shards: readonly ImportedShard[];
  /** For people: what the plan leaves out, and why. */
  notes: readonly string[];
  /** Why nothing may be written, in words; empty = it may. */
  refusals: readonly string[];
}

export function planImport(input: ImportInput): ImportPlan {
  const { foreign, shards } = input;
  const lineage = new ForeignLineage(foreign, shards);
  const refusals = [...foreign.refusals, ...foreign.positions.flatMap((at) => misfit(at, input, lineage))];
  const gone = foreign.positions.filter(({ shardId }) => !lineage.listed.has(shardId));
  const notes = [
    ...gone.map(tellGone),
    ...foreign.positions.flatMap(({ shardId, note }) => (note === undefined ? [] : `${shardId} ${note}`)),
    ...foreign.skipped.map(({ row, why }) => `${row} is skipped: ${why}`),
  ];
  if (refusals.length > 0) return { shards: [], notes, refusals };
  const imported = lineage.parentsFirst.map((shard): ImportedShard => {
    const position = lineage.rows.get(shard.shardId);
    const start = position ? startOf(position, shard, input, lineage) : startWithout(shard, input, lineage);
    const { checkpoint, ...rest } = start;
    const lease = { ...rowLineageOf(shard, lineage.listed), checkpoint };
    return { lease, from: position?.point, ...rest };
  });
  return { shards: imported, notes, refusals };
}

interface Start {
  checkpoint: Checkpoint;
  why: string;
  missing?: string;
  twice?: string;
}

/** What the other's rows say of the stream's shards and where they came from. */
class ForeignLineage {
  readonly rows: ReadonlyMap<string, KnownPositions['positions'][number]>;
  readonly listed: ReadonlyMap<string, Shard>;
  readonly parentsFirst: readonly Shard[];
  /** Shards with a row, and all that those came of. */
  readonly #seen: ReadonlySet<string>;
  /** Shards that one with a row came of. */
  readonly #passed: ReadonlySet<string>;
  /** By shard id, what was asked: splits and merges by turns have more ways up than can be walked. */
  readonly #asked = new Map<string, boolean>();

  constructor({ positions }: KnownPositions, shards: readonly Shard[]) {
    this.rows = new Map(positions.map((position) => [position.shardId, position]));
    this.listed = new Map(shards.map((shard) => [shard.shardId, shard]));
    const passed = new Set<string>();
    const visit = (shardId: string) => {
      for (const parent of this.#parentsOf(shardId)) {
        if (passed.has(parent)) continue;
        passed.add(parent);
        visit(parent);
      }
    };
    for (const { shardId } of positions) visit(shardId);
    this.#passed = passed;
    this.#seen = new Set([...passed, ...this.rows.keys()]);
    this.parentsFirst = parentsFirst(shards);
  }

  /** A shard that came of it has a row. */
  isPassed(shardId: string): boolean {
    return this.#passed.has(shardId);
  }

  /** The other knew a shard that it came of. */
  hasSeenAncestor(shardId: string): boolean {
    const known = this.#asked.get(shardId);
    if (known !== undefined) return known;
    const found = this.#parentsOf(shardId).some((id) => this.#seen.has(id) || this.hasSeenAncestor(id));
    this.#asked.set(shardId, found);
    return found;
  }

  /** Also those that the stream has forgotten. */
  #parentsOf(shardId: string): readonly string[] {
    const shard = this.listed.get(shardId);
    return shard ? parentsOf(shard) : (this.rows.get(shardId)?.parents ?? []);
  }
}

/** Why a position cannot be one in this stream; none when it can. */
function misfit(
  { shardId, point }: Pick<ForeignPosition, 'shardId' | 'point'>,
  { foreign, initialPosition }: ImportInput,
  { listed }: ForeignLineage,
): string[] {
  const where = `${foreign.source}: ${shardId}`;
  const shard = listed.get(shardId);
  if (!shard) {
    const newest = [...listed.keys()].sort().at(-1);
    if (newest !== undefined && shardId < newest) return [];
    return [`${where} is not in the stream, whose newest shard is ${newest ?? 'none'}: ${OTHER_STREAM}`];
  }
  if (point.at === 'SHARD_END' && isOpen(shard)) {
    const read = foreign.program === 'kcg' ? 'a group with spec.range has read all of its range, or ' : '';
    return [`${where} is finished there, and open in the stream: ${read}${OTHER_STREAM}`];
  }
  if (point.at === 'SEQUENCE' && !isWithin(point.sequence, shard)) {
    return [
      `${where} stands at ${point.sequence}, which is not in that shard of the stream: ${OTHER_STREAM}`,
    ];
  }
  const lacksTime = point.at === 'AT_TIMESTAMP' && point.timestampMs === undefined;
  if (lacksTime && initialPosition.at === 'LATEST') {
    return [
      `${where} begins at a time that only the other's configuration tells: give the group that time as initialPosition`,
    ];
  }
  return [];
}

const OTHER_STREAM = 'the positions are of another stream, or of an earlier one of the same name';

/** Such a number there can be in that shard: the service refuses to read from one that it has given out in another. */
export function isWithin(sequence: string, { startingSequence, endingSequence }: Shard): boolean {
  const [its, ours] = [parseSequence(sequence), parseSequence(startingSequence)];
  const isOthers = its?.shardNumber !== ours?.shardNumber || its?.createdAtSeconds !== ours?.createdAtSeconds;
  if (its && ours && isOthers) return false;
  if (compareSequence(sequence, startingSequence) < 0) return false;
  // Emulators give closed shards an end below their beginning.
  const hasEnd = endingSequence !== undefined && compareSequence(endingSequence, startingSequence) >= 0;
  return !hasEnd || compareSequence(sequence, endingSequence) <= 0;
}

function startOf(
  { point, shardId }: Pick<ForeignPosition, 'shardId' | 'point'>,
  shard: Shard,
  input: ImportInput,
  lineage: ForeignLineage,
): Start {
  switch (point.at) {
    case 'SHARD_END':
      return { checkpoint: { at: 'SHARD_END' }, why: 'finished there' };
    case 'SEQUENCE':
      if (!isOpen(shard) && input.follows?.get(shardId) === false) {
        return { checkpoint: { at: 'SHARD_END' }, why: 'closed, and nothing follows its last checkpoint' };
      }
      return { checkpoint: point, why: 'its last checkpoint' };
    case 'TRIM_HORIZON':
      return {
        checkpoint: { at: 'TRIM_HORIZON' },
        why: 'nothing of it is checkpointed; it begins at TRIM_HORIZON there',
      };
    case 'LATEST':
      return latest(input, 'nothing of it is checkpointed; it begins at LATEST there');
    case 'AT_TIMESTAMP':
      if (point.timestampMs !== undefined) {
        return {
          checkpoint: { at: 'AT_TIMESTAMP', timestampMs: point.timestampMs },
          why: 'the time it begins at there',
        };
      }
      return initial(
        shard,
        input,
        'nothing of it is checkpointed; it begins at a time that the row does not tell',
      );
    case 'NONE':
      return unread(shard, input, lineage, 'nothing of it is checkpointed');
    default:
      return unreachable(point);
  }
}

function startWithout(shard: Shard, input: ImportInput, lineage: ForeignLineage): Start {
  const { program, dropsFinishedShards } = input.foreign;
  if (dropsFinishedShards && lineage.isPassed(shard.shardId)) {
    return {
      checkpoint: { at: 'SHARD_END' },
      why: 'it has no row, and shards that came of it have: finished there',
    };
  }
  const start = unread(shard, input, lineage, 'it has no row');
  if (!dropsFinishedShards || isOpen(shard) || start.checkpoint.at === 'SHARD_END') return start;
  return { ...start, twice: `all of it, if it was finished: ${program} removes rows of finished shards` };
}

/** Where a shard begins of which nothing was processed, as far as the rows tell. */
function unread(shard: Shard, input: ImportInput, lineage: ForeignLineage, why: string): Start {
  if (!lineage.hasSeenAncestor(shard.shardId)) return initial(shard, input, why);
  return { checkpoint: { at: 'TRIM_HORIZON' }, why: `${why}; it came of a shard that was known there` };
}

function initial(shard: Shard, input: ImportInput, why: string): Start {
  const { initialPosition } = input;
  if (initialPosition.at !== 'LATEST') {
    return { checkpoint: initialPosition, why: `${why}; the group's initialPosition` };
  }
  if (!isOpen(shard)) {
    return {
      checkpoint: { at: 'SHARD_END' },
      why: `${why}; closed, and the group's initialPosition is Latest`,
      missing: 'all of it',
    };
  }
  return latest(input, `${why}; the group's initialPosition`);
}

/** What came since the other was last seen alive was not read by it, however it begins. */
function latest({ foreign, nowMs }: ImportInput, why: string): Start {
  const { lastSeenMs } = foreign;
  if (lastSeenMs === undefined || lastSeenMs >= nowMs) {
    return {
      checkpoint: { at: 'AT_TIMESTAMP', timestampMs: nowMs },
      why: `${why}, from now`,
      missing: 'what came after the other stopped and before now',
    };
  }
  return {
    checkpoint: { at: 'AT_TIMESTAMP', timestampMs: Math.max(0, lastSeenMs) },
    why: `${why}, from when it was last seen alive`,
    twice: 'what it processed after that and before it stopped',
  };
}

function tellGone({ shardId, point }: Pick<ForeignPosition, 'shardId' | 'point'>): string {
  return point.at === 'SHARD_END'
    ? `${shardId} is finished there, and has left the stream`
    : `${shardId} has left the stream: what was behind its position there is past retention`;
}
