import type { Checkpoint } from '../../kinesis/position.ts';
import type { UserRecord } from '../../kinesis/record.ts';
import { assert } from '../../lib/assert.ts';
import type { Clock } from '../../lib/clock.ts';
import { hasCode, KcgError } from '../../lib/errors.ts';
import type { Random } from '../../lib/random.ts';
import type {
  AskedPosition,
  Batch,
  CheckpointAnswer,
  Handler,
  HandlerContext,
  HandlerResult,
  ProgramContext,
  ShardProgram,
} from '../handlers/handler.ts';
import type { OnWorkerEvent } from '../worker-event.ts';
import { DeliveredPositions } from './delivered-positions.ts';
import type { Restarts } from './restarts.ts';
import { callInTime } from './timed-call.ts';

export interface ShardLifeOptions {
  open: NonNullable<Handler['open']>;
  context: Omit<ProgramContext, 'checkpoint'>;
  timeoutMs: number;
  restarts: Restarts;
  /** No more batches. */
  stop: AbortSignal;
  /** Aborts what the program does. */
  abandon: AbortSignal;
  /** The shard is this worker's. */
  isHeld: () => boolean;
  /** The program has processed everything up to there. */
  onCheckpoint: (checkpoint: Checkpoint) => void;
  /** It cannot go on. */
  onBroken: (error: KcgError) => void;
  clock: Clock;
  random: Random;
  onEvent: OnWorkerEvent;
}

/** A shard's life with a handler that checkpoints itself: opens its program, and calls it in the order it may expect. */
export class ShardLife {
  readonly #options: ShardLifeOptions;
  readonly #positions: DeliveredPositions;
  #program: ShardProgram | undefined;
  #state: 'open' | 'broken' | 'closed' = 'open';
  /** What it is at work on. */
  #on: readonly UserRecord[] | 'end' | undefined;

  constructor(options: ShardLifeOptions) {
    this.#options = options;
    this.#positions = new DeliveredPositions(options.context.from);
  }

  /** Everything that was handed over is checkpointed. */
  get isAllDone(): boolean {
    return this.#positions.isAllDone;
  }

  /** When the oldest record arrived that would come again, ms since the epoch. */
  get oldestOpenMs(): number | undefined {
    return this.#positions.oldestOpenMs;
  }

  /** What is delivered now has been delivered before: a program failed on what comes behind it. */
  get isRepeating(): boolean {
    return this.#options.restarts.failures > 0;
  }

  /** True: it takes batches. */
  async start(): Promise<boolean> {
    const { open, context, restarts, clock, stop } = this.#options;
    await clock.sleep(restarts.waitMs(clock.monotonic()), { signal: stop });
    if (stop.aborted) return false;
    const program = open({ ...context, checkpoint: (asked) => this.#checkpoint(asked) });
    this.#program = program;
    void program.broken.then((error) => this.#break(error));
    return this.#call((signal) => program.start(signal));
  }

  /** For the lane. */
  async handle(batch: Batch, context: HandlerContext): Promise<HandlerResult> {
    assert(this.#program, 'a batch came before the program was opened');
    const { records } = batch;
    this.#on = records;
    this.#positions.delivered(records);
    const result = await this.#program.handle(batch, context);
    if (result.outcome === 'done') this.#options.restarts.succeeded(records);
    else this.#positions.failed(records, result.outcome === 'partial' ? result.firstFailure : 0);
    if (result.outcome === 'failed' && result.isBroken) {
      const { reason } = context.signal;
      this.#break(hasCode(reason, 'Timeout') ? reason : result.error);
    }
    this.#on = undefined;
    return result;
  }

  /** What it did not get done, and does not get again. */
  gaveUp(records: readonly UserRecord[]): void {
    this.#positions.gaveUp(records);
    this.#program?.gaveUp?.(records);
    this.#pass();
  }

  /** All in the shard is delivered. True: the program has checkpointed the end. */
  async end(): Promise<boolean> {
    const program = this.#program;
    if (program === undefined || this.#state !== 'open') return false;
    this.#on = 'end';
    this.#positions.reachedEnd();
    if (!(await this.#call((signal) => program.shardEnded(signal)))) return false;
    if (!this.#positions.isEndDone) {
      const what =
        'the program did not checkpoint at the end of the shard, and what follows it waits for that';
      const fix =
        'Checkpoint when it is told that the shard has ended; without a sequence number, as KCL asks.';
      const resource = `shard ${this.#options.context.shardId}`;
      this.#break(new KcgError('HandlerFailed', what, { resource, fix }));
      return false;
    }
    await this.#close('ShardEnded');
    return true;
  }

  /** The shard is to go to somebody else, or to be begun anew; resolves when nothing is at work on it any more. */
  async shutDown(): Promise<void> {
    const program = this.#program;
    if (program && this.#state === 'open' && !this.#options.abandon.aborted)
      await this.#call((signal) => program.shutdownRequested(signal));
    const isFailed = this.#state === 'broken' || this.#options.abandon.aborted;
    await this.#close(isFailed ? 'Failed' : 'ShutdownRequested');
  }

  /** The shard is somebody else's. The program is told, and not waited for: its handler does so when it closes. */
  lose(): void {
    void this.#close(this.#state === 'broken' ? 'Failed' : 'LeaseLost');
  }

  async #close(reason: Parameters<ShardProgram['close']>[0]): Promise<void> {
    this.#state = 'closed';
    await this.#program?.close(reason);
  }

  /** True: it was done. */
  async #call(call: (signal: AbortSignal) => Promise<HandlerResult>): Promise<boolean> {
    const { clock, timeoutMs, abandon } = this.#options;
    const result = await callInTime(({ signal }) => call(signal), abandon, { clock, timeoutMs });
    if (result.outcome === 'failed') this.#break(result.error);
    return result.outcome === 'done' && this.#state === 'open';
  }

  #break(error: KcgError): void {
    const { context, abandon, restarts, clock, random, onBroken, onEvent } = this.#options;
    if (this.#state !== 'open' || abandon.aborted) return; // told to stop, and so it did
    this.#state = 'broken';
    const retryInMs = restarts.failed(this.#on, clock.monotonic(), random);
    const { shardId } = context;
    onEvent({ type: 'HandlerFailed', shardId, attempt: restarts.failures, error, retryInMs });
    onBroken(error);
  }

  #checkpoint(asked: AskedPosition): CheckpointAnswer {
    const { context, isHeld, onCheckpoint } = this.#options;
    if (this.#state === 'closed' || !isHeld()) {
      const message = `shard ${context.shardId} is not this worker's any more`;
      return { outcome: 'refused', reason: 'NotHeld', message };
    }
    const verdict = this.#positions.checkpoint(asked);
    if (verdict.as === 'refused')
      return { outcome: 'refused', reason: 'OutOfRange', message: verdict.message };
    if (verdict.as === 'position') onCheckpoint(verdict.checkpoint);
    this.#pass();
    return { outcome: 'noted' };
  }

  #pass(): void {
    const { passed } = this.#positions;
    if (passed) this.#options.onCheckpoint(passed);
  }
}
