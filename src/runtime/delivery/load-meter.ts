const TAU_MS = 60_000;
const KIB = 1024;

/**
 * How busy a shard is: records or KiB processed per second, whichever is greater, as an exponentially weighted average
 * over about a minute. A new owner goes on from what the last one measured.
 */
export class LoadMeter {
  #records: number;
  #kib: number;
  #atMs: number;

  constructor(load: number, nowMs: number) {
    this.#records = load;
    this.#kib = load;
    this.#atMs = nowMs;
  }

  add(records: number, bytes: number, nowMs: number): void {
    this.#decay(nowMs);
    this.#records += (records * 1_000) / TAU_MS;
    this.#kib += ((bytes / KIB) * 1_000) / TAU_MS;
  }

  load(nowMs: number): number {
    this.#decay(nowMs);
    return Math.max(this.#records, this.#kib);
  }

  #decay(nowMs: number): void {
    const rest = Math.exp(-Math.max(0, nowMs - this.#atMs) / TAU_MS);
    this.#records *= rest;
    this.#kib *= rest;
    this.#atMs = Math.max(this.#atMs, nowMs);
  }
}
