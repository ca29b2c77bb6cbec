import { backoffMs, jitterMs } from '../lib/backoff.ts';
import { abortError } from '../lib/clock.ts';
import { hasCode, isRetryable, KcgError } from '../lib/errors.ts';
import { takeOut } from '../lib/take-out.ts';
import { LossWatch } from './loss-watch.ts';
import { nextReadDelay, type LastRead } from './next-read-delay.ts';
import { limitWithin, nextReadLimit, type FinishedRead, type ReadRoom } from './read-limit.ts';
import { readPositionAfter } from './position.ts';
import { sizeOf } from './record.ts';
import {
  hasLeftStream,
  isAtEnd,
  isTooEarly,
  openRecords,
  type ReadResult,
  type ShardReader,
  type ShardReaderOptions,
} from './shard-reader.ts';
import type { GetRecordsResult, ReadPosition } from './stream-client.ts';

export interface PollingReaderOptions extends ShardReaderOptions {
  /** Kinesis records a call, 1–10,000. */
  maxRecords: number;
  /** Between reads of a shard that is caught up, at least 200 ms. */
  pollIntervalMs: number;
  /** Room for what a read may bring. Default: for as much as the service sends. */
  room?: ReadRoom;
}

const BACKOFF = { baseMs: 500, maxMs: 10_000 };
/** Sooner: a shard that serves five reads a second has room again within a fifth of one. */
const THROTTLE_BACKOFF = { baseMs: 200, maxMs: 10_000 };
/** Throttling is trouble from the sixth in a row: other groups share the shard's rate. */
const THROTTLES_BEFORE_TROUBLE = 6;
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
export class PollingReader implements ShardReader {
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
  readonly #losses: LossWatch;
  #failures = 0;
  #trouble: KcgError | undefined;
  #thrown: KcgError | undefined;
  #ended: ReadResult | undefined;

  constructor(options: PollingReaderOptions) {
    this.#options = options;
    this.#readAt = options.clock.monotonic();
    this.#losses = new LossWatch(options);
    this.#trouble = options.trouble;
    this.#lineLimit = this.#limit = options.maxRecords;
    this.#position = readPositionAfter(options.from);
    if (options.from.at === 'SEQUENCE') this.#after = options.from;
  }

  unreadForMs(): number {
    const sinceMs = this.#options.clock.monotonic() - this.#readAt;
    if (!this.#last) return sinceMs;
    return sinceMs < nextReadDelay(this.#last, this.#options.pollIntervalMs) + OVERDUE_MS ? 0 : sinceMs;
  }

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
        this.#readAt = this.#startedAt;
        this.#losses.hasRead(this.#startedAt, result.millisBehindLatest);
        this.#report(undefined);
        return result;
      } catch (thrown) {
        this.#options.room?.settle();
        if (signal.aborted) throw abortError(signal);
        if (await hasLeftStream(thrown, this.#options, signal)) return this.#leave();
        waitMs = this.#waitAfter(KcgError.from(thrown));
      }
    }
  }

  async #read(signal: AbortSignal): Promise<GetRecordsResult> {
    const { client, clock, shard, room } = this.#options;
    this.#losses.check();
    this.#iterator ??= await client.getIterator(shard.shardId, this.#position, { signal });
    this.#startedAt = clock.monotonic();
    this.calls += 1;
    this.#limit = room ? limitWithin(room.ask(), this.#lineLimit, this.#recordBytes) : this.#lineLimit;
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

  /** Nothing is changed here when it throws: the same records are read again. */
  async #take(read: GetRecordsResult, signal: AbortSignal): Promise<ReadResult> {
    const { records, nextIterator, childShards } = read;
    const isEnd = nextIterator === undefined && (childShards.length > 0 || records.length === 0);
    // Not before its records are handed on: a refusal must not cost them.
    if (isEnd && childShards.length === 0) await this.#confirmEnd(signal);
    const bytes = records.reduce((sum, record) => sum + sizeOf(record), 0);
    const fresh = openRecords(this.#options, takeOut(read, 'records', []), this.#after);
    const last = records.at(-1);
    if (last) {
      this.#recordBytes = bytes / records.length;
      this.#lastSequence = last.sequence;
      this.#after = { sequence: last.sequence };
      this.#position = { at: 'AFTER_SEQUENCE_NUMBER', sequence: last.sequence };
    }
    this.#iterator = nextIterator;
    // One that brought all that was asked for is no proof: some emulators call every read caught up.
    const leastMs = !isEnd && records.length >= this.#limit ? 1 : 0;
    const millisBehindLatest = Math.max(read.millisBehindLatest, leastMs);
    this.#last = { bytes, millisBehindLatest };
    const end = isEnd ? { childShards } : undefined;
    const result = { records: fresh, bytes, lastSequence: this.#lastSequence, millisBehindLatest, end };
    if (end) this.#ended = { ...result, records: [], bytes: 0 };
    return result;
  }

  /** @throws KcgError `Unavailable` when an answer without iterator and children is not the end of the shard */
  async #confirmEnd(signal: AbortSignal): Promise<void> {
    if (await isAtEnd(this.#options, signal)) return;
    this.#iterator = undefined;
    const { shardId } = this.#options.shard;
    throw new KcgError('Unavailable', `GetRecords gave no iterator for ${shardId}, which is open`);
  }

  /** The stream has the shard no more. */
  #leave(): ReadResult {
    this.#report(undefined);
    this.#losses.hasLeft(this.#readAt);
    const end = { childShards: [] };
    this.#ended = { records: [], bytes: 0, lastSequence: this.#lastSequence, millisBehindLatest: 0, end };
    return this.#ended;
  }

  /** How long to wait before the next attempt, ms. Throws what does not pass by itself. */
  #waitAfter(error: KcgError): number {
    if (error.code === 'ExpiredIterator') {
      this.#iterator = undefined;
      return this.#failures++ === 0 ? 0 : this.#backoff(error);
    }
    this.#failures += 1;
    if (isTooEarly(error, this.#position, this.#options.clock))
      return Math.max(this.#options.pollIntervalMs, this.#backoff(error));
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
