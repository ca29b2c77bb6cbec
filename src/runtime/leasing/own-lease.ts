import type { Clock } from '../../lib/clock.ts';

/** Share of the lease duration that a worker gives up early, for clocks that run at different speeds. */
const MARGIN_SHARE = 0.1;

/**
 * The worker's own lease, judged by its own monotonic clock: good for `duration − margin` from *before* the last
 * successful beat was sent. Others may fence it no earlier than `duration` after they saw that beat, so a worker that
 * stops delivering when this says so has stopped before anybody else may start.
 */
export class OwnLease {
  readonly #clock: Clock;
  readonly #durationMs: number;
  #goodUntilMs = -Infinity;
  #lost = false;

  constructor(clock: Clock, durationMs: number) {
    this.#clock = clock;
    this.#durationMs = durationMs;
  }

  /**
   * A lease that has run out stays out, though nobody fenced the worker and a late answer says so: when it ran out, shards
   * were dropped whose last writes may still have their effect, and this life must not take them up again.
   */
  renewed(sentAtMs: number): void {
    if (this.#goodUntilMs !== -Infinity && !this.isGood()) return;
    this.#goodUntilMs = Math.max(this.#goodUntilMs, sentAtMs + this.#durationMs * (1 - MARGIN_SHARE));
  }

  /** Fenced or replaced: no later answer may renew it. */
  lost(): void {
    this.#lost = true;
  }

  get wasTaken(): boolean {
    return this.#lost;
  }

  isGood(): boolean {
    return this.goodForMs() > 0;
  }

  goodForMs(): number {
    return this.#lost ? -Infinity : this.#goodUntilMs - this.#clock.monotonic();
  }
}
