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

  constructor(options: AppWatchOptions) {
    this.#options = options;
  }

  /**
   * To be called after a request that had no answer. Resolves once the application answers again after it was away; never
   * when it is there all the time, as then its coming back is no reason to try again.
   * @param isAway nobody listens any more, as far as the request has shown
   */
  back(isAway: boolean): Promise<void> {
    this.#watching ??= new Promise((resolve) => {
      void this.#watch(isAway).then((wasAway) => {
        this.#watching = undefined;
        if (wasAway) resolve();
      });
    });
    return this.#watching;
  }

  close(): void {
    this.#closed.abort();
  }

  async #watch(isAway: boolean): Promise<boolean> {
    const { findProblem, onAway, clock } = this.#options;
    const { signal } = this.#closed;
    let wasAway = isAway;
    if (isAway) onAway();
    while (!signal.aborted) {
      if ((await findProblem(signal)) === undefined) return wasAway;
      if (!wasAway) onAway();
      wasAway = true;
      await clock.sleep(POLL_MS, { signal });
    }
    return false;
  }
}
