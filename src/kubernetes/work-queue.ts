import { backoffMs, type BackoffOptions } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { KcgError } from '../lib/errors.ts';
import { Wakeup } from '../lib/loop.ts';
import type { Random } from '../lib/random.ts';
import { DelayHeap } from './delay-heap.ts';
import { Lanes, type Due } from './work-lanes.ts';
import { moreUrgent, type Reason } from './work-order.ts';

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

/** A round in which nothing failed, but what failed before was not tried, or waits for a person. */
export interface StuckRound {
  stuck: true;
  /** When to look again. */
  inMs: number;
}

/** Lanes that can be full at the same time. */
const LANES = 30;
/** A round that asks to look again within this waits for something that is on its way, ms. */
const ON_ITS_WAY_MS = 4_000;

/**
 * Keys to look at. A key waits at most once, at the earliest time asked for and for the most urgent reason; it is never worked on
 * twice at the same time; one that is added while being worked on is looked at again right after, or after the gap. Keys that are
 * due go in the order of their reasons (`nextTurn`) in each lane, and first come, first served among those of one reason, so
 * that a failing or busy key holds up nobody. Else the contract is that of client-go's rate limiting workqueue.
 */
export class WorkQueue {
  readonly #options: WorkQueueOptions;
  /** Until they are due. */
  readonly #later = new DelayHeap();
  /** Of those, why. */
  readonly #reasons = new Map<string, Reason>();
  /** Key → monotonic ms of its beginning, the oldest first. */
  readonly #running = new Map<string, number>();
  readonly #lanes: Lanes;
  /** Added while running, and why. */
  readonly #again = new Map<string, Reason>();
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
    return new Set([...this.#later.keys(), ...this.#lanes.waiting()]).size;
  }

  get running(): number {
    return this.#running.size;
  }

  /** How long the round that has run longest has been running, ms; 0 when none runs. */
  get longestRoundMs(): number {
    const [sinceMs] = this.#running.values();
    return sinceMs === undefined ? 0 : this.#options.clock.monotonic() - sinceMs;
  }

  /** Now, or in `afterMs`; urgent ones without waiting for the gap. */
  add(key: string, { afterMs = 0, reason = 'changed' }: { afterMs?: number; reason?: Reason } = {}): void {
    const nowMs = this.#options.clock.monotonic();
    if (reason === 'urgent') this.#rests.delete(key);
    if (afterMs > 0) this.#addAt(key, nowMs + afterMs, reason);
    else if (this.#running.has(key)) return this.#comeAgain(key, reason);
    else this.#addAt(key, Math.max(nowMs, this.#rests.get(key) ?? 0), reason);
    // For the others it wakes by itself.
    if (this.#later.first()?.key === key) this.#wakeup.wake();
  }

  /** Works until `signal` aborts and what is under way has ended. */
  async run(signal: AbortSignal, work: Work): Promise<void> {
    const { clock } = this.#options;
    const underWay = new Set<Promise<void>>();
    const begin = () => {
      for (let next = this.#take(signal); next; next = this.#take(signal)) {
        // The place goes on at once: the key that has just ended may be urgent again, and would be first each time.
        const round = this.#round(next, { signal, work, onPlace: begin }).finally(() => {
          underWay.delete(round);
          this.#wakeup.wake();
        });
        underWay.add(round);
      }
    };
    while (!signal.aborted) {
      begin();
      await this.#wakeup.sleep(clock, this.#pauseMs(), signal);
    }
    await Promise.all(underWay);
  }

  /** The key whose turn it is; it is being worked on from now on. */
  #take(signal: AbortSignal): Due | undefined {
    if (signal.aborted) return undefined;
    this.#parkDue();
    const next = this.#isFull ? undefined : this.#lanes.next();
    if (!next) return undefined;
    this.#running.set(next.key, this.#options.clock.monotonic());
    // This look does for that one, too.
    this.#later.remove(next.key);
    this.#reasons.delete(next.key);
    return next;
  }

  #parkDue(): void {
    const nowMs = this.#options.clock.monotonic();
    for (let due = this.#later.first(); due && due.at <= nowMs; due = this.#later.first()) {
      const { key, at } = due;
      const reason = this.#reasons.get(key) ?? 'routine';
      this.#later.remove(key);
      this.#reasons.delete(key);
      if (this.#running.has(key)) this.#comeAgain(key, reason);
      else this.#lanes.park({ key, at, reason, lane: this.#options.laneOf?.(key) ?? '' });
    }
  }

  #addAt(key: string, at: number, reason: Reason): void {
    this.#later.add(key, at);
    this.#reasons.set(key, moreUrgent(reason, this.#reasons.get(key)));
  }

  /** Right after the round that is under way. */
  #comeAgain(key: string, reason: Reason): void {
    this.#again.set(key, moreUrgent(reason, this.#again.get(key)));
  }

  get #isFull(): boolean {
    return this.#running.size >= this.#options.concurrency * LANES;
  }

  #pauseMs(): number {
    const first = this.#later.first();
    return first ? first.at - this.#options.clock.monotonic() : Number.MAX_SAFE_INTEGER;
  }

  async #round(
    { key, lane, at }: Due,
    { signal, work, onPlace }: { signal: AbortSignal; work: Work; onPlace: () => void },
  ): Promise<void> {
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
    this.#lanes.leave(lane);
    onPlace();
    this.#rest(key);
    const again = this.#again.get(key);
    this.#again.delete(key);
    if (again) this.add(key, { reason: again });
    else if (afterMs !== undefined) this.add(key, { afterMs, reason: reasonOfLook(afterMs, stuck) });
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

/** What is in the way of a group gives it no way before others. */
function reasonOfLook(afterMs: number, stuck: boolean): Reason {
  return !stuck && afterMs < ON_ITS_WAY_MS ? 'changed' : 'routine';
}
