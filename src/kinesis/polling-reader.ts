import { backoffMs, jitterMs } from '../lib/backoff.ts';
import { abortError, type Clock } from '../lib/clock.ts';
import { hasCode, isRetryable, KcgError } from '../lib/errors.ts';
import type { Random } from '../lib/random.ts';
import { parseHashRange, type HashRange } from './hash-key.ts';
import { deaggregate } from './kpl/deaggregate.ts';
import { hasLeft } from './lineage.ts';
import { nextReadDelay, type LastRead } from './next-read-delay.ts';
import { nextReadLimit, sparingLimit, type FinishedRead } from './read-limit.ts';
import { readPositionAfter, type Checkpoint } from './position.ts';
import type { KinesisRecord, UserRecord } from './record.ts';
import { isOpen, type ChildShard } from './shard.ts';
import type { GetRecordsResult, ReadPosition, StreamClient } from './stream-client.ts';

export interface ReadResult {
  /** In order; KPL aggregates opened; nothing at or below the checkpoint. May be empty. */
  records: UserRecord[];
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

export interface PollingReaderOptions {
  client: StreamClient;
  clock: Clock;
  random: Random;
  /** Without a range when that is not known. */
  shard: { shardId: string; hashStart: string | undefined; hashEnd: string | undefined };
  from: Exclude<Checkpoint, { at: 'SHARD_END' }>;
  /** Kinesis records a call, 1–10,000. */
  maxRecords: number;
  /** Between reads of a shard that is caught up, at least 200 ms. */
  pollIntervalMs: number;
  /**
   * Told once when reading begins to fail, when it fails in another way, and with `undefined` when it works again.
   * Reading goes on by itself. Throttling counts from the sixth in a row: other groups share the shard's rate.
   */
  onTrouble?: (error: KcgError | undefined) => void;
  /**
   * How long before now all was read that was in the shard, ms; undefined when nothing is missed that has left the
   * retention since.
   */
  unreadMs?: number | undefined;
  retentionHours?: () => number;
  /**
   * Records may be lost: the position, of this age in ms, has left the retention, or the shard the stream. Told before
   * reading goes on, once until reading has caught up a tenth of the retention.
   */
  onLost?: (ageMs: number) => void;
  /** Memory is short: a read is to bring a MiB at most. */
  isTight?: () => boolean;
  /** Hash ranges of the shard's parents, as far as they are known and keys place records on this stream. Default: none. */
  parentRanges?: () => readonly HashRange[];
  /** So many user records were left out of a read, because they come in another shard. */
  onLeftOut?: (count: number) => void;
}

const BACKOFF = { baseMs: 500, maxMs: 10_000 };
/** Sooner: a shard that serves five reads a second has room again within a fifth of one. */
const THROTTLE_BACKOFF = { baseMs: 200, maxMs: 10_000 };
const THROTTLES_BEFORE_TROUBLE = 6;
const HOUR_MS = 3_600_000;
/** A read that is overdue by less is no news, ms: a throttle or two. */
const OVERDUE_MS = 10_000;

/**
 * Reads one shard with GetRecords, from a checkpoint to the shard's end.
 *
 * `next` waits as long as the shard's rates and the poll interval ask for, does one successful GetRecords and returns
 * what it brought. Failures that pass (throttling, timeouts, the network, an expired iterator) are retried inside with
 * back-off; the others (`NotFound`, `AccessDenied`, `Credentials`, `InvalidInput`) are thrown, and a later `next` tries
 * again. A retry starts behind the last record returned, so nothing is left out and nothing comes twice. A shard that has
 * left the stream with its retention is at its end: its children would wait for it for ever.
 */
export class PollingReader {
  /** GetRecords calls made and throttled so far, for metrics. */
  calls = 0;
  throttles = 0;
  readonly #options: PollingReaderOptions;
  #after: { sequence: string; subSequence?: number | undefined } | undefined;
  #position: ReadPosition;
  #iterator: string | undefined;
  /** Records to ask for: as many as the line carries in time, and what was asked for last. */
  #lineLimit: number;
  #limit: number;
  #recordBytes: number | undefined;
  #lastSequence: string | undefined;
  #last: LastRead | undefined;
  #startedAt = -Infinity;
  /** Start of the last read that succeeded; before the first, when this reader was made. */
  #readAt: number;
  /** Until this moment all was read that was in the shard. */
  #seenTo: number | undefined;
  #toldLost = false;
  #failures = 0;
  #trouble: KcgError | undefined;
  #thrown: KcgError | undefined;
  #ended: ReadResult | undefined;

