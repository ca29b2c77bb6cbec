import { backoffMs, type BackoffOptions } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { KcgError } from '../lib/errors.ts';
import { Wakeup } from '../lib/loop.ts';
import type { Random } from '../lib/random.ts';
import { DelayHeap } from './delay-heap.ts';

export interface WorkQueueOptions {
  clock: Clock;
  random: Random;
  /** Keys worked on at once; 1 or more. */
  concurrency: number;
  /**
   * Least time from the end of one round of a key to a round that a change of it asks for, ms; default 0. Changes come in
   * bursts: the first is worked on at once, the rest of the burst together.
   */
  gapMs?: number;
  /** Of a key that fails again and again. */
  backoff: BackoffOptions;
  onFailure: (failure: { key: string; error: KcgError; failures: number; retryInMs: number }) => void;
  /** After each round, for metrics; `stuck`: it failed, or what failed before waits for its next try. */
  onDone?: (round: { key: string; waitedMs: number; ranMs: number; failed: boolean; stuck: boolean }) => void;
}

/** Does the work of one key; returns in how many ms to look again, or nothing when only a change should bring it back. */
export type Work = (
  key: string,
  signal: AbortSignal,
) => Promise<number | FailedRound | StuckRound | undefined>;

/** A round that failed in part: it has a pace of its own, and the queue does not back off. */
export interface FailedRound {
  error: KcgError;
  /** In a row, of what failed. */
  failures: number;
  /** When what failed is tried again. */
  retryInMs: number;
  /** When to look again. */
  inMs: number;
}

/** A round in which nothing failed, but what failed before was not tried. */
export interface StuckRound {
  stuck: true;
  /** When to look again. */
  inMs: number;
}

/**
 * Keys to look at. A key waits at most once, at the earliest time asked for; it is never worked on twice at the same time; one
 * that is added while being worked on is looked at again right after, or after the gap. Keys that are due go first come, first served, so that
 * a failing or busy key holds up nobody. Same contract as client-go's rate limiting workqueue.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #waiting = new DelayHeap();
  readonly #running = new Set<string>();
  /** Added while running. */
  readonly #again = new Set<string>();
  /** Of those, the ones that do not rest before. */
  readonly #urgent = new Set<string>();
  readonly #failures = new Map<string, number>();
  /** Until when a key that was just worked on rests, in that order; over ones may still be there. */
  readonly #rests = new Map<string, number>();
  readonly #wakeup = new Wakeup();

  constructor(options: WorkQueueOptions) {
    this.#options = options;
  }

  /** Keys that wait, now or for later. */
  get waiting(): number {
    return this.#waiting.size;
  }

  get running(): number {
    return this.#running.size;
  }

  /** How long the first key that is due has waited, ms; 0 when none is due. */
  get longestWaitMs(): number {
    const first = this.#waiting.first();
    return first ? Math.max(0, this.#options.clock.monotonic() - first.at) : 0;
  }

  /** Now, or in `afterMs`; `isUrgent`: without waiting for the gap. */
  add(key: string, { afterMs = 0, isUrgent = false }: { afterMs?: number; isUrgent?: boolean } = {}): void {
    const nowMs = this.#options.clock.monotonic();
    if (isUrgent) this.#rests.delete(key);
    if (afterMs > 0) this.#waiting.add(key, nowMs + afterMs);
    else if (this.#running.has(key)) {
      this.#again.add(key);
      if (isUrgent) this.#urgent.add(key);
    } else this.#waiting.add(key, Math.max(nowMs, this.#rests.get(key) ?? 0));
    this.#wakeup.wake();
  }

  /** Works until `signal` aborts and what is under way has ended. */
  async run(signal: AbortSignal, work: Work): Promise<void> {
    const { clock, concurrency } = this.#options;
    const underWay = new Set<Promise<void>>();
    while (!signal.aborted) {
      for (let next = this.#take(); next && underWay.size < concurrency; next = this.#take()) {
        this.#waiting.remove(next.key);
        this.#running.add(next.key);
        const round = this.#round(next, signal, work).finally(() => {
          underWay.delete(round);
          this.#wakeup.wake();
        });
        underWay.add(round);
      }
      await this.#wakeup.sleep(clock, this.#pauseMs(underWay.size), signal);
    }
    await Promise.all(underWay);
  }

  /** The first key that is due and free. */
  #take(): { key: string; at: number } | undefined {
    for (;;) {
      const first = this.#waiting.first();
      if (!first || first.at > this.#options.clock.monotonic()) return undefined;
      if (!this.#running.has(first.key)) return first;
      // A later look that fell due while the key is being worked on: it comes right after.
      this.#waiting.remove(first.key);
      this.#again.add(first.key);
    }
  }

  #pauseMs(underWay: number): number {
    const first = this.#waiting.first();
    if (!first || underWay >= this.#options.concurrency) return Number.MAX_SAFE_INTEGER;
    return first.at - this.#options.clock.monotonic();
  }

  async #round({ key, at }: { key: string; at: number }, signal: AbortSignal, work: Work): Promise<void> {
    const { clock, onDone, onFailure } = this.#options;
    const start = clock.monotonic();
    let afterMs: number | undefined;
    let failed = false;
    let stuck = false;
    try {
      const result = await work(key, signal);
      this.#failures.delete(key);
      stuck = typeof result === 'object';
      afterMs = typeof result === 'object' ? result.inMs : result;
      failed = typeof result === 'object' && 'error' in result;
      if (typeof result === 'object' && 'error' in result) onFailure({ key, ...result });
    } catch (thrown) {
      failed = true;
      stuck = true;
      if (!signal.aborted) afterMs = this.#retryInMs(key, KcgError.from(thrown));
    }
    this.#running.delete(key);
    this.#rest(key);
    const isUrgent = this.#urgent.delete(key);
    if (this.#again.delete(key)) this.add(key, { isUrgent });
    else if (afterMs !== undefined) this.add(key, { afterMs });
    onDone?.({ key, waitedMs: Math.max(0, start - at), ranMs: clock.monotonic() - start, failed, stuck });
  }

  #rest(key: string): void {
    const { clock, gapMs = 0 } = this.#options;
    const nowMs = clock.monotonic();
    this.#rests.delete(key);
    if (gapMs > 0) this.#rests.set(key, nowMs + gapMs);
    for (const [rested, untilMs] of this.#rests) {
      if (untilMs > nowMs) break;
      this.#rests.delete(rested);
    }
  }

  #retryInMs(key: string, error: KcgError): number {
    const { random, backoff, onFailure } = this.#options;
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const retryInMs = Math.max(backoffMs(failures, random, backoff), error.retryAfterMs ?? 0);
    onFailure({ key, error, failures, retryInMs });
    return retryInMs;
  }
}
