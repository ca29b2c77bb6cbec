import { backoffMs, jitterMs } from '../lib/backoff.ts';
import { abortError, withDeadline } from '../lib/clock.ts';
import { hasCode, isRetryable, KcgError } from '../lib/errors.ts';
import { takeOut } from '../lib/take-out.ts';
import { LossWatch } from './loss-watch.ts';
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
import type { ReadPosition, Subscription, SubscriptionEvent } from './stream-client.ts';

export interface FanOutReaderOptions extends ShardReaderOptions {
  consumerArn: string;
}

const BACKOFF = { baseMs: 500, maxMs: 10_000 };
const IN_USE_BACKOFF = { baseMs: 1_000, maxMs: 5_000 };
/** Calls for one consumer and shard are refused within five seconds of the last that was not, ms; clocks differ a little. */
const SUBSCRIBE_GAP_MS = 5_100;
/** The service ends a subscription after five minutes; the next begins before that, each shard's at its own time. */
const RENEW_MS = 270_000;
/** Without records the service gives a sign of life every five seconds. */
const SILENCE_MS = 30_000;
/** A predecessor is in the way for five seconds at most; what lasts longer is somebody else. */
const IN_USE_TROUBLE_MS = 20_000;
/** An event that nobody took for so long may have been overtaken, ms. */
const HELD_MS = 10_000;
/** An event that was waited for so long had not come before, ms. */
const AWAITED_MS = 1_000;
/** An event that is overdue by less is no news, ms. */
const OVERDUE_MS = 15_000;

/**
 * Reads one shard with SubscribeToShard, from a checkpoint to the shard's end: records come as they arrive, at a rate that no
 * other reader shares.
 *
 * The subscription is renewed before its five minutes are over, behind the last event that was taken; the old one serves
 * until the new one is there. One that breaks, ends or falls silent is replaced in the same way, so nothing is left out and
 * nothing comes twice. Records that nobody takes are not pulled: the window of the connection holds the service back.
 * `ResourceInUse` is waited out: the owner before has had the shard a moment ago. Only when it lasts is it told. When the
 * signal aborts the subscription ends at once, so that the next owner's is not in competition with it.
 */
export class FanOutReader implements ShardReader {
  readonly #options: FanOutReaderOptions;
  readonly #losses: LossWatch;
  readonly #renewMs: number;
  #after: { sequence: string; subSequence?: number | undefined } | undefined;
  #position: ReadPosition;
  #subscription: Subscription | undefined;
  #subscribedAt = -Infinity;
  /** When a renewal is tried; later when one has failed. */
  #renewAt = Infinity;
  #signal: AbortSignal | undefined;
  #lastSequence: string | undefined;
  /** When the last event came; before the first, when this reader was made. */
  #readAt: number;
  #hasBegun = false;
  /** When the last event was taken from this subscription, and how long it has not been asked since it was seen empty, ms. */
  #takenAt = 0;
  #heldMs = 0;
  #failures = 0;
  #inUseSince: number | undefined;
  #trouble: KcgError | undefined;
  #thrown: KcgError | undefined;
  #ended: ReadResult | undefined;

  constructor(options: FanOutReaderOptions) {
    this.#options = options;
    this.#readAt = options.clock.monotonic();
    this.#losses = new LossWatch(options);
    this.#trouble = options.trouble;
    this.#renewMs = jitterMs(RENEW_MS, 0.1, options.random);
    this.#position = readPositionAfter(options.from);
    if (options.from.at === 'SEQUENCE') this.#after = options.from;
  }

  unreadForMs(): number {
    const sinceMs = this.#options.clock.monotonic() - this.#readAt;
    return this.#hasBegun && sinceMs < OVERDUE_MS ? 0 : sinceMs;
  }

