import { backoffMs, type BackoffOptions } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { KcgError } from '../lib/errors.ts';
import { Wakeup } from '../lib/loop.ts';
import type { Random } from '../lib/random.ts';
import { DelayHeap } from './delay-heap.ts';
import { Lanes, type Due } from './work-lanes.ts';

export interface WorkQueueOptions {
  clock: Clock;
  random: Random;
  /** Keys of one lane worked on at once; 1 or more. */
  concurrency: number;
  /** What a key's work waits for, as an account: keys of a lane that is slow hold up no other. Default: all are in one. */
  laneOf?: ((key: string) => string) | undefined;
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

/** Lanes that can be full at the same time. */
const LANES = 30;

/**
 * Keys to look at. A key waits at most once, at the earliest time asked for; it is never worked on twice at the same time; one
 * that is added while being worked on is looked at again right after, or after the gap. Urgent keys go first, all but each
 * fourth time; else keys that are due go first come, first served in each lane, so that a failing or busy key holds up nobody.
 * Same contract as client-go's rate limiting workqueue.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  readonly #waiting = new DelayHeap();
  readonly #first = new DelayHeap();
  /** Key → lane. */
  readonly #running = new Map<string, string>();
  readonly #lanes: Lanes;
  /** Have waited for room in their lane, and have it. */
  readonly #handed: Due[] = [];
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
    this.#lanes = new Lanes(options.concurrency);
  }

  /** Keys that wait, now or for later. */
  get waiting(): number {
    const handed = this.#handed.map(({ key }) => key);
    const parked = this.#lanes.parked();
    return new Set([...this.#waiting.keys(), ...this.#first.keys(), ...parked, ...handed]).size;
  }

  get running(): number {
    return this.#running.size;
  }

  /** Now, or in `afterMs`; `isUrgent`: before others, and without waiting for the gap. */
  add(key: string, { afterMs = 0, isUrgent = false }: { afterMs?: number; isUrgent?: boolean } = {}): void {
    const nowMs = this.#options.clock.monotonic();
    if (isUrgent) this.#rests.delete(key);
    if (afterMs > 0) this.#waiting.add(key, nowMs + afterMs);
    else if (this.#running.has(key)) this.#comeAgain({ key, isUrgent });
    else if (isUrgent) this.#first.add(key, nowMs);
    else this.#waiting.add(key, Math.max(nowMs, this.#rests.get(key) ?? 0));
    this.#wakeup.wake();
  }

  /** Works until `signal` aborts and what is under way has ended. */
  async run(signal: AbortSignal, work: Work): Promise<void> {
    const { clock } = this.#options;
    const underWay = new Set<Promise<void>>();
    while (!signal.aborted) {
      for (let next = this.#take(); next; next = this.#take()) {
        const { key } = next;
        const round = this.#round(next, signal, work).finally(() => {
          underWay.delete(round);
          this.#wakeup.wake();
        });
        underWay.add(round);
        this.#first.remove(key);
        this.#waiting.remove(key);
      }
      await this.#wakeup.sleep(clock, this.#pauseMs(), signal);
    }
    await Promise.all(underWay);
  }

  /** The first key that is due and free, in a lane that has room; it is being worked on from now on. */
  #take(): Due | undefined {
    let next = this.#takeHanded();
    while (!next && !this.#isFull) {
      const due = this.#due();
      if (!due) return undefined;
      if (this.#enter(due)) next = due;
    }
    if (next) this.#running.set(next.key, next.lane);
    return next;
  }

  #takeHanded(): Due | undefined {
    for (let due = this.#handed.shift(); due; due = this.#handed.shift()) {
      if (!this.#running.has(due.key)) return due;
      // Its lane has changed while it waited, and it is being worked on in the new one.
      this.#comeAgain(due);
      this.#handOver(due.lane);
    }
    return undefined;
  }

  #due(): Due | undefined {
    const nowMs = this.#options.clock.monotonic();
    const [urgent, other] = [this.#first.first(), this.#waiting.first()];
    const isUrgent = urgent !== undefined && urgent.at <= nowMs;
    const next = isUrgent ? urgent : other;
    if (!next || next.at > nowMs) return undefined;
    return { ...next, isUrgent, lane: this.#options.laneOf?.(next.key) ?? '' };
  }

  /** False for one that has to wait: it comes back when what keeps it is over. */
  #enter(due: Due): boolean {
    const { key, isUrgent } = due;
    if (this.#running.has(key)) this.#comeAgain(due);
    else if (this.#lanes.enter(due)) return true;
    (isUrgent ? this.#first : this.#waiting).remove(key);
    return false;
  }

  /** Right after the round that is under way. */
  #comeAgain({ key, isUrgent }: Pick<Due, 'key' | 'isUrgent'>): void {
    this.#again.add(key);
    if (isUrgent) this.#urgent.add(key);
  }

  get #isFull(): boolean {
    return this.#running.size >= this.#options.concurrency * LANES;
  }

  #pauseMs(): number {
    const ats = [this.#first.first(), this.#waiting.first()].flatMap((first) => first?.at ?? []);
    if (ats.length === 0 || this.#isFull) return Number.MAX_SAFE_INTEGER;
    return Math.min(...ats) - this.#options.clock.monotonic();
  }

  #leave(key: string): void {
    this.#handOver(this.#running.get(key) ?? '');
    this.#running.delete(key);
  }

  /** At once: the key that has just ended may be urgent again, and would be first each time. */
  #handOver(lane: string): void {
    const next = this.#lanes.leave(lane);
    if (next) this.#handed.push(next);
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
    this.#leave(key);
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
