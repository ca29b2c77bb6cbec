import type { Clock } from '../../src/lib/clock.ts';

/** Time for one actor: a sleep moves the clock on and ends at once. Keeps what was slept. */
export class LoneClock implements Clock {
  time: number;
  readonly sleeps: number[] = [];

  constructor(time = Date.UTC(2026, 0, 1)) {
    this.time = time;
  }

  now(): number {
    return this.time;
  }

  monotonic(): number {
    return this.time;
  }

  async sleep(ms: number, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    if (ms <= 0 || signal?.aborted) return;
    this.sleeps.push(ms);
    this.time += ms;
  }

  advance(ms: number): void {
    this.time += ms;
  }
}
