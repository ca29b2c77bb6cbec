/** Bytes that one shard has, waiting or with its handler, before it fetches no further ahead. */
export const AHEAD_BYTES = 14 * 1024 * 1024;
/**
 * What a read may ask for when there is room, bytes: most of a second of what a shard serves. More is read no sooner, and what
 * many shards ask for comes at once; fewer bytes cost more requests.
 */
const WANTED_BYTES = 1.5 * 1024 * 1024;
/** What it may ask for in any case. */
const SMALLEST_BYTES = 64 * 1024;

/**
 * Bytes that all shards of a worker may hold, fetched but not yet processed. Half of them are parted equally among the
 * shards, and a part is nobody else's: a shard that waits, for its handler or its window, slows none that runs. The other
 * half goes to whoever comes first. What was asked for and has not come makes the next reads smaller, and keeps nobody from
 * reading: most of it never comes. A shard that holds nothing may always fetch; the bound is therefore soft by one small read
 * a shard.
 */
export class ByteBudget {
  readonly #half: number;
  #shares = 0;
  /** Beyond their parts, what shards hold, and what they hold or have asked for. */
  #heldBeyond = 0;
  #usedBeyond = 0;
  readonly #waiting = new Set<Waiter>();

  constructor(limitBytes: number) {
    this.#half = limitBytes / 2;
  }

  /** Shards hold all that is not parted. */
  get isFull(): boolean {
    return this.#heldBeyond >= this.#half;
  }

  /** The part of one shard, which fetches no further ahead than `aheadBytes`. */
  share(aheadBytes: number): BudgetShare {
    this.#shares += 1;
    let held = 0;
    let asked = 0;
    /** As they are in the sums: parts change with the number of shards. */
    let heldBeyond = 0;
    let usedBeyond = 0;
    const isFull = () => this.isFull;
    const mayFetch = () => held === 0 || (held <= aheadBytes && (held < this.#part || !isFull()));
    const count = () => {
      this.#heldBeyond -= heldBeyond;
      this.#usedBeyond -= usedBeyond;
      heldBeyond = Math.max(0, held - this.#part);
      usedBeyond = Math.max(0, held + asked - this.#part);
      this.#heldBeyond += heldBeyond;
      this.#usedBeyond += usedBeyond;
    };
    const change = (bytes: number) => {
      held += bytes;
      count();
      if (bytes < 0) this.#wake();
    };
    const ask = (bytes: number) => {
      asked = bytes;
      count();
    };
    return {
      ask: () => {
        ask(0);
        const free = Math.max(0, this.#part - held) + Math.max(0, this.#half - this.#usedBeyond);
        ask(Math.floor(Math.max(SMALLEST_BYTES, Math.min(WANTED_BYTES, free))));
        return asked;
      },
      settle: () => ask(0),
      add: (bytes) => change(bytes),
      remove: (bytes) => change(-bytes),
      close: () => {
        asked = 0;
        change(-held);
        this.#shares -= 1;
        this.#wake();
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

  get #part(): number {
    return this.#half / this.#shares;
  }

  #wake(): void {
    for (const waiter of this.#waiting) if (waiter.mayFetch()) waiter.resume();
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
  /** Others have no room beyond their parts. */
  readonly isCrowded: boolean;
  /** Resolves when the shard may fetch, or when `signal` aborts. */
  room(signal: AbortSignal): Promise<void>;
}
