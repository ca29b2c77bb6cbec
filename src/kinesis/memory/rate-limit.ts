/** At most `limit` events in any `windowMs`. Keeps one number per allowed event of the last window. */
export class EventLimit {
  readonly #limit: number;
  readonly #windowMs: number;
  #times: number[] = [];

  constructor(limit: number, windowMs: number) {
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  /** False, and not counted, when one too many. */
  tryTake(now: number): boolean {
    this.#times = this.#times.filter((time) => now - time < this.#windowMs);
    if (this.#times.length >= this.#limit) return false;
    this.#times.push(now);
    return true;
  }
}

/** A bucket that refills evenly, by `perSecond`; a single take larger than its capacity needs it full. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #capacity: number;
  #tokens: number;
  #at = -Infinity;

  constructor(perSecond: number, capacity = perSecond) {
    this.#perSecond = perSecond;
    this.#capacity = capacity;
    this.#tokens = capacity;
  }

  has(count: number, now: number): boolean {
    if (now > this.#at) {
      const earned = ((now - this.#at) * this.#perSecond) / 1000;
      this.#tokens = Math.min(this.#capacity, this.#tokens + earned);
      this.#at = now;
    }
    return this.#tokens >= Math.min(count, this.#capacity);
  }

  take(count: number): void {
    this.#tokens -= Math.min(count, this.#capacity);
  }
}

/**
 * Reading speed of a shard: refused while `perSecond` bytes or more were read within the last second, or while a
 * larger read is not paid off (10 MB at 2 MB/s: five seconds).
 */
export class ReadBudget {
  readonly #perSecond: number;
  #reads: { at: number; bytes: number }[] = [];
  #blockedUntil = -Infinity;

  constructor(perSecond: number) {
    this.#perSecond = perSecond;
  }

  allows(now: number): boolean {
    this.#reads = this.#reads.filter((read) => now - read.at < 1000);
    return (
      now >= this.#blockedUntil && this.#reads.reduce((sum, read) => sum + read.bytes, 0) < this.#perSecond
    );
  }

  spend(bytes: number, now: number): void {
    this.#reads.push({ at: now, bytes });
    if (bytes > this.#perSecond) this.#blockedUntil = now + (bytes / this.#perSecond) * 1000;
  }
}
