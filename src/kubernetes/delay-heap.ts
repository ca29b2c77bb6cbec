interface Entry {
  key: string;
  at: number;
  /** Order of arrival, among equal times. */
  order: number;
}

/** Keys by time, each at most once, at the earliest time it was added for. */
export class DelayHeap {
  /** A binary heap; an entry that is no longer in `#current` is skipped when it comes up. */
  readonly #heap: Entry[] = [];
  readonly #current = new Map<string, Entry>();
  #order = 0;

  keys(): Iterable<string> {
    return this.#current.keys();
  }

  add(key: string, at: number): void {
    const known = this.#current.get(key);
    if (known && known.at <= at) return;
    this.#order += 1;
    const entry = { key, at, order: this.#order };
    this.#current.set(key, entry);
    this.#heap.push(entry);
    this.#up(this.#heap.length - 1);
  }

  remove(key: string): void {
    this.#current.delete(key);
  }

  /** The earliest; stays in. */
  first(): { key: string; at: number } | undefined {
    for (;;) {
      const top = this.#heap[0];
      if (!top || this.#current.get(top.key) === top) return top;
      const last = this.#heap.pop();
      if (last && this.#heap.length > 0) {
        this.#heap[0] = last;
        this.#down();
      }
    }
  }

  #up(from: number): void {
    for (let index = from; index > 0;) {
      const parent = (index - 1) >> 1;
      if (!this.#swapIfEarlier(index, parent)) return;
      index = parent;
    }
  }

  #down(): void {
    for (let index = 0; ;) {
      const left = 2 * index + 1;
      const right = left + 1;
      const child = isEarlier(this.#heap[right], this.#heap[left]) ? right : left;
      if (!this.#swapIfEarlier(child, index)) return;
      index = child;
    }
  }

  /** Swaps when the entry at `child` comes before the one at `parent`. */
  #swapIfEarlier(child: number, parent: number): boolean {
    const a = this.#heap[child];
    const b = this.#heap[parent];
    if (!a || !b || !isEarlier(a, b)) return false;
    this.#heap[parent] = a;
    this.#heap[child] = b;
    return true;
  }
}

function isEarlier(a: Entry | undefined, b: Entry | undefined): boolean {
  if (!a || !b) return a !== undefined;
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