  async next(signal: AbortSignal): Promise<ReadResult> {
    const { clock } = this.#options;
    if (this.#ended) return this.#ended;
    this.#letGoWith(signal);
    // A failure that was thrown slows the next try down like any other, so that callers may simply call again.
    let waitMs = this.#thrown ? this.#backoff(this.#thrown) : 0;
    for (;;) {
      if (waitMs > 0) await clock.sleep(waitMs, { signal });
      if (signal.aborted) throw abortError(signal);
      try {
        const event = await this.#pull(await this.#subscribed(signal), signal);
        if (event) return await this.#take(event, signal);
        waitMs = 0;
        this.#drop();
      } catch (thrown) {
        this.#drop();
        if (signal.aborted) throw abortError(signal);
        if (await hasLeftStream(thrown, this.#options, signal)) return this.#leave();
        waitMs = this.#waitAfter(KcgError.from(thrown));
      }
    }
  }

  /** The subscription that is there, or the next one when it is time. */
  async #subscribed(signal: AbortSignal): Promise<Subscription> {
    const { client, clock, shard, consumerArn } = this.#options;
    const old = this.#subscription;
    if (old && clock.monotonic() < this.#renewAt) return old;
    await clock.sleep(this.#subscribedAt + SUBSCRIBE_GAP_MS - clock.monotonic(), { signal });
    this.#losses.check();
    const request = { consumerArn, shardId: shard.shardId, position: this.#position };
    try {
      const fresh = await client.subscribe(request, { signal });
      if (signal.aborted) {
        fresh.close();
        throw abortError(signal);
      }
      old?.close();
      this.#subscription = fresh;
      this.#subscribedAt = this.#takenAt = clock.monotonic();
      this.#heldMs = 0;
      this.#renewAt = this.#subscribedAt + this.#renewMs;
      return fresh;
    } catch (thrown) {
      if (!old || signal.aborted || !isRetryable(KcgError.from(thrown))) throw thrown;
      this.#renewAt = clock.monotonic() + SUBSCRIBE_GAP_MS;
      return old;
    }
  }

  async #pull(subscription: Subscription, signal: AbortSignal): Promise<SubscriptionEvent | undefined> {
    const { clock, shard } = this.#options;
    const what = `the subscription to ${shard.shardId}`;
    const askedAt = clock.monotonic();
    this.#heldMs += askedAt - this.#takenAt;
    const event = await withDeadline(clock, SILENCE_MS, { what, signal }, () => subscription.next());
    this.#takenAt = clock.monotonic();
    // One with records may take so long on a slow line.
    if (event?.records.length === 0 && this.#takenAt - askedAt >= AWAITED_MS) this.#heldMs = 0;
    return event;
  }

  #drop(): void {
    this.#subscription?.close();
    this.#subscription = undefined;
  }

  #letGoWith(signal: AbortSignal): void {
    if (this.#signal === signal) return;
    this.#signal = signal;
    signal.addEventListener('abort', () => this.#drop(), { once: true });
  }

  /** Nothing is changed here when it throws: the same records are read again. */
  async #take(event: SubscriptionEvent, signal: AbortSignal): Promise<ReadResult> {
    const { records, continuation, childShards } = event;
    // An event without a way on is the end of the shard or, where the service names no children, perhaps not.
    const mayBeEnd = continuation === undefined;
    const isEnd =
      mayBeEnd &&
      (childShards.length > 0 || (records.length === 0 && (await isAtEnd(this.#options, signal))));
    const bytes = records.reduce((sum, record) => sum + sizeOf(record), 0);
    const fresh = openRecords(this.#options, takeOut(event, 'records', []), this.#after);
    const last = records.at(-1);
    if (last) {
      this.#lastSequence = last.sequence;
      this.#after = { sequence: last.sequence };
    }
    const sequence = continuation ?? last?.sequence;
    if (sequence !== undefined) this.#position = { at: 'AFTER_SEQUENCE_NUMBER', sequence };
    if (mayBeEnd) this.#drop();
    // What waited in the connection was the latest when it was sent; more may wait behind it.
    const leastMs = this.#heldMs > HELD_MS && !isEnd ? 1 : 0;
    const millisBehindLatest = Math.max(event.millisBehindLatest, leastMs);
    this.#hasRead(millisBehindLatest);
    const end = isEnd ? { childShards } : undefined;
    const result = { records: fresh, bytes, lastSequence: this.#lastSequence, millisBehindLatest, end };
    if (end) this.#ended = { ...result, records: [], bytes: 0 };
    return result;
  }

  #hasRead(millisBehindLatest: number): void {
    const now = this.#options.clock.monotonic();
    this.#readAt = now;
    this.#hasBegun = true;
    this.#losses.hasRead(now, millisBehindLatest);
    this.#failures = 0;
    this.#thrown = undefined;
    // Two that take the shard from one another all get some events.
    const isContested = this.#inUseSince !== undefined && now - this.#subscribedAt < IN_USE_TROUBLE_MS;
    if (isContested) return;
    this.#inUseSince = undefined;
    this.#report(undefined);
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
    this.#failures += 1;
    if (this.#isInUse(error)) return this.#waitInUse(error);
    if (isTooEarly(error, this.#position, this.#options.clock)) return Math.max(1_000, this.#backoff(error));
    if (!isRetryable(error)) {
      this.#thrown = error;
      this.#trouble = error; // the caller tells it; that it is over is told here
      throw error;
    }
    this.#report(error);
    return this.#backoff(error);
  }

  #isInUse(error: KcgError): boolean {
    return hasCode(error, 'Conflict') && error.resource === this.#options.consumerArn;
  }

  #waitInUse(error: KcgError): number {
    const { clock, random, shard, consumerArn } = this.#options;
    this.#inUseSince ??= clock.monotonic();
    if (clock.monotonic() - this.#inUseSince >= IN_USE_TROUBLE_MS) {
      const message = `${shard.shardId} is read by somebody else with the same stream consumer: ${error.message}`;
      const fix = 'Give each program a stream consumer of its own: another spec.consumer.name.';
      this.#report(new KcgError('Conflict', message, { cause: error, resource: consumerArn, fix }));
    }
    return backoffMs(this.#failures, random, IN_USE_BACKOFF);
  }

  #backoff(error: KcgError): number {
    return error.retryAfterMs ?? backoffMs(this.#failures, this.#options.random, BACKOFF);
  }

  #report(error: KcgError | undefined): void {
    if (this.#trouble?.code === error?.code) return;
    this.#trouble = error;
    this.#options.onTrouble?.(error);
  }
}
