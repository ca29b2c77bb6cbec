/**
 * Bytes that all shards of a worker may hold fetched but not yet processed. A shard that holds nothing may always
 * fetch, so that one slow shard cannot starve the others; the bound is therefore soft by one fetch (10 MB) a shard.
 */
export class ByteBudget {
  readonly #limit: number;
  #used = 0;
  readonly #waiting = new Set<() => void>();

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  get isFull(): boolean {
    return this.#used >= this.#limit;
  }

  add(bytes: number): void {
    this.#used += bytes;
  }

  remove(bytes: number): void {
    this.#used -= bytes;
    if (this.isFull) return;
    for (const resume of this.#waiting) resume();
  }

  /** Resolves when there is room, or when `signal` aborts. */
  async room(signal: AbortSignal): Promise<void> {
    while (this.isFull && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const resume = () => {
          signal.removeEventListener('abort', resume);
          this.#waiting.delete(resume);
          resolve();
        };
        this.#waiting.add(resume);
        signal.addEventListener('abort', resume, { once: true });
      });
    }
  }
}
