import { KcgError } from '../../src/lib/errors.ts';
import { randomInt, type Random } from '../../src/lib/random.ts';
import type { Batch, Handler, HandlerContext, HandlerResult } from '../../src/runtime/handlers/handler.ts';
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
}

export const CALM: Mood = { throws: 0, partial: 0, slow: 0, hangs: 0, stubborn: 0 };

export interface SimHandlerOptions {
  process: SimProcess;
  random: Random;
  mood: () => Mood;
  checker: DeliveryChecker;
  /** `<worker>/<incarnation>` as of now. */
  ref: () => string;
  /** Before the handler answers, ms. */
  startMs: number;
}

/** User code in a handler as the product's own are: code that ignores its signal is not waited for. */
export class SimHandler implements Handler {
  readonly kind = 'module';
  readonly #options: SimHandlerOptions;

  constructor(options: SimHandlerOptions) {
    this.#options = options;
  }

  start(signal: AbortSignal): Promise<void> {
    return this.#options.process.sleep(this.#options.startMs, { signal });
  }

  async close(): Promise<void> {}

  async handle(batch: Batch, { signal }: HandlerContext): Promise<HandlerResult> {
    const { process, checker, ref } = this.#options;
    const delivery = checker.delivered(ref(), batch, process, signal);
    try {
      return await unlessAborted(signal, () => this.#work(batch, signal, ref()));
    } catch (thrown) {
      return { outcome: 'failed', error: KcgError.from(thrown) };
    } finally {
      delivery.over();
    }
  }

  async #work({ shardId, records }: Batch, signal: AbortSignal, ref: string): Promise<HandlerResult> {
    const { process, random, mood, checker } = this.#options;
    const { throws, partial, slow, hangs, stubborn } = mood();
    const is = (share: number) => share > 0 && random() < share;
    const isHanging = is(hangs);
    const tookMs = isHanging ? random() * 60_000 : is(slow) ? random() * 10_000 : 5 + random() * 20;
    const isStubborn = tookMs > 100 && is(stubborn);
    await process.sleep(tookMs, isStubborn ? {} : { signal });
    if (signal.aborted && !isStubborn) throw signal.reason;
    if (is(throws)) throw new KcgError('HandlerFailed', 'injected');
    const count = is(partial) ? randomInt(random, records.length) : records.length;
    checker.processed(ref, shardId, records, count, !signal.aborted);
    return count < records.length ? { outcome: 'partial', firstFailure: count } : { outcome: 'done' };
  }
}
