import type { Checkpoint } from '../../kinesis/position.ts';
import type { ReadResult, ShardReader } from '../../kinesis/shard-reader.ts';
import { ageOf, type UserRecord } from '../../kinesis/record.ts';
import type { ChildShard } from '../../kinesis/shard.ts';
import type { GivenUp } from '../../leases/lease.ts';
import type { Progress } from '../../leases/transitions.ts';
import { withDeadline } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import type { GiveUpCondition } from '../failure/failure-destination.ts';
import type { BudgetShare, ByteBudget } from './byte-budget.ts';
import type { Checkpointer } from './checkpointer.ts';
import { Lane, type DeliveryOptions } from './lane.ts';
import type { Lanes } from './lanes.ts';
import type { Reached } from './lowest-unfinished.ts';
import type { LoadMeter } from './load-meter.ts';

/**
 * How reading a shard ended. `drained`: nothing is being processed any more, `Checkpointer.takeUnwritten` has the rest.
 * `ended`: everything in the closed shard is processed. `lost`: the shard is (or may be) somebody else's.
 */
export type ConsumerEnd =
  | { as: 'drained' }
  | { as: 'ended'; childShards: readonly ChildShard[] }
  | { as: 'lost'; why: string };

export interface ShardConsumerOptions extends DeliveryOptions {
  reader: ShardReader;
  lanes: Lanes;
  budget: ByteBudget;
  checkpointer: Checkpointer;
  meter: LoadMeter;
  /** How far behind the shard is, ms, until the first read tells. */
  behindMs: number;
  /** As the row says when the shard is taken. */
  givenUp?: GivenUp | undefined;
}

/** Bytes that one shard has, waiting or with its handler, before it fetches no further ahead. */
const AHEAD_BYTES = 14 * 1024 * 1024;

/*
 *            drain()                      all processed
 * consuming ────────► draining ─► drained        consuming ─► ended
 *     └───────────────── lose() ────────────────► lost     (handlers aborted, nothing acknowledged)
 *
 * One loop fetches into a bounded buffer, and one a lane hands batches to the handler, one at a time and in order. The
 * checkpoint is the lowest position that is not finished in any lane.
 */
export class ShardConsumer {
  readonly #options: ShardConsumerOptions;
  /** Aborts fetching and waiting. */
  readonly #stopFetching = new AbortController();
  /** Aborts handlers. */
  readonly #abandon = new AbortController();
  readonly #lanes: readonly Lane[];
  #state: 'consuming' | 'draining' | 'lost' = 'consuming';
  #lostBecause = '';
  #end: ReadResult['end'];
  /** The last Kinesis record read, also one that is not delivered. */
  #readTo: string | undefined;
  readonly #share: BudgetShare;
  #behindMs: number;
  #hasRead = false;
  #givenUp: GivenUp | undefined;
  #done: Promise<ConsumerEnd> | undefined;

  constructor(options: ShardConsumerOptions) {
    this.#options = options;
    this.#share = options.budget.share(AHEAD_BYTES);
    this.#behindMs = options.behindMs;
    this.#givenUp = options.givenUp;
    this.#lanes = Array.from({ length: options.lanes.count }, (_, lane) => this.#lane(lane));
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
  }

