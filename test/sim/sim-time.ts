import { nextTick } from 'node:process';
import { setImmediate } from 'node:timers/promises';

/** Something that will happen, unless it is cancelled. */
export interface Timer {
  readonly atMs: number;
  readonly order: number;
  act: (() => void) | undefined;
}

/** Events between two turns of the real event loop, which lets finalizers and rejection checks run. */
const EVENTS_PER_TURN = 2_000;

/**
 * The one time of a simulation: a queue of events, done one by one. After each, everything that follows from it without
 * waiting runs to its end before the next one happens, so a run depends on nothing but its seed.
 */
export class SimTime {
  /** Events done so far. */
  events = 0;
  #nowMs = 0;
  #order = 0;
  /** A binary heap, earliest first. */
  readonly #heap: Timer[] = [];

  get nowMs(): number {
    return this.#nowMs;
  }

  /** `act` must not throw. Never happens when `delayMs` is infinite. */
  after(delayMs: number, act: () => void): Timer {
    const timer = { atMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, act };
    if (delayMs !== Infinity) this.#push(timer);
    return timer;
  }

  cancel(timer: Timer): void {
    timer.act = undefined;
  }

  /** Lets `ms` pass. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settle();
    for (let next = this.#heap[0]; next !== undefined && next.atMs <= endMs; next = this.#heap[0]) {
      this.#pop();
      if (next.act === undefined) continue;
      this.#nowMs = next.atMs;
      next.act();
      this.events += 1;
      await (this.events % EVENTS_PER_TURN === 0 ? setImmediate() : settle());
    }
    this.#nowMs = endMs;
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let at = heap.push(timer) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!isBefore(timer, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = timer;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child += 1;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** A tick is served when no promise reaction is left, and costs a tenth of a turn of the event loop. */
function settle(): Promise<void> {
  return new Promise((resolve) => {
    nextTick(resolve);
  });
}
