/** At least so long a give may take before it is asked for again, ms; twice as long each time, up to `MOST_MS`. */
const FIRST_MS = 1_000;
const MOST_MS = 60_000;

/**
 * When to ask for what somebody is planned to give. Owners that gave at the same time plan by rows from before the other's
 * gift, and each may find that it is the other's turn: whoever is owed a shard reads all rows again and tells those who are
 * to give it. Nobody else reads for it, so it costs a read of those who wait.
 */
export class Owed {
  #waitMs = FIRST_MS;
  #askAtMs: number | undefined;

  /** Told at each look whether a shard is owed; true when it is time to ask. `nowMs` is monotonic. */
  mayAsk(isOwed: boolean, nowMs: number): boolean {
    if (!isOwed) {
      this.#waitMs = FIRST_MS;
      this.#askAtMs = undefined;
      return false;
    }
    this.#askAtMs ??= nowMs + this.#waitMs;
    if (nowMs < this.#askAtMs) return false;
    this.#waitMs = Math.min(2 * this.#waitMs, MOST_MS);
    this.#askAtMs = nowMs + this.#waitMs;
    return true;
  }
}
