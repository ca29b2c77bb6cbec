import type { Clock } from '../../src/lib/clock.ts';
import { randomInt, type Random } from '../../src/lib/random.ts';
import type { SimTime } from './sim-time.ts';

export interface ProcessClock {
  /** How fast this machine's clocks run: 1.05 = 5 % too fast. */
  rate: number;
  /** How far its wall clock is off, ms. */
  skewMs: number;
}

const EPOCH_MS = Date.UTC(2026, 0, 1);

/**
 * A process as the outside can treat one: it can be paused (SIGSTOP) and killed. Whatever reaches it (a timer, an answer, a
 * signal) comes through `deliver`: a paused process gets it when it goes on, a killed one never. Its clocks go on
 * meanwhile, as a real process's do.
 */
export class SimProcess implements Clock {
  readonly #time: SimTime;
  readonly #random: Random;
  readonly #clock: ProcessClock;
  readonly #originMs: number;
  #state: 'running' | 'paused' | 'killed' = 'running';
  #pending: (() => void)[] = [];

  constructor(time: SimTime, random: Random, clock: ProcessClock) {
    this.#time = time;
    this.#random = random;
    this.#clock = clock;
    this.#originMs = randomInt(random, 1_000_000);
  }

  get state(): 'running' | 'paused' | 'killed' {
    return this.#state;
  }

  pause(): void {
    if (this.#state === 'running') this.#state = 'paused';
  }

  /** What has come meanwhile is served in no particular order: nobody promises one between timers and sockets. */
  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'running';
    const pending = this.#pending;
    this.#pending = [];
    while (pending.length > 0) {
      const [act] = pending.splice(randomInt(this.#random, pending.length), 1);
      this.#time.after(0, () => this.deliver(act!));
    }
  }

  kill(): void {
    this.#state = 'killed';
    this.#pending = [];
  }

  deliver(act: () => void): void {
    if (this.#state === 'running') act();
    else if (this.#state === 'paused') this.#pending.push(act);
  }

  now(): number {
    return Math.floor(EPOCH_MS + this.#clock.skewMs + this.#time.nowMs);
  }

  monotonic(): number {
    return this.#originMs + this.#time.nowMs * this.#clock.rate;
  }

  sleep(ms: number, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    if (ms <= 0 || signal?.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const onAbort = () => {
        this.#time.cancel(timer);
        resolve();
      };
      const timer = this.#time.after(ms / this.#clock.rate, () =>
        this.deliver(() => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        }),
      );
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }
}

/** The clock of what does not fail here: the stream, and the operator's machine. */
export function worldClock(time: SimTime): Clock {
  return {
    now: () => Math.floor(EPOCH_MS + time.nowMs),
    monotonic: () => time.nowMs,
    sleep: (ms, { signal } = {}) =>
      new Promise((resolve) => {
        const timer = time.after(ms, resolve);
        signal?.addEventListener('abort', () => (time.cancel(timer), resolve()), { once: true });
      }),
  };
}
