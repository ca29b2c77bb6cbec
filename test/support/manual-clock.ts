import type { Clock } from '../../src/lib/clock.ts';

/** A clock that moves when the test says so. */
export class ManualClock implements Clock {
  #now = 0;
  readonly #timers = new Set<{ at: number; wake: () => void }>();

  now(): number {
    return 1_795_000_000_000 + this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  sleep(ms: number, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    if (ms <= 0 || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = { at: this.#now + ms, wake: () => {} };
      timer.wake = () => {
        this.#timers.delete(timer);
        signal?.removeEventListener('abort', timer.wake);
        resolve();
      };
      this.#timers.add(timer);
      signal?.addEventListener('abort', timer.wake, { once: true });
    });
  }

  /** Moves on, waking sleepers in order and letting them work in between. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await settle();
      const next = [...this.#timers].sort((a, b) => a.at - b.at)[0];
      if (!next || next.at > end) break;
      this.#now = Math.max(this.#now, next.at);
      next.wake();
    }
    this.#now = end;
    await settle();
  }

  /** Time passes while nobody runs, as when the process is stopped. */
  freeze(ms: number): void {
    this.#now += ms;
  }
}

/** Lets everything that needs no time happen. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
}
