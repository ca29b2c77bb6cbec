import { abortError, type Clock } from './clock.ts';
import { KcgError } from './errors.ts';

interface Watched {
  endMs: number;
  silentMs: number;
  expire: (silentMs: number) => void;
}

/** Longest sleep while something is watched, ms: the watch goes on for that long when all of it is over. */
const TICK_MS = 1_000;

/**
 * Ends work that takes as long as it takes while something comes, once nothing comes for `silenceMs`, or for `firstMs` before
 * anything has. One timer for all: every deadline is at least `silenceMs` away when it is set, so that whoever looks that
 * often is late for none.
 */
export class SilenceWatch {
  readonly #clock: Clock;
  readonly #silenceMs: number;
  readonly #firstMs: number;
  readonly #watched = new Set<Watched>();
  #isLooking = false;

  constructor(clock: Clock, { silenceMs, firstMs }: { silenceMs: number; firstMs: number }) {
    this.#clock = clock;
    this.#silenceMs = silenceMs;
    this.#firstMs = Math.max(firstMs, silenceMs);
  }

  /**
   * Runs `work` with a signal that aborts when `outer` does or when nothing was heard for too long.
   * @throws KcgError `Timeout` for silence; the reason of `outer`; otherwise whatever `work` throws
   */
  run<T>(
    what: string,
    outer: AbortSignal | undefined,
    work: (signal: AbortSignal, onHeard: () => void) => Promise<T>,
  ): Promise<T> {
    if (outer?.aborted) return Promise.reject(abortError(outer));
    const stop = new AbortController();
    const clock = this.#clock;
    return new Promise<T>((resolve, reject) => {
      const end = () => {
        this.#watched.delete(watched);
        outer?.removeEventListener('abort', onAbort);
      };
      const fail = (error: Error) => {
        end();
        reject(error);
        stop.abort(error);
      };
      const onAbort = () => fail(abortError(outer!));
      const watched: Watched = {
        silentMs: this.#firstMs,
        endMs: clock.monotonic() + this.#firstMs,
        expire: (ms) => fail(new KcgError('Timeout', `nothing came of ${what} for ${ms} ms`)),
      };
      const onHeard = () => {
        watched.silentMs = this.#silenceMs;
        watched.endMs = clock.monotonic() + this.#silenceMs;
      };
      outer?.addEventListener('abort', onAbort, { once: true });
      this.#watched.add(watched);
      if (!this.#isLooking) void this.#look();
      work(stop.signal, onHeard).finally(end).then(resolve, reject);
    });
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    const longestMs = Math.min(TICK_MS, this.#silenceMs);
    while (this.#watched.size > 0) {
      const nowMs = this.#clock.monotonic();
      let nextMs = nowMs + longestMs;
      for (const watched of this.#watched) {
        if (watched.endMs <= nowMs) watched.expire(watched.silentMs);
        else nextMs = Math.min(nextMs, watched.endMs);
      }
      if (this.#watched.size > 0) await this.#clock.sleep(nextMs - nowMs);
    }
    this.#isLooking = false;
  }
}
