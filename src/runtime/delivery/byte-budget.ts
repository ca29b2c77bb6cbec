/**
 * Bytes that all shards of a worker may hold fetched but not yet processed. A shard that holds nothing may always
 * fetch, so that slow shards cannot starve the others; the bound is therefore soft by one read a shard, which is a small
 * one once half of the budget is used.
 */
export class ByteBudget {
  readonly #limit: number;
  #used = 0;
  readonly #waiting = new Set<Waiter>();

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  get isFull(): boolean {
    return this.#used >= this.#limit;
  }

  /** Half of it is used: reads should be small. */
  get isTight(): boolean {
    return this.#used >= this.#limit / 2;
  }

  /** The part of one shard, which fetches no further ahead than `aheadBytes`. */
  share(aheadBytes: number): BudgetShare {
    let held = 0;
    const mayFetch = () => held === 0 || (held <= aheadBytes && !this.isFull);
    const change = (bytes: number) => {
      held += bytes;
      this.#used += bytes;
      if (bytes < 0) for (const waiter of this.#waiting) if (waiter.mayFetch()) waiter.resume();
    };
    return {
      add: (bytes) => change(bytes),
      remove: (bytes) => change(-bytes),
      clear: () => change(-held),
      get mayFetch() {
        return mayFetch();
      },
      room: async (signal) => {
        while (!mayFetch() && !signal.aborted) await this.#wait(mayFetch, signal);
      },
    };
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
  add(bytes: number): void;
  remove(bytes: number): void;
  /** Gives all of it back. */
  clear(): void;
  readonly mayFetch: boolean;
  /** Resolves when the shard may fetch, or when `signal` aborts. */
  room(signal: AbortSignal): Promise<void>;
}
