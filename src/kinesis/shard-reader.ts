import type { Clock } from '../lib/clock.ts';
import { hasCode, type KcgError } from '../lib/errors.ts';
import type { Random } from '../lib/random.ts';
import { parseHashRange, type HashRange } from './hash-key.ts';
import { deaggregate } from './kpl/deaggregate.ts';
import { hasLeft } from './lineage.ts';
import type { Checkpoint } from './position.ts';
import type { KinesisRecord, RecordList } from './record.ts';
import { isOpen, type ChildShard } from './shard.ts';
import type { ReadPosition, StreamClient } from './stream-client.ts';

export interface ReadResult {
  /** In order; KPL aggregates opened; nothing at or below the checkpoint. May be empty. They are the caller's, to be taken out (`takeOut`). */
  records: RecordList;
  /** Bytes read from Kinesis: data and partition keys, also of records dropped. */
  bytes: number;
  /** Of the last Kinesis record read so far, also when all its user records were dropped. */
  lastSequence: string | undefined;
  /** 0 when caught up. */
  millisBehindLatest: number;
  /**
   * Set with the last result of a closed shard. `childShards` is empty when the service does not say (emulators):
   * list the shards then.
   */
  end: { childShards: ChildShard[] } | undefined;
}

/** Reads one shard from a checkpoint to its end, in order, each record once. */
export interface ShardReader {
  /**
   * The next records; waits until there are some or a sign of life. Failures that pass are retried inside; the others are
   * thrown, and a later `next` tries again. Not to be called again before it has settled, and always with the same signal:
   * when it aborts, the reader lets go of the shard. Behind the shard's end it returns the empty end again.
   */
  next(signal: AbortSignal): Promise<ReadResult>;
  /**
   * How long the shard has not been read though it should have been, ms: reads fail, or take long, or nobody asks for the
   * next. Before the first read, since this reader was made.
   */
  unreadForMs(): number;
}

/** What every reader of one shard is told, and tells, however it gets the records. */
export interface ShardReaderOptions {
  client: StreamClient;
  clock: Clock;
  random: Random;
  /** Without a range when that is not known. */
  shard: { shardId: string; hashStart: string | undefined; hashEnd: string | undefined };
  from: Exclude<Checkpoint, { at: 'SHARD_END' }>;
  /**
   * Told once when reading begins to fail, when it fails in another way, and with `undefined` when it works again.
   * Reading goes on by itself. Refusals that other readers cause count only when they last.
   */
  onTrouble?: (error: KcgError | undefined) => void;
  /** Told of the shard before this reader was made, and not over: so it is not told again, and that it is over is. */
  trouble?: KcgError | undefined;
  /**
   * How long before now all was read that was in the shard, ms; undefined when nothing is missed that has left the
   * retention since.
   */
  unreadMs?: number | undefined;
  retentionHours?: () => number;
  /**
   * Records may be lost: the position, of this age in ms, has left the retention, or the shard the stream. Told before
   * reading goes on, once until reading has caught up a tenth of the retention. `lostMs`: at most what was put in so long is
   * gone.
   */
  onLost?: (ageMs: number, lostMs: number) => void;
  /** Hash ranges of the shard's parents, as far as they are known and keys place records on this stream. Default: none. */
  parentRanges?: () => readonly HashRange[];
  /** So many user records were left out of a read, because they come in another shard. */
  onLeftOut?: (count: number) => void;
}

type ShardOptions = Pick<ShardReaderOptions, 'client' | 'shard'>;

/**
 * Is the shard at its end, though the service named no children? An answer without a way on is that where the service does
 * not name them (some emulators); of an open shard it is no answer, and to end that shard would lose all that is still to
 * come.
 */
export async function isAtEnd({ client, shard }: ShardOptions, signal: AbortSignal): Promise<boolean> {
  const listed = await client.listShards({ from: 'TRIM_HORIZON' }, { signal });
  const found = listed.find(({ shardId }) => shardId === shard.shardId);
  return found ? !isOpen(found) : hasLeft(shard, listed);
}

/** Was the shard not found because the stream has it no more? False where that cannot be said now. */
export async function hasLeftStream(
  thrown: unknown,
  { client, shard }: ShardOptions,
  signal: AbortSignal,
): Promise<boolean> {
  if (!hasCode(thrown, 'NotFound')) return false;
  try {
    return hasLeft(shard, await client.listShards({ from: 'TRIM_HORIZON' }, { signal }));
  } catch {
    return false;
  }
}

/** The service refuses a time that is still to come, also when only its clock is behind ours: wait for it. */
export function isTooEarly(error: KcgError, position: ReadPosition, clock: Clock): boolean {
  return (
    hasCode(error, 'InvalidInput') &&
    position.at === 'AT_TIMESTAMP' &&
    position.timestampMs > clock.now() - 60_000
  );
}

/** The records as a handler sees them; `after` is where reading began, or the last record read. */
export function openRecords(
  { shard, parentRanges, onLeftOut }: ShardReaderOptions,
  records: readonly KinesisRecord[],
  after: { sequence: string; subSequence?: number | undefined } | undefined,
): RecordList {
  const { hashStart, hashEnd } = shard;
  const own =
    hashStart === undefined || hashEnd === undefined ? undefined : parseHashRange({ hashStart, hashEnd });
  const placement = { own, parents: parentRanges?.() ?? [] };
  const opened = deaggregate(records, { placement, after });
  if (opened.leftOut > 0) onLeftOut?.(opened.leftOut);
  return opened.records;
}
