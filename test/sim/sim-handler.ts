import { KcgError } from '../../src/lib/errors.ts';
import { randomInt, type Random } from '../../src/lib/random.ts';
import type { Batch, Handler, HandlerContext, HandlerResult } from '../../src/runtime/handlers/handler.ts';
import type { UserRecord } from '../../src/kinesis/record.ts';
import { laneOf } from '../../src/runtime/delivery/lane-of.ts';
import { unlessAborted } from '../../src/runtime/handlers/unless-aborted.ts';
import type { DeliveryChecker } from './delivery-checker.ts';
import type { SimProcess } from './sim-process.ts';

/** How often a user's code does what, 0–1. What is left goes well. */
export interface Mood {
  throws: number;
  partial: number;
  /** Takes up to ten seconds. */
  slow: number;
  /** Takes up to a minute. */
  hangs: number;
  /** Of slow and hanging code: goes on after it was told to stop. */
  stubborn: number;
  /** Of records: whatever batch they are in fails. */
  poison: number;
  /** Of calls with such a record: they end the worker. */
  fatal: number;
  /** How often a destination of what is given up does not take it. */
  refused: number;
}

export const CALM: Mood = {
  throws: 0,
  partial: 0,
  slow: 0,
  hangs: 0,
  stubborn: 0,
  poison: 0,
  fatal: 0,
  refused: 0,
};

export interface SimHandlerOptions {
  process: SimProcess;
  random: Random;
  mood: () => Mood;
  checker: DeliveryChecker;
  /** `<worker>/<incarnation>` as of now. */
  ref: () => string;
  /** The worker was told to stop, or does so by itself. */
  isEnding: () => boolean;
  /** By the stream's clock, ms since the epoch. */
  streamNow: () => number;
  /** Before the handler answers, ms. */
  startMs: number;
  /** Of a handler that checkpoints itself. */
  open?: Handler['open'];
}

/** Aborted as the handler has had its time, not as the shard is to go elsewhere. */
export function isTimeUp({ reason }: AbortSignal): boolean {
  return reason instanceof KcgError && reason.code === 'Timeout';
}

/** The same ones each time. */
export function isPoison({ partitionKey, data }: UserRecord, share: number): boolean {
  return share > 0 && laneOf(`${partitionKey}/${Buffer.from(data).toString()}`, 1_000) < share * 1_000;
}

/** User code in a handler as the product's own are: code that ignores its signal is not waited for. */
export class SimHandler implements Handler {
  readonly kind = 'module';
  readonly #options: SimHandlerOptions;
  readonly open?: NonNullable<Handler['open']>;

  constructor(options: SimHandlerOptions) {
    this.#options = options;
    if (options.open) this.open = options.open;
  }

  start(signal: AbortSignal): Promise<void> {
    return this.#options.process.sleep(this.#options.startMs, { signal });
  }

  async close(): Promise<void> {}

  async handle(batch: Batch, { signal, attempt }: HandlerContext): Promise<HandlerResult> {
    const { process, checker, ref, isEnding, streamNow } = this.#options;
    const me = ref();
    const delivery = checker.delivered(me, batch, process, signal);
    if (!isEnding()) checker.tried(me, batch, attempt, streamNow()); // what fails then does not count
    const call = checker.attempts.begins(me, batch);
    let work: Promise<HandlerResult> | undefined;
    try {
      return await unlessAborted(signal, () => (work = this.#work(batch, signal, me)));
    } catch (thrown) {
      checker.attempts.failed(batch.records);
      const running = work?.then(
        () => {},
        () => {},
      );
      return { outcome: 'failed', error: KcgError.from(thrown), ...(running ? { running } : {}) };
    } finally {
      if (checker.owns(me, batch.shardId)) call.comesBack(); // who has lost the shard meanwhile has ended on it
      // Whose time is up may still be at work: it is not to be called beside itself.
      const over = () => delivery.over();
      if (isTimeUp(signal) && work) void work.then(over, over);
      else over();
    }
  }

  async #work({ shardId, records }: Batch, signal: AbortSignal, ref: string): Promise<HandlerResult> {
    const { process, random, mood, checker } = this.#options;
    const { throws, partial, slow, hangs, stubborn, fatal } = mood();
    const is = (share: number) => share > 0 && random() < share;
    const isHanging = is(hangs);
    const tookMs = isHanging ? random() * 60_000 : is(slow) ? random() * 10_000 : 5 + random() * 20;
    const isStubborn = tookMs > 100 && is(stubborn);
    await process.sleep(tookMs, isStubborn ? {} : { signal });
    if (signal.aborted && !isStubborn) throw signal.reason;
    if (is(throws)) throw new KcgError('HandlerFailed', 'injected');
    const poisoned = records.findIndex((record) => isPoison(record, mood().poison));
    if (poisoned >= 0 && is(fatal)) {
      process.kill();
      return new Promise(() => {});
    }
    if (poisoned >= 0 && is(0.5)) throw new KcgError('HandlerFailed', 'poison');
    const most = poisoned < 0 ? records.length : poisoned;
    const count = is(partial) ? randomInt(random, most + 1) : most;
    checker.processed(ref, shardId, records, count, !signal.aborted);
    if (count === records.length) return { outcome: 'done' };
    checker.attempts.failed(records.slice(count));
    return { outcome: 'partial', firstFailure: count };
  }
}
