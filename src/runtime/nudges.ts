import type { Clock } from '../lib/clock.ts';
import { MOST_NAMED } from './leasing/nudge.ts';
import type { Worker } from './worker.ts';

/** What a worker does for nudges in a second, at most: a read of all rows costs as much as looks at ten shards. */
const BUDGET = 100;
const ALL_COST = 10;

/**
 * Hands nudges on to the worker, not more of them a second than are of use. The rest is put off to the second's end and done
 * once, never dropped: it was taken from those who asked, and the last of them tells of what the ones before could not.
 */
export class Nudges {
  readonly #options: { clock: Clock; worker: () => Worker | undefined };
  readonly #closing: AbortSignal;
  readonly #shardIds = new Set<string>();
  #all = false;
  #isPutOff = false;
  #windowMs = -Infinity;
  #spent = 0;

  constructor(options: { clock: Clock; worker: () => Worker | undefined }, closing: AbortSignal) {
    this.#options = options;
    this.#closing = closing;
  }

  /** Undefined: all rows. */
  take(shardIds: readonly string[] | undefined): void {
    const { clock } = this.#options;
    for (const shardId of shardIds ?? []) this.#shardIds.add(shardId);
    this.#all ||= shardIds === undefined || this.#shardIds.size > MOST_NAMED;
    const nowMs = clock.monotonic();
    if (nowMs - this.#windowMs >= 1_000) [this.#windowMs, this.#spent] = [nowMs, 0];
    this.#spent += this.#all ? ALL_COST : this.#shardIds.size;
    if (this.#spent <= BUDGET) return this.#handOn();
    if (this.#isPutOff) return;
    this.#isPutOff = true;
    void clock.sleep(this.#windowMs + 1_000 - nowMs, { signal: this.#closing }).then(() => {
      this.#isPutOff = false;
      if (!this.#closing.aborted) this.#handOn();
    });
  }

  #handOn(): void {
    const [all, shardIds] = [this.#all, [...this.#shardIds]];
    this.#all = false;
    this.#shardIds.clear();
    if (all) this.#options.worker()?.nudged();
    else if (shardIds.length > 0) this.#options.worker()?.nudged(shardIds);
  }
}
