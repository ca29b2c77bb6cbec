export interface Delivery {
  shardId: string;
  pod: string;
  records: readonly { key: string; text: string }[];
}

export interface TallyResult {
  produced: number;
  processed: number;
  /** Produced and never processed. */
  lost: number;
  /** Processed again. */
  duplicated: number;
  /** Processed before an earlier record of the same key. */
  outOfOrder: number;
}

/** Compares what was produced, numbered from 1 per key, with what was processed, in the order it was. */
export class DeliveryTally {
  readonly #produced = new Map<string, number>();
  readonly #greatest = new Map<string, number>();
  readonly #seen = new Map<string, Set<number>>();
  /** Pod and monotonic ms of each shard's latest delivery. */
  readonly #latest = new Map<string, { pod: string; atMs: number }>();
  /** Longest silence of each shard since `resetGaps`, ms. */
  readonly #gaps = new Map<string, number>();
  #processed = 0;
  #duplicated = 0;
  #outOfOrder = 0;

  /** The next number of `key`. */
  produce(key: string): number {
    const number = (this.#produced.get(key) ?? 0) + 1;
    this.#produced.set(key, number);
    return number;
  }

  processed({ shardId, pod, records }: Delivery, nowMs: number): void {
    const silentMs = nowMs - (this.#latest.get(shardId)?.atMs ?? nowMs);
    this.#gaps.set(shardId, Math.max(silentMs, this.#gaps.get(shardId) ?? 0));
    this.#latest.set(shardId, { pod, atMs: nowMs });
    for (const { key, text } of records) {
      const number = Number(text);
      this.#processed += 1;
      const seen = this.#seen.get(key) ?? new Set();
      this.#seen.set(key, seen);
      if (seen.has(number)) this.#duplicated += 1;
      else if (number < (this.#greatest.get(key) ?? 0)) this.#outOfOrder += 1;
      seen.add(number);
      this.#greatest.set(key, Math.max(number, this.#greatest.get(key) ?? 0));
    }
  }

  latest(shardId: string): { pod: string; atMs: number } | undefined {
    return this.#latest.get(shardId);
  }

  /** Shards that something was delivered of. */
  shards(): string[] {
    return [...this.#latest.keys()];
  }

  /** Shards whose latest delivery came from `pod`. */
  shardsOf(pod: string): string[] {
    return [...this.#latest].filter(([, latest]) => latest.pod === pod).map(([shardId]) => shardId);
  }

  resetGaps(): void {
    this.#gaps.clear();
  }

  longestGapMs(shardIds: readonly string[]): number {
    return Math.max(0, ...shardIds.map((shardId) => this.#gaps.get(shardId) ?? 0));
  }

  result(): TallyResult {
    const produced = [...this.#produced.values()].reduce((sum, n) => sum + n, 0);
    const distinct = [...this.#seen.values()].reduce((sum, seen) => sum + seen.size, 0);
    return {
      produced,
      processed: this.#processed,
      lost: produced - distinct,
      duplicated: this.#duplicated,
      outOfOrder: this.#outOfOrder,
    };
  }
}
