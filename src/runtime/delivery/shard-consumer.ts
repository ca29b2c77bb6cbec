import { compareCheckpoints, type Checkpoint } from '../../kinesis/position.ts';
import type { ReadResult } from '../../kinesis/shard-reader.ts';
import { ageOf, dataSizeOf, type UserRecord } from '../../kinesis/record.ts';
import type { ChildShard } from '../../kinesis/shard.ts';
import type { GivenUp } from '../../leases/lease.ts';
import type { Progress } from '../../leases/transitions.ts';
import { assert } from '../../lib/assert.ts';
import { withDeadline } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import { takeOut } from '../../lib/take-out.ts';
import type { GiveUpCondition } from '../failure/failure-destination.ts';
import type { BudgetShare } from './byte-budget.ts';
import { Care } from './care.ts';
import type { ShardConsumerOptions } from './delivery-options.ts';
import { Lane } from './lane.ts';
import { checkpointAt } from './lowest-unfinished.ts';
import { ShardLife } from './shard-life.ts';

/**
 * How reading a shard ended. `drained`: nothing is being processed any more, `Checkpointer.takeUnwritten` has the rest.
 * `broken`: the same, as the program of the shard cannot go on; another is to begin at the last checkpoint.
 * `ended`: everything in the closed shard is processed. `lost`: the shard is (or may be) somebody else's.
 */
export type ConsumerEnd =
  | { as: 'drained' }
  | { as: 'broken' }
  | { as: 'ended'; childShards: readonly ChildShard[] }
  | { as: 'lost'; why: string };

/*
 *            drain()                      all processed
 * consuming ────────► draining ─► drained        consuming ─► ended
 *     ├──────── the program cannot go on ───────► broken   (of a handler that checkpoints itself)
 *     └───────────────── lose() ────────────────► lost     (handlers aborted, nothing acknowledged)
 *
 * One loop fetches into a bounded buffer, and one a lane hands batches to the handler, one at a time and in order. The
 * checkpoint is the lowest position that is not finished in any lane, or what a handler that checkpoints itself has said.
 */
