import { backoffMs, type BackoffOptions } from './backoff.ts';
import { alarm, type Clock } from './clock.ts';
import { KcgError } from './errors.ts';
import type { Random } from './random.ts';

/** Cuts a sleep short. Waking before anybody sleeps is remembered once. */
export class Wakeup {
  #pending = false;
  #rouse: (() => void) | undefined;

  wake(): void {
    this.#pending = true;
    this.#rouse?.();
  }

  /** Resolves after `ms`, on `wake()` or when `signal` aborts. */
  async sleep(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#pending && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const rouse = () => resolve();
      this.#rouse = rouse;
      signal.addEventListener('abort', rouse, { once: true });
      const off = alarm(clock, ms, rouse);
      await promise;
      off();
      signal.removeEventListener('abort', rouse);
      this.#rouse = undefined;
    }
    this.#pending = false;
  }
}

/** Any number of them that wait for something to be so, which whoever may have changed that wakes. */
export class Waiters {
  readonly #waiting = new Set<Wakeup>();

  wake(): void {
    for (const wakeup of this.#waiting) wakeup.wake();
  }

  /** Resolves once it is so, or when `signal` aborts. */
  async until(isSo: () => boolean, clock: Clock, signal: AbortSignal): Promise<void> {
    const wakeup = new Wakeup();
    this.#waiting.add(wakeup);
    while (!isSo() && !signal.aborted) await wakeup.sleep(clock, Infinity, signal);
    this.#waiting.delete(wakeup);
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
