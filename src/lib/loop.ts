import { backoffMs, type BackoffOptions } from './backoff.ts';
import type { Clock } from './clock.ts';
import { KcgError } from './errors.ts';
import type { Random } from './random.ts';

/** One for all: an abort without a reason makes an error with its stack, and every read of every shard ends a sleep. */
const WOKEN = new KcgError('Aborted', 'woken');

/** Cuts a sleep short. Waking before anybody sleeps is remembered once. */
export class Wakeup {
  #pending = false;
  #controller: AbortController | undefined;

  wake(): void {
    this.#pending = true;
    this.#controller?.abort(WOKEN);
  }

  /** Resolves after `ms`, on `wake()` or when `signal` aborts. */
  async sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#pending && !signal.aborted) {
      // Not AbortSignal.any: it costs more than the rest of the sleep, and leaves work to the garbage collector.
      const controller = new AbortController();
      const stop = () => controller.abort(WOKEN);
      this.#controller = controller;
      signal.addEventListener('abort', stop, { once: true });
      await clock.sleep(ms, { signal: controller.signal });
      signal.removeEventListener('abort', stop);
      this.#controller = undefined;
    }
    this.#pending = false;
  }
}

export interface LoopOptions {
  clock: Clock;
  random: Random;
  signal: AbortSignal;
  /** Delay after a failed round, unless its error says how long to wait. Whoever wakes the loop meanwhile waits as well. */
  backoff: BackoffOptions;
  /** Cuts the wait after a round that did not fail. */
  wakeup?: Wakeup | undefined;
  /** Does one round and returns the ms to wait before the next. Rounds never overlap. */
  step: (signal: AbortSignal) => Promise<number>;
  /** Told of each failed round; a throw here ends the loop with that error. */
  onFailure: (error: KcgError, failures: number, retryInMs: number) => void;
}

/** Runs `step` until `signal` aborts. A failing step is repeated with back-off and never ends the loop. */
export async function loop(options: LoopOptions): Promise<void> {
  const { clock, random, signal, backoff, step, onFailure } = options;
  const wakeup = options.wakeup ?? new Wakeup();
  let failures = 0;
  while (!signal.aborted) {
    try {
      const delayMs = await step(signal);
      failures = 0;
      await wakeup.sleep(clock, delayMs, signal);
    } catch (thrown) {
      if (signal.aborted) return;
      const error = KcgError.from(thrown);
      failures += 1;
      const delayMs = error.retryAfterMs ?? backoffMs(failures, random, backoff);
      onFailure(error, failures, delayMs);
      // Not cut by a wakeup: who is busiest would ask a service that is too busy the most.
      await clock.sleep(delayMs, { signal });
    }
  }
}
