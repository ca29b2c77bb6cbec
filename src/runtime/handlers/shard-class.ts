import type { Clock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import type { UserRecord } from '../../kinesis/record.ts';
import { callInTime } from '../delivery/timed-call.ts';
import { resultOf } from './answer-meaning.ts';
import { failed } from './batch-item-failures.ts';
import { batchRecord } from './batch-record.ts';
import { describeThrown } from './describe-thrown.ts';
import type {
  Batch,
  CloseReason,
  HandlerContext,
  HandlerResult,
  ProgramContext,
  ShardProgram,
} from './handler.ts';
import type { Position, ShardContext, ShardProcessor, ShardProcessorClass } from './shard-types.ts';
import { unlessAborted } from './unless-aborted.ts';

const DONE: HandlerResult = { outcome: 'done' };
/** What an instance that is given up may take to close, ms: its shard goes on after that. */
const CLOSE_MS = 5_000;
const NEVER = new AbortController().signal;

export function isShardClass(value: unknown): value is ShardProcessorClass {
  if (typeof value !== 'function') return false;
  return typeof (value.prototype as ShardProcessor | undefined)?.process === 'function';
}

/** Calls what is the author's: with the watch for what is not awaited, and its places in errors. */
export type CallOwn = (
  context: Pick<HandlerContext, 'signal' | 'shardId' | 'log'>,
  call: () => unknown,
) => Promise<unknown>;

export interface ShardClassOptions {
  made: ShardProcessorClass;
  folder: string;
  callOwn: CallOwn;
  clock: Clock;
}

/** One shard's instance of a class: `init`, `process`, `close`. */
export class ClassProgram implements ShardProgram {
  readonly broken = new Promise<KcgError>(() => {});
  readonly #options: ShardClassOptions;
  readonly #program: ProgramContext;
  readonly #context: ShardContext;
  #instance: ShardProcessor | undefined;
  #isClosed = false;

  constructor(options: ShardClassOptions, program: ProgramContext) {
    this.#options = options;
    this.#program = program;
    const { groupId, streamName, shardId, log } = program;
    this.#context = { groupId, streamName, shardId, log, checkpoint: (upTo) => this.#checkpoint(upTo) };
  }

  start(signal: AbortSignal): Promise<HandlerResult> {
    return this.#own('init', signal, async () => {
      this.#instance = new this.#options.made();
      await this.#instance.init?.(this.#context);
    });
  }

  async handle(batch: Batch, context: HandlerContext): Promise<HandlerResult> {
    const { shardId, records, millisBehindLatest } = batch;
    const { signal, groupId, streamName, attempt, traceparent, log } = context;
    const given = { shardId, records: records.map(batchRecord), millisBehindLatest };
    const { checkpoint } = this.#context;
    const about = { signal, groupId, streamName, shardId, attempt, traceparent, log, checkpoint };
    const process = () => this.#instance?.process(given, about);
    const result = await this.#own('process', signal, process, (answer) => resultOf(answer, records));
    if (this.#options.made.checkpoints === 'manual') return result;
    const done = result.outcome === 'partial' ? result.firstFailure : records.length;
    if (result.outcome !== 'failed' && done > 0) this.#program.checkpoint(records[done - 1]!);
    return result;
  }

  gaveUp(records: readonly UserRecord[]): void {
    if (this.#options.made.checkpoints !== 'manual') this.#program.checkpoint(records.at(-1)!);
  }

  async shardEnded(signal: AbortSignal): Promise<HandlerResult> {
    const result = await this.#closeOwn('ShardEnded', signal);
    if (result.outcome === 'done' && this.#options.made.checkpoints !== 'manual')
      this.#program.checkpoint('all delivered');
    return result;
  }

  shutdownRequested(signal: AbortSignal): Promise<HandlerResult> {
    return this.#closeOwn('ShutdownRequested', signal);
  }

  async close(reason: CloseReason): Promise<void> {
    if (this.#isClosed) return;
    const limit = { clock: this.#options.clock, timeoutMs: CLOSE_MS };
    // Nobody waits for one whose lease is lost.
    const result = await (reason === 'Failed'
      ? callInTime(({ signal }) => this.#closeOwn(reason, signal), NEVER, limit)
      : this.#closeOwn(reason, NEVER));
    if (result.outcome === 'failed')
      this.#program.log.warn('close of the handler failed', { reason, error: result.error.message });
  }

  #closeOwn(reason: CloseReason, signal: AbortSignal): Promise<HandlerResult> {
    if (this.#isClosed || !this.#instance) return Promise.resolve(DONE);
    this.#isClosed = true;
    return this.#own('close', signal, async () => this.#instance?.close?.(reason, this.#context));
  }

  async #own(
    method: string,
    signal: AbortSignal,
    call: () => unknown,
    meaningOf: (answer: unknown) => HandlerResult = () => DONE,
  ): Promise<HandlerResult> {
    const { callOwn, folder } = this.#options;
    const { shardId, log } = this.#program;
    let called: Promise<unknown> | undefined;
    try {
      const answer = await unlessAborted(signal, () => {
        called = callOwn({ signal, shardId, log }, call);
        return called;
      });
      return meaningOf(answer);
    } catch (thrown) {
      const result = failed(`${method} of the handler threw ${describeThrown(thrown, folder)}`, thrown);
      if (!signal.aborted || !called) return result;
      const running = called.then(
        () => {},
        () => {},
      );
      return { ...result, running };
    }
  }

  #checkpoint(upTo: Position | undefined): void {
    const { shardId } = this.#program;
    const answer = this.#program.checkpoint(
      upTo === undefined
        ? 'all delivered'
        : {
            sequence: upTo.sequenceNumber,
            ...(upTo.subSequenceNumber === undefined ? {} : { subSequence: upTo.subSequenceNumber }),
          },
    );
    if (answer.outcome === 'noted') return;
    const code = answer.reason === 'NotHeld' ? 'Conflict' : 'InvalidInput';
    throw new KcgError(code, answer.message, { resource: `shard ${shardId}` });
  }
}
