import type { Clock } from './clock.ts';

/** For how long what is tried again and again has failed without a success in between, by key. */
export class FailingTimes {
  readonly #clock: Clock;
  /** Monotonic ms of the first failure; only of what fails now. */
  readonly #since = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** True when it has not failed since it last worked. */
  failed(key: string): boolean {
    const isNew = !this.#since.has(key);
    if (isNew) this.#since.set(key, this.#clock.monotonic());
    return isNew;
  }

  /** It worked, or is nobody's business any more. @returns how long it had failed, ms; undefined when it had not */
  over(key: string): number | undefined {
    const sinceMs = this.#since.get(key);
    this.#since.delete(key);
    return sinceMs === undefined ? undefined : this.#clock.monotonic() - sinceMs;
  }

  allOver(): void {
    this.#since.clear();
  }

  list(): [key: string, ms: number][] {
    const nowMs = this.#clock.monotonic();
    return [...this.#since].map(([key, sinceMs]) => [key, nowMs - sinceMs]);
  }
}
