/** Numbers over time in slots of equal length, the oldest overwritten: `slots` × 4 bytes, however long it runs. */
export class SlotRing {
  readonly #values: Float32Array;
  readonly #slotMs: number;
  /** Number of the newest slot, counted from the epoch. */
  #newest = -1;

  constructor(slots: number, slotMs: number) {
    this.#values = new Float32Array(slots).fill(NaN);
    this.#slotMs = slotMs;
  }

  /**
   * @param atMs wall clock; what lies before the newest slot is left out, and a clock that was set back by more begins anew
   * @param keep what stands for a slot in which there are several
   */
  put(atMs: number, value: number, keep: 'greatest' | 'last'): void {
    const slot = Math.floor(atMs / this.#slotMs);
    const slots = this.#values.length;
    if (slot <= this.#newest - slots || slot - this.#newest >= slots) this.#values.fill(NaN);
    else if (slot < this.#newest) return;
    else for (let next = this.#newest + 1; next <= slot; next += 1) this.#values[next % slots] = NaN;
    this.#newest = slot;
    const before = this.#values[slot % slots]!;
    this.#values[slot % slots] = keep === 'greatest' && before > value ? before : value;
  }

  /** Oldest first, the last is the slot of `nowMs`; null where nothing is known. */
  read(nowMs: number): (number | null)[] {
    const slots = this.#values.length;
    const last = Math.floor(nowMs / this.#slotMs);
    return Array.from({ length: slots }, (_, index) => {
      const slot = last - slots + 1 + index;
      if (slot > this.#newest || slot <= this.#newest - slots || slot < 0) return null;
      const value = this.#values[slot % slots]!;
      return Number.isNaN(value) ? null : Math.round(value * 100) / 100;
    });
  }
}
