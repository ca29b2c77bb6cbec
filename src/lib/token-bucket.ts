import type { Clock } from './clock.ts';

export interface TokenBucketOptions {
  clock: Clock;
  /** Sustained rate; more than 0. */
  perSecond: number;
  /** How many may go at once after a pause; 1 or more. */
  burst: number;
}

/** First come, first served rate limit: each caller reserves the next free moment and sleeps until then. */
export class TokenBucket {
  readonly #options: TokenBucketOptions;
  /** Monotonic time at which the bucket would be full again. */
  #fullAt: number;

  constructor(options: TokenBucketOptions) {
    this.#options = options;
    this.#fullAt = options.clock.monotonic();
  }

  /** Resolves when the caller may go, or early when `signal` aborts. Returns the ms waited. */
  async take({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<number> {
    const { clock, perSecond, burst } = this.#options;
    const costMs = 1_000 / perSecond;
    const now = clock.monotonic();
    this.#fullAt = Math.max(this.#fullAt, now) + costMs;
    const waitMs = this.#fullAt - now - burst * costMs;
    if (waitMs <= 0) return 0;
    await clock.sleep(waitMs, { signal });
    return waitMs;
  }
}