  /** Ms between what has been processed and the tip of the shard, as far as this worker knows. */
  behindMs(): number {
    const { clock, reader, lanes } = this.#options;
    const { oldest } = lanes;
    const waitingMs = oldest === undefined ? 0 : ageOf(oldest, clock.now());
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
    const allProcessed = (await Promise.all(this.#lanes.map((lane) => lane.run()))).every(Boolean);
    this.#stopFetching.abort(new KcgError('Aborted', 'delivery ended'));
    await Promise.all([fetching, checkpointing]);
    this.#share.clear();
    if (this.#state === 'lost') return { as: 'lost', why: this.#lostBecause };
    return allProcessed && this.#end
      ? { as: 'ended', childShards: this.#end.childShards }
      : { as: 'drained' };
  }

  async #fetch(): Promise<void> {
    const { reader, lanes, checkpointer, clock, onEvent, shardId } = this.#options;
    const { signal } = this.#stopFetching;
    while (!signal.aborted && !this.#end) {
      if (!this.#share.mayFetch) {
        this.#wake(); // what waits here for its window is in the way of others
        await this.#share.room(signal);
        if (signal.aborted) return;
      }
      try {
        const read = await reader.next(signal);
        const before = lanes.bytes;
        lanes.add(read, clock.monotonic());
        this.#share.add(lanes.bytes - before);
        this.#behindMs = read.millisBehindLatest;
        this.#hasRead = true;
        checkpointer.hasRead(this.#progress());
        this.#end = read.end;
        this.#readTo = read.lastSequence;
        this.#passOver();
        if (lanes.length === 0) checkpointer.quiet(this.#progress());
        if (read.end || read.records.length > 0) this.#wake();
      } catch (thrown) {
        if (!signal.aborted) onEvent({ type: 'ReadTrouble', shardId, error: KcgError.from(thrown) });
      }
    }
  }

  #wake(): void {
    for (const lane of this.#lanes) lane.wake();
  }

  #lane(lane: number): Lane {
    const { lanes, budget } = this.#options;
    return new Lane({
      ...this.#options,
      lane,
      lanes: lanes.count,
      buffer: lanes.buffer(lane),
      stop: this.#stopFetching.signal,
      abandon: this.#abandon.signal,
      isUrgent: () => budget.isFull,
      isLast: () => this.#end !== undefined,
      behindMs: () => this.#behindMs,
      onFinished: this.#finished,
      onReleased: (bytes) => this.#share.remove(bytes),
      lose: (reason) => this.lose(reason),
    });
  }

  #progress(): Omit<Progress, 'checkpoint'> {
    const { clock, meter } = this.#options;
    return {
      behindMs: this.behindMs(),
      readAt: clock.now(),
      load: meter.load(clock.monotonic()),
      givenUp: this.#givenUp,
    };
  }

  readonly #finished = (
    lane: number,
    records: readonly UserRecord[],
    how: 'processed' | GiveUpCondition,
  ): void => {
    const { shardId, lanes, checkpointer, meter, clock, onEvent } = this.#options;
    const { length: count } = records;
    if (how === 'processed') {
      const bytes = records.reduce((sum, record) => sum + record.data.length, 0);
      meter.add(count, bytes, clock.monotonic());
      onEvent({
        type: 'BatchDelivered',
        shardId,
        ...(lanes.count > 1 ? { lane } : {}),
        records: count,
        bytes,
        millisBehindLatest: this.#behindMs,
      });
    } else {
      const before = this.#givenUp?.records ?? 0;
      this.#givenUp = { records: before + count, at: clock.now(), why: how };
    }
    const reached = lanes.finish(lane, count);
    if (reached) checkpointer.note({ checkpoint: checkpointAt(reached), ...this.#progress() });
    this.#passOver();
  };

  /** When every record is finished, what was read behind the last one and is not delivered is processed too. */
  #passOver(): void {
    const { lanes, checkpointer, leaseIsGood } = this.#options;
    if (lanes.oldest !== undefined || this.#readTo === undefined) return;
    if (this.#state === 'lost' || !leaseIsGood()) return;
    checkpointer.note({ checkpoint: { at: 'SEQUENCE', sequence: this.#readTo }, ...this.#progress() });
  }
}

/** The whole Kinesis record is done unless more of its user records follow. */
function checkpointAt({ last, next }: Reached): Checkpoint {
  const inside = last.subSequence !== undefined && next?.sequence === last.sequence;
  return {
    at: 'SEQUENCE',
    sequence: last.sequence,
    ...(inside ? { subSequence: last.subSequence } : {}),
  };
}
