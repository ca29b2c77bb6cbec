import type { Clock } from '../../lib/clock.ts';

/** How often an application that does not answer is asked, ms. */
export const POLL_MS = 250;

export interface AppWatchOptions {
  /** Why the application cannot take batches; undefined when it can. Does not throw. */
  findProblem: (signal: AbortSignal) => Promise<string | undefined>;
  /** It does not answer, or not any more. */
  onAway: () => void;
  clock: Clock;
}

/** Sees when an application that went away is back, so that nobody waits longer than that; one watch for all shards. */
export class AppWatch {
  readonly #options: AppWatchOptions;
  readonly #closed = new AbortController();
  #watching: Promise<void> | undefined;
  /** Since `#watching` began. */
  #wasAway = false;

  constructor(options: AppWatchOptions) {
    this.#options = options;
  }

  /**
   * To be called after a request that had no answer. Resolves once the application answers again after it was away; never
   * when it is there all the time, as then its coming back is no reason to try again.
   * @param isAway nobody listens any more, as far as the request has shown
   */
  back(isAway: boolean): Promise<void> {
    if (isAway) this.#isAway();
    this.#watching ??= new Promise((resolve) => {
      void this.#watch().then((isBack) => {
        this.#watching = undefined;
        if (isBack && this.#wasAway) resolve();
        this.#wasAway = false;
      });
    });
    return this.#watching;
  }

  close(): void {
    this.#closed.abort();
  }

  #isAway(): void {
    if (!this.#wasAway) this.#options.onAway();
    this.#wasAway = true;
  }

  /** True: it answers. */
  async #watch(): Promise<boolean> {
    const { findProblem, clock } = this.#options;
    const { signal } = this.#closed;
    while (!signal.aborted) {
      if ((await findProblem(signal)) === undefined) return true;
      this.#isAway();
      await clock.sleep(POLL_MS, { signal });
    }
    return false;
  }
}