export class ShardConsumer {
  readonly #options: ShardConsumerOptions;
  /** Aborts fetching and waiting. */
  readonly #stopFetching = new AbortController();
  /** Aborts handlers. */
  readonly #abandon = new AbortController();
  readonly #lanes: readonly Lane[];
  readonly #life: ShardLife | undefined;
  readonly #care: Care;
  #state: 'consuming' | 'draining' | 'broken' | 'lost' = 'consuming';
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
    this.#share = options.share;
    this.#behindMs = options.behindMs;
    this.#givenUp = options.givenUp;
    this.#life = this.#openLife();
    const stop = this.#stopFetching.signal;
    this.#care = new Care({
      ...options,
      unfinished: options.unfinished,
      standing: () => this.#progress(),
      stop,
      isStopping: () => stop.aborted || options.isStopping(),
    });
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

  /** What the row can say of the shard; undefined while this worker has not read it. */
  standing(): Progress | undefined {
    return this.#hasRead ? this.#progress() : undefined;
  }

  async #run(): Promise<ConsumerEnd> {
    const checkpointing = this.#options.checkpointer.run(this.#stopFetching.signal);
    const fetching = this.#fetch();
    const isStarted = (await this.#life?.start()) ?? true;
    const isProcessed =
      isStarted && (await Promise.all(this.#lanes.map((lane) => lane.run()))).every(Boolean);
    this.#stopFetching.abort(new KcgError('Aborted', 'delivery ended'));
    await Promise.all([fetching, checkpointing]);
    this.#share.close();
    const isOver = isProcessed && this.#end !== undefined && this.#state !== 'lost';
    const isEnded = isOver && ((await this.#life?.end()) ?? true);
    if (this.#state === 'lost') this.#life?.lose();
    else if (!isEnded) await this.#life?.shutDown();
    return this.#ending(isEnded);
  }

  #ending(isEnded: boolean): ConsumerEnd {
    if (this.#state === 'lost') return { as: 'lost', why: this.#lostBecause };
    if (isEnded) return { as: 'ended', childShards: this.#end?.childShards ?? [] };
    return { as: this.#state === 'broken' ? 'broken' : 'drained' };
  }

  async #fetch(): Promise<void> {
    const { reader, onEvent, shardId } = this.#options;
    const { signal } = this.#stopFetching;
    while (!signal.aborted && !this.#end) {
      if (!this.#share.mayFetch) {
        this.#wake(); // what waits here for its window is in the way of others
        await this.#share.room(signal);
        if (signal.aborted) return;
      }
      try {
        this.#take(await reader.next(signal));
      } catch (thrown) {
        if (!signal.aborted) onEvent({ type: 'ReadTrouble', shardId, error: KcgError.from(thrown) });
      }
    }
  }

  /** Not within the loop: a variable there would keep what was read until more is, also when it is long delivered. */
  #take(read: ReadResult): void {
    const { lanes, checkpointer, clock } = this.#options;
    const before = lanes.bytes;
    lanes.add({ records: takeOut(read, 'records', []), end: read.end }, clock.monotonic());
    this.#share.add(lanes.bytes - before);
    this.#share.settle();
    this.#behindMs = read.millisBehindLatest;
    this.#hasRead = true;
    checkpointer.hasRead(this.#progress());
    this.#end = read.end;
    this.#readTo = read.lastSequence;
    this.#passOver();
    if (lanes.length === 0) checkpointer.quiet(this.#progress());
    if (read.end || lanes.bytes > before) this.#wake();
  }

  #openLife(): ShardLife | undefined {
    const { handler, context, shardId, from, lanes } = this.#options;
    if (handler.open === undefined) return undefined;
    assert(lanes.count === 1, 'who checkpoints a shard gets its records one batch after the other');
    return new ShardLife({
      ...this.#options,
      open: (context) => handler.open!(context),
      context: { ...context, shardId, from },
      stop: this.#stopFetching.signal,
      abandon: this.#abandon.signal,
      isHeld: () => this.#state !== 'lost' && this.#options.leaseIsGood(),
      onCheckpoint: (checkpoint) => {
        this.#noteAtLeast(checkpoint);
        this.#passOver();
      },
      onBroken: (error) => {
        if (this.#state === 'consuming') this.#state = 'broken';
        this.#abandon.abort(error);
        this.#stopFetching.abort(error);
      },
    });
  }

  #wake(): void {
    for (const lane of this.#lanes) lane.wake();
  }

  #lane(lane: number): Lane {
    const { lanes, handler } = this.#options;
    const life = this.#life;
    return new Lane({
      ...this.#options,
      handler: life
        ? { kind: handler.kind, handle: (batch, context) => life.handle(batch, context) }
        : handler,
      care: this.#care,
      lane,
      lanes: lanes.count,
      buffer: lanes.buffer(lane),
      stop: this.#stopFetching.signal,
      abandon: this.#abandon.signal,
      // Many lanes can fill the room without a full batch among them: none would come of waiting for the windows.
      isUrgent: () => this.#share.isCrowded || (!this.#share.mayFetch && lanes.hasItsPart(lane)),
      isLast: () => this.#end !== undefined,
      behindMs: () => this.#behindMs,
      onFinished: this.#finished,
      onReleased: (bytes) => {
        this.#share.remove(bytes);
        if (!this.#share.mayFetch) this.#wake();
      },
      lose: (reason) => this.lose(reason),
    });
  }

  #progress(checkpoint = this.#options.checkpointer.latest): Progress {
    const { clock, meter } = this.#options;
    // What would come again is not done, for whoever reads the row when this worker is gone.
    const openMs = this.#life?.oldestOpenMs;
    const notDoneMs = openMs === undefined ? 0 : clock.now() - openMs;
    return {
      checkpoint,
      behindMs: Math.max(this.behindMs(), notDoneMs),
      readAt: clock.now(),
      load: meter.load(clock.monotonic()),
      givenUp: this.#givenUp,
      unfinished: this.#care.unfinishedAt(checkpoint),
    };
  }

  readonly #finished = (
    lane: number,
    records: readonly UserRecord[],
    how: 'processed' | GiveUpCondition,
  ): void => {
    const { shardId, lanes, meter, clock, onEvent } = this.#options;
    const { length: count } = records;
    if (how === 'processed') {
      const bytes = records.reduce((sum, record) => sum + dataSizeOf(record), 0);
      meter.add(count, bytes, clock.monotonic());
      onEvent({
        type: 'BatchDelivered',
        shardId,
        ...(lanes.count > 1 ? { lane } : {}),
        ...(this.#life?.isRepeating ? { isRepeat: true } : {}),
        records: count,
        bytes,
        millisBehindLatest: this.#behindMs,
      });
    } else {
      const before = this.#givenUp?.records ?? 0;
      this.#givenUp = { records: before + count, at: clock.now(), why: how };
    }
    const reached = lanes.finish(lane, count);
    if (reached) this.#care.moved();
    if (reached && !this.#life) this.#noteAtLeast(checkpointAt(reached));
    if (how !== 'processed') this.#life?.gaveUp(records);
    this.#passOver();
  };

  /**
   * The row may say more already: what is read behind the last record, that all of an aggregate is done, or so many of its
   * payloads, which come again whole where records are cut otherwise now.
   */
  #noteAtLeast(checkpoint: Checkpoint): void {
    const { checkpointer } = this.#options;
    if (compareCheckpoints(checkpoint, checkpointer.latest) > 0)
      checkpointer.note(this.#progress(checkpoint));
  }

  /** When every record is finished, what was read behind the last one and is not delivered is processed too. */
  #passOver(): void {
    const { lanes, checkpointer, leaseIsGood } = this.#options;
    if (lanes.oldest !== undefined || this.#readTo === undefined) return;
    if (this.#state === 'lost' || !leaseIsGood() || this.#life?.isAllDone === false) return;
    checkpointer.note(this.#progress({ at: 'SEQUENCE', sequence: this.#readTo }));
  }
}
