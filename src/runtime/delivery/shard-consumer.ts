import type { Checkpoint } from '../../kinesis/position.ts';
import type { ReadResult, ShardReader } from '../../kinesis/shard-reader.ts';
import type { UserRecord } from '../../kinesis/record.ts';
import type { ChildShard } from '../../kinesis/shard.ts';
import type { Progress } from '../../leases/transitions.ts';
import { backoffMs } from '../../lib/backoff.ts';
import { withDeadline, type Clock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import { Wakeup } from '../../lib/loop.ts';
import type { Random } from '../../lib/random.ts';
import type { RecordBuffer } from './batching.ts';
import type { BudgetShare, ByteBudget } from './byte-budget.ts';
import type { Checkpointer } from './checkpointer.ts';
import type { LoadMeter } from './load-meter.ts';
import type { Batch, Handler, HandlerContext, HandlerResult } from '../handlers/handler.ts';
import type { OnWorkerEvent } from '../worker-event.ts';

/**
 * How reading a shard ended. `drained`: nothing is being processed any more, `Checkpointer.takeUnwritten` has the rest.
 * `ended`: everything in the closed shard is processed. `lost`: the shard is (or may be) somebody else's.
 */
export type ConsumerEnd =
  | { as: 'drained' }
  | { as: 'ended'; childShards: readonly ChildShard[] }
  | { as: 'lost'; why: string };

export interface ShardConsumerOptions {
  shardId: string;
  reader: ShardReader;
  buffer: RecordBuffer;
  budget: ByteBudget;
  checkpointer: Checkpointer;
  meter: LoadMeter;
  /** How far behind the shard is, ms, until the first read tells. */
  behindMs: number;
  handler: Handler;
  context: Omit<HandlerContext, 'signal' | 'attempt' | 'shardId'>;
  /** The gate: asked before each batch and each acknowledgement. */
  leaseIsGood: () => boolean;
  clock: Clock;
  random: Random;
  onEvent: OnWorkerEvent;
}

/** Bytes that one shard has, waiting or with its handler, before it fetches no further ahead. */
const AHEAD_BYTES = 14 * 1024 * 1024;
const HANDLER_BACKOFF = { baseMs: 200, maxMs: 30_000 };
/** Also for one that is back at once: a batch may be what ends it. */
const LEAST_BACKOFF_MS = 1_000;

type Failure = Exclude<HandlerResult, { outcome: 'done' }>;

/*
 *            drain()                      all processed
 * consuming ────────► draining ─► drained        consuming ─► ended
 *     └───────────────── lose() ────────────────► lost     (handlers aborted, nothing acknowledged)
 *
 * Two loops: one fetches into a bounded buffer, one hands batches to the handler, one at a time and in order. A batch
 * counts as processed only when its handler said so while the lease was good.
 */
export class ShardConsumer {
  readonly #options: ShardConsumerOptions;
  /** Aborts fetching and waiting. */
  readonly #stopFetching = new AbortController();
  /** Aborts handlers. */
  readonly #abandon = new AbortController();
  readonly #wakeup = new Wakeup();
  #state: 'consuming' | 'draining' | 'lost' = 'consuming';
  #lostBecause = '';
  #end: ReadResult['end'];
  readonly #share: BudgetShare;
  #behindMs: number;
  #hasRead = false;
  #oldestArrivedAt: number | undefined;
  #done: Promise<ConsumerEnd> | undefined;

  constructor(options: ShardConsumerOptions) {
    this.#options = options;
    this.#share = options.budget.share(AHEAD_BYTES);
    this.#behindMs = options.behindMs;
  }

  /** Reads and delivers until the shard ends, `drain` or `lose`. Does not throw. */
  run(): Promise<ConsumerEnd> {
    this.#done ??= this.#run();
    return this.#done;
  }

  /** Stops fetching, lets the running batch finish for at most `timeoutMs`, then aborts its handler. */
  async drain(timeoutMs: number): Promise<ConsumerEnd> {
    if (this.#state === 'consuming') this.#state = 'draining';
    this.#stopFetching.abort(new KcgError('Aborted', 'draining'));
    this.#wakeup.wake();
    try {
      return await withDeadline(this.#options.clock, timeoutMs, { what: 'draining' }, () => this.run());
    } catch {
      this.#abandon.abort(
        new KcgError('Aborted', 'the handler did not finish in time to hand the shard over'),
      );
      return this.run();
    }
  }

  /** The shard may be somebody else's: aborts the handler and acknowledges nothing more. */
  lose(reason: string): void {
    if (this.#state === 'lost') return;
    this.#state = 'lost';
    this.#lostBecause = reason;
    this.#abandon.abort(new KcgError('Aborted', reason));
    this.#stopFetching.abort(this.#abandon.signal.reason);
    this.#wakeup.wake();
  }

  /** Ms between what has been processed and the tip of the shard, as far as this worker knows. */
  behindMs(): number {
    const { clock, reader } = this.#options;
    const waitingMs = this.#oldestArrivedAt === undefined ? 0 : clock.now() - this.#oldestArrivedAt;
    // What comes in while nothing is read is not seen.
    return Math.max(this.#behindMs + reader.unreadForMs(), waitingMs, 0);
  }

  /** What the row can say of the shard beside its checkpoint; undefined while this worker has not read it. */
  standing(): Omit<Progress, 'checkpoint'> | undefined {
    return this.#hasRead ? this.#progress() : undefined;
  }

  async #run(): Promise<ConsumerEnd> {
    const checkpointing = this.#options.checkpointer.run(this.#stopFetching.signal);
    const fetching = this.#fetch();
    const allProcessed = await this.#deliverAll();
    this.#stopFetching.abort(new KcgError('Aborted', 'delivery ended'));
    await Promise.all([fetching, checkpointing]);
    this.#share.clear();
    if (this.#state === 'lost') return { as: 'lost', why: this.#lostBecause };
    return allProcessed && this.#end
      ? { as: 'ended', childShards: this.#end.childShards }
      : { as: 'drained' };
  }

  async #fetch(): Promise<void> {
    const { reader, buffer, checkpointer, clock, onEvent, shardId } = this.#options;
    const { signal } = this.#stopFetching;
    while (!signal.aborted && !this.#end) {
      if (!this.#share.mayFetch) {
        this.#wakeup.wake(); // what waits here for its window is in the way of others
        await this.#share.room(signal);
        if (signal.aborted) return;
      }
      try {
        const read = await reader.next(signal);
        const before = buffer.bytes;
        buffer.add(read, clock.monotonic());
        this.#share.add(buffer.bytes - before);
        this.#oldestArrivedAt ??= read.records[0]?.arrivedAt;
        this.#behindMs = read.millisBehindLatest;
        this.#hasRead = true;
        this.#end = read.end;
        if (buffer.length === 0) checkpointer.quiet(this.#progress());
        this.#wakeup.wake();
      } catch (thrown) {
        if (!signal.aborted) onEvent({ type: 'ReadTrouble', shardId, error: KcgError.from(thrown) });
      }
    }
  }

  /** True when the shard's end was reached with everything processed. */
  async #deliverAll(): Promise<boolean> {
    const { buffer, clock, budget } = this.#options;
    const { signal } = this.#stopFetching;
    while (this.#state === 'consuming') {
      const before = buffer.bytes;
      const records = buffer.take(clock.monotonic(), budget.isFull);
      if (records) {
        const bytes = before - buffer.bytes;
        await this.#deliver(records);
        this.#share.remove(bytes);
      } else if (this.#end && buffer.length === 0) {
        return true;
      } else {
        const deadline = buffer.nextDeadlineMs;
        const waitMs = deadline === undefined ? Infinity : Math.max(1, deadline - clock.monotonic());
        await this.#wakeup.sleep(clock, waitMs, signal);
      }
    }
    return false;
  }

  async #deliver(records: readonly UserRecord[]): Promise<void> {
    const { shardId, handler, context, leaseIsGood } = this.#options;
    let rest = records;
    for (let attempt = 1; rest.length > 0 && this.#state === 'consuming'; attempt += 1) {
      if (!leaseIsGood()) return this.lose('the lease of this worker ran out');
      const records = rest.slice(0, handler.fit?.(rest));
      const batch: Batch = { shardId, records, millisBehindLatest: this.#behindMs };
      const result = await handler.handle(batch, {
        ...context,
        shardId,
        attempt,
        signal: this.#abandon.signal,
      });
      if (!leaseIsGood()) return this.lose('the lease of this worker ran out while a batch was processed');
      if (this.#abandon.signal.aborted) return;
      const processed = processedCount(result, records.length);
      if (processed > 0) {
        this.#acknowledge(rest, processed);
        rest = rest.slice(processed);
        attempt = 0;
      }
      if (result.outcome === 'done') continue;
      await this.#waitToRetry(result, Math.max(attempt, 1), rest);
      if (isTooLarge(result)) attempt = 0;
    }
  }

  /** Until the back-off is over, or what was away is back; not at all when the batch was only too large. */
  async #waitToRetry(result: Failure, attempt: number, rest: readonly UserRecord[]): Promise<void> {
    const { shardId, clock, random, onEvent } = this.#options;
    const { signal } = this.#stopFetching;
    const retryInMs = isTooLarge(result) ? 0 : Math.round(backoffMs(attempt, random, HANDLER_BACKOFF));
    onEvent({ type: 'HandlerFailed', shardId, attempt, error: failureOf(result, rest), retryInMs });
    const leastMs = Math.min(retryInMs, LEAST_BACKOFF_MS);
    await clock.sleep(leastMs, { signal });
    const back = new Wakeup();
    if (result.outcome === 'failed') void result.back?.then(() => back.wake());
    if (retryInMs > leastMs) await back.sleep(clock, retryInMs - leastMs, signal);
  }

  #progress(): Omit<Progress, 'checkpoint'> {
    const { clock, meter } = this.#options;
    return { behindMs: this.behindMs(), readAt: clock.now(), load: meter.load(clock.monotonic()) };
  }

  #acknowledge(batch: readonly UserRecord[], count: number): void {
    const { shardId, checkpointer, meter, clock, buffer, onEvent } = this.#options;
    const last = batch[count - 1]!;
    const next = batch[count] ?? buffer.peek();
    this.#oldestArrivedAt = next?.arrivedAt;
    const bytes = batch.slice(0, count).reduce((sum, record) => sum + record.data.length, 0);
    meter.add(count, bytes, clock.monotonic());
    checkpointer.note({ checkpoint: checkpointAt(last, next), ...this.#progress() });
    onEvent({ type: 'BatchDelivered', shardId, records: count, bytes, millisBehindLatest: this.#behindMs });
  }
}

/** The whole Kinesis record is done unless more of its user records follow. */
function checkpointAt(last: UserRecord, next: UserRecord | undefined): Checkpoint {
  const inside = last.subSequence !== undefined && next?.sequence === last.sequence;
  return {
    at: 'SEQUENCE',
    sequence: last.sequence,
    ...(inside ? { subSequence: last.subSequence } : {}),
  };
}

function processedCount(result: HandlerResult, length: number): number {
  if (result.outcome === 'done') return length;
  return result.outcome === 'partial' ? Math.min(result.firstFailure, length - 1) : 0;
}

function isTooLarge(result: Failure): boolean {
  return result.outcome === 'failed' && result.isTooLarge === true;
}

function failureOf(result: Failure, rest: readonly UserRecord[]): KcgError {
  if (result.outcome === 'failed') return result.error;
  const first = rest[0] && `, the first of them ${rest[0].sequence}`;
  return new KcgError('HandlerFailed', `the handler reported records of the batch as failed${first ?? ''}`);
}
