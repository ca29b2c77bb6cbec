import type { Clock } from './clock.ts';

/** For how long what is tried again and again has failed without a success in between, by key. */
export class FailingTimes {
  readonly #clock: Clock;
  /** Monotonic ms of the first failure; only of what fails now. */
  readonly #since = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  failed(key: string): void {
    if (!this.#since.has(key)) this.#since.set(key, this.#clock.monotonic());
  }

  /** It worked, or is nobody's business any more. */
  over(key: string): void {
    this.#since.delete(key);
  }

  allOver(): void {
    this.#since.clear();
  }

  list(): [key: string, ms: number][] {
    const nowMs = this.#clock.monotonic();
    return [...this.#since].map(([key, sinceMs]) => [key, nowMs - sinceMs]);
  }
}