  constructor(options: PollingReaderOptions) {
    this.#options = options;
    this.#readAt = options.clock.monotonic();
    this.#seenTo = options.unreadMs === undefined ? undefined : this.#readAt - options.unreadMs;
    this.#lineLimit = this.#limit = options.maxRecords;
    this.#position = readPositionAfter(options.from);
    if (options.from.at === 'SEQUENCE') this.#after = options.from;
  }

  /**
   * How long the shard has not been read though it should have been, ms: reads fail, or take long, or nobody asks for the
   * next. Before the first read, since this reader was made.
   */
  unreadForMs(): number {
    const sinceMs = this.#options.clock.monotonic() - this.#readAt;
    if (!this.#last) return sinceMs;
    return sinceMs < nextReadDelay(this.#last, this.#options.pollIntervalMs) + OVERDUE_MS ? 0 : sinceMs;
  }

  /** Not to be called again before it has settled. Behind the shard's end it returns the empty end again. */
  async next(signal: AbortSignal): Promise<ReadResult> {
    const { clock, random, pollIntervalMs } = this.#options;
    if (this.#ended) return this.#ended;
    const poll = jitterMs(pollIntervalMs, 0.05, random);
    const sinceLastMs = clock.monotonic() - this.#startedAt;
    // A failure that was thrown slows the next try down like any other, so that callers may simply call again.
    let waitMs = this.#thrown ? this.#backoff(this.#thrown) : nextReadDelay(this.#last, poll) - sinceLastMs;
    for (;;) {
      if (waitMs > 0) await clock.sleep(waitMs, { signal });
      if (signal.aborted) throw abortError(signal);
      try {
        const result = await this.#take(await this.#read(signal), signal);
        this.#failures = 0;
        this.#thrown = undefined;
        this.#hasRead(result);
        this.#report(undefined);
        return result;
      } catch (thrown) {
        if (signal.aborted) throw abortError(signal);
        const left = hasCode(thrown, 'NotFound') && (await this.#leave(signal));
        if (left) return left;
        waitMs = this.#waitAfter(KcgError.from(thrown));
      }
    }
  }

  async #read(signal: AbortSignal): Promise<GetRecordsResult> {
    const { client, clock, shard, isTight = () => false } = this.#options;
    this.#tellLost();
    this.#iterator ??= await client.getIterator(shard.shardId, this.#position, { signal });
    this.#startedAt = clock.monotonic();
    this.calls += 1;
    this.#limit = isTight() ? sparingLimit(this.#lineLimit, this.#recordBytes) : this.#lineLimit;
    try {
      const read = await client.getRecords(this.#iterator, this.#limit, { signal });
      this.#sized({ records: read.records.length, tookMs: clock.monotonic() - this.#startedAt });
      return read;
    } catch (thrown) {
      if (!signal.aborted && hasCode(thrown, 'Timeout', 'Unavailable')) this.#sized('failed');
      throw thrown;
    }
  }

  #sized(read: FinishedRead | 'failed'): void {
    const next = nextReadLimit(this.#limit, this.#options.maxRecords, read);
    // What was asked for sparingly says little of the line.
    this.#lineLimit = next < this.#limit ? next : Math.max(next, this.#lineLimit);
  }

  /** The service says nothing of records that are gone: it goes on with the oldest that is left. */
  #tellLost(): void {
    const { clock, retentionHours = () => Infinity, onLost } = this.#options;
    if (this.#toldLost || this.#seenTo === undefined) return;
    const ageMs = clock.monotonic() - this.#seenTo;
    if (ageMs <= retentionHours() * HOUR_MS) return;
    this.#toldLost = true;
    onLost?.(ageMs);
  }

  #hasRead({ millisBehindLatest }: ReadResult): void {
    const { clock, retentionHours = () => Infinity } = this.#options;
    this.#readAt = this.#startedAt;
    this.#seenTo = this.#startedAt - millisBehindLatest;
    // A reader that stays at the edge of the retention loses records at every read.
    if (clock.monotonic() - this.#seenTo < 0.9 * retentionHours() * HOUR_MS) this.#toldLost = false;
  }

  /** Nothing is changed here when it throws: the same records are read again. */
  async #take(read: GetRecordsResult, signal: AbortSignal): Promise<ReadResult> {
    const { records, millisBehindLatest, nextIterator, childShards } = read;
    const isEnd = nextIterator === undefined && (childShards.length > 0 || records.length === 0);
    // Not before its records are handed on: a refusal must not cost them.
    if (isEnd && childShards.length === 0) await this.#confirmEnd(signal);
    const bytes = records.reduce((sum, record) => sum + record.data.length + record.partitionKey.length, 0);
    const fresh = this.#open(records);
    const last = records.at(-1);
    if (last) {
      this.#recordBytes = bytes / records.length;
      this.#lastSequence = last.sequence;
      this.#after = { sequence: last.sequence };
      this.#position = { at: 'AFTER_SEQUENCE_NUMBER', sequence: last.sequence };
    }
    this.#iterator = nextIterator;
    this.#last = { bytes, millisBehindLatest, isFull: records.length >= this.#limit };
    const end = isEnd ? { childShards } : undefined;
    const result = { records: fresh, bytes, lastSequence: this.#lastSequence, millisBehindLatest, end };
    if (end) this.#ended = { ...result, records: [], bytes: 0 };
    return result;
  }

  /**
   * An answer without iterator and children is the end of a closed shard where the service does not name children (some
   * emulators); of an open shard it is no answer, and to end that shard would lose all that is still to come.
   */
  async #confirmEnd(signal: AbortSignal): Promise<void> {
    const { client, shard } = this.#options;
    const listed = await client.listShards({ from: 'TRIM_HORIZON' }, { signal });
    const found = listed.find(({ shardId }) => shardId === shard.shardId);
    if (found ? !isOpen(found) : hasLeft(shard, listed)) return;
    this.#iterator = undefined;
    throw new KcgError('Unavailable', `GetRecords gave no iterator for ${shard.shardId}, which is open`);
  }

  /** The end, when the shard was not found because the stream has it no more. */
  async #leave(signal: AbortSignal): Promise<ReadResult | undefined> {
    const { client, clock, shard, onLost } = this.#options;
    try {
      if (!hasLeft(shard, await client.listShards({ from: 'TRIM_HORIZON' }, { signal }))) return undefined;
    } catch {
      return undefined; // then it is not known, and the next try asks again
    }
    this.#report(undefined);
    if (!this.#toldLost) onLost?.(clock.monotonic() - (this.#seenTo ?? this.#readAt));
    const end = { childShards: [] };
    this.#ended = { records: [], bytes: 0, lastSequence: this.#lastSequence, millisBehindLatest: 0, end };
    return this.#ended;
  }

  #open(records: readonly KinesisRecord[]): UserRecord[] {
    const { shard, parentRanges, onLeftOut } = this.#options;
    const { hashStart, hashEnd } = shard;
    const own =
      hashStart === undefined || hashEnd === undefined ? undefined : parseHashRange({ hashStart, hashEnd });
    const placement = { own, parents: parentRanges?.() ?? [] };
    const opened = deaggregate(records, { placement, after: this.#after });
    if (opened.leftOut > 0) onLeftOut?.(opened.leftOut);
    return opened.records;
  }

  /** How long to wait before the next attempt, ms. Throws what does not pass by itself. */
  #waitAfter(error: KcgError): number {
    if (error.code === 'ExpiredIterator') {
      this.#iterator = undefined;
      return this.#failures++ === 0 ? 0 : this.#backoff(error);
    }
    this.#failures += 1;
    if (this.#isTooEarly(error)) return Math.max(this.#options.pollIntervalMs, this.#backoff(error));
    if (!isRetryable(error)) {
      this.#iterator = undefined;
      this.#thrown = error;
      this.#trouble = error; // the caller tells it; that it is over is told here
      throw error;
    }
    if (error.code === 'Throttled') this.throttles += 1;
    if (error.code !== 'Throttled' || this.#failures >= THROTTLES_BEFORE_TROUBLE) this.#report(error);
    return this.#backoff(error);
  }

  /** The service refuses a time that is still to come, also when only its clock is behind ours: wait for it. */
  #isTooEarly(error: KcgError): boolean {
    const { clock } = this.#options;
    const position = this.#position;
    return (
      hasCode(error, 'InvalidInput') &&
      position.at === 'AT_TIMESTAMP' &&
      position.timestampMs > clock.now() - 60_000
    );
  }

  #backoff(error: KcgError): number {
    const backoff = error.code === 'Throttled' ? THROTTLE_BACKOFF : BACKOFF;
    return error.retryAfterMs ?? backoffMs(this.#failures, this.#options.random, backoff);
  }

  #report(error: KcgError | undefined): void {
    if (this.#trouble?.code === error?.code) return;
    this.#trouble = error;
    this.#options.onTrouble?.(error);
  }
}
