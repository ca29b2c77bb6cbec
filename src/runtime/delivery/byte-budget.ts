/** Bytes that one shard has, waiting or with its handler, before it fetches no further ahead. */
export const AHEAD_BYTES = 14 * 1024 * 1024;
/** What a read may ask for when there is room, bytes: two seconds of what a shard serves, so more is read no sooner. */
const WANTED_BYTES = 4 * 1024 * 1024;
/** What it may always ask for: as fast as a shard serves, when it is read five times a second; less when many share. */
const LEAST_BYTES = 1024 * 1024;
const SMALLEST_BYTES = 64 * 1024;

/**
 * Bytes that all shards of a worker may hold, fetched but not yet processed. What was asked for and has not come makes the
 * next reads smaller, and keeps nobody from reading: most of it never comes. A shard that holds nothing may always fetch,
 * so that slow shards cannot starve the others; the bound is therefore soft by one small read a shard, and those come to
 * half of the budget at most, unless there are more than 512 shards.
 */
export class ByteBudget {
  readonly #limit: number;
  #used = 0;
  #asked = 0;
  #shares = 0;
  readonly #waiting = new Set<Waiter>();

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  get isFull(): boolean {
    return this.#used >= this.#limit;
  }

  /** The part of one shard, which fetches no further ahead than `aheadBytes`. */
  share(aheadBytes: number): BudgetShare {
    let held = 0;
    let asked = 0;
    this.#shares += 1;
    const isFull = () => this.isFull;
    const mayFetch = () => held === 0 || (held <= aheadBytes && !isFull());
    const change = (bytes: number) => {
      held += bytes;
      this.#used += bytes;
      if (bytes < 0) for (const waiter of this.#waiting) if (waiter.mayFetch()) waiter.resume();
    };
    const ask = (bytes: number) => {
      this.#asked += bytes - asked;
      asked = bytes;
    };
    return {
      ask: () => {
        ask(0);
        ask(this.#allowance());
        return asked;
      },
      settle: () => ask(0),
      add: (bytes) => change(bytes),
      remove: (bytes) => change(-bytes),
      close: () => {
        ask(0);
        change(-held);
        this.#shares -= 1;
      },
      get mayFetch() {
        return mayFetch();
      },
      get isCrowded() {
        return isFull();
      },
      room: async (signal) => {
        while (!mayFetch() && !signal.aborted) await this.#wait(mayFetch, signal);
      },
    };
  }

  #allowance(): number {
    const least = Math.min(LEAST_BYTES, this.#limit / 2 / this.#shares);
    const free = Math.min(WANTED_BYTES, this.#limit - this.#used - this.#asked);
    return Math.floor(Math.max(free, least, SMALLEST_BYTES));
  }

  #wait(mayFetch: () => boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const resume = () => {
        signal.removeEventListener('abort', resume);
        this.#waiting.delete(waiter);
        resolve();
      };
      const waiter = { mayFetch, resume };
      this.#waiting.add(waiter);
      signal.addEventListener('abort', resume, { once: true });
    });
  }
}

interface Waiter {
  mayFetch: () => boolean;
  resume: () => void;
}

/** What one shard holds of a budget. */
export interface BudgetShare {
  /** How many bytes a read may bring now. They count as asked for until it is settled. */
  ask(): number;
  /** What was asked for has come, or will not. */
  settle(): void;
  add(bytes: number): void;
  remove(bytes: number): void;
  /** Gives all of it back. Not to be used any more. */
  close(): void;
  readonly mayFetch: boolean;
  /** The whole budget is used. */
  readonly isCrowded: boolean;
  /** Resolves when the shard may fetch, or when `signal` aborts. */
  room(signal: AbortSignal): Promise<void>;
}
