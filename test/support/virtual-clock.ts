import { setImmediate } from 'node:timers/promises';
import type { Clock } from '../../src/lib/clock.ts';

interface Sleeper {
  atMs: number;
  order: number;
  resume: () => void;
}

/** A clock that moves only when told, and wakes sleepers in order. */
export class VirtualClock implements Clock {
  #nowMs = 0;
  #order = 0;
  readonly #sleepers = new Set<Sleeper>();
  readonly #epochMs: number;

  constructor(epochMs = Date.UTC(2026, 0, 1)) {
    this.#epochMs = epochMs;
  }

  now(): number {
    return this.#epochMs + this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  sleep(ms: number, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    if (ms <= 0 || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const sleeper: Sleeper = {
        atMs: this.#nowMs + ms,
        order: this.#order++,
        resume: () => {
          this.#sleepers.delete(sleeper);
          signal?.removeEventListener('abort', sleeper.resume);
          resolve();
        },
      };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', sleeper.resume, { once: true });
    });
  }

  /** Lets everything that is ready run, without moving time. */
  async settle(): Promise<void> {
    await setImmediate();
  }

  /** Moves time by `ms`, waking each sleeper at its moment and letting it act before the next. */
  async advance(ms: number, afterEach?: () => void): Promise<void> {
    const endMs = this.#nowMs + ms;
    await this.settle();
    for (;;) {
      const next = this.#next(endMs);
      if (next === undefined) break;
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      // All that are due now run before the queue is drained: the order is that of their falling asleep.
      for (let due: Sleeper | undefined = next; due; due = this.#next(this.#nowMs)) due.resume();
      await this.settle();
      afterEach?.();
    }
    this.#nowMs = endMs;
  }

  #next(untilMs: number): Sleeper | undefined {
    let best: Sleeper | undefined;
    for (const s of this.#sleepers) {
      if (s.atMs > untilMs) continue;
      if (!best || s.atMs < best.atMs || (s.atMs === best.atMs && s.order < best.order)) best = s;
    }
    return best;
  }
}
