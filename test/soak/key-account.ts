/** What is to become of a record: `throws`, `reports` and `hangs` are poison, and say how the handler fails with it. */
export type RecordKind = 'fine' | 'throws' | 'reports' | 'hangs';

export interface SoakRecord {
  key: string;
  /** From 1, one after another for each key. */
  number: number;
  kind: RecordKind;
}

/** As `SoakRecord` is put: the rest only weighs. */
export function dataOf({ number, kind }: Omit<SoakRecord, 'key'>, bytes: number): string {
  return `${number} ${kind} `.padEnd(bytes, '.');
}

export function recordOf(key: string, data: string): SoakRecord {
  const [number, kind] = data.split(' ');
  return { key, number: Number(number), kind: kind as RecordKind };
}

interface KeyState {
  put: number;
  /** All up to this one are through. */
  through: number;
  /** Given up, and the ones before them not through. */
  givenUp: Set<number>;
}

export interface AccountFigures {
  put: number;
  poison: number;
  delivered: number;
  /** Delivered again: at least once is what is promised. */
  again: number;
  /** Poison at the destination, each counted once. */
  givenUp: number;
  /** Neither delivered nor at the destination, up to now. */
  missing: number;
}

/**
 * Keeps count of every record of every key, in memory that does not grow with them. A record is through once it is
 * delivered or, being poison, at the destination. The order of a key is broken when one is delivered, or sent to the
 * destination, before one in front of it is through.
 */
export class KeyAccount {
  /** In words; the first hundred. */
  readonly breaches: string[] = [];
  readonly #keys = new Map<string, KeyState>();
  readonly #counts = { put: 0, poison: 0, delivered: 0, again: 0, givenUp: 0 };

  /** The next number of `key`. */
  put(key: string, kind: RecordKind): number {
    const state = this.#key(key);
    this.#counts.put += 1;
    if (kind !== 'fine') this.#counts.poison += 1;
    return (state.put += 1);
  }

  /** The handler has done its work with these, in this order. */
  delivered(records: readonly SoakRecord[], by: string): void {
    for (const { key, number, kind } of records) {
      const state = this.#key(key);
      this.#counts.delivered += 1;
      if (kind !== 'fine') this.#breach(`${by} delivered ${key} ${number}, which ${kind}`);
      if (number <= state.through) this.#counts.again += 1;
      else if (number > state.through + 1)
        this.#breach(`${by} delivered ${key} ${number} after ${state.through}`);
      else this.#through(state, number);
    }
  }

  /** The destination has these now. */
  givenUp(records: readonly SoakRecord[]): void {
    for (const { key, number, kind } of records) {
      const state = this.#key(key);
      if (kind === 'fine') this.#breach(`${key} ${number}, which is fine, was given up`);
      if (number <= state.through || state.givenUp.has(number)) continue;
      this.#counts.givenUp += 1;
      if (number > state.through + 1) this.#breach(`${key} ${number} was given up after ${state.through}`);
      state.givenUp.add(number);
      this.#through(state, state.through);
    }
  }

  get figures(): AccountFigures {
    let missing = 0;
    for (const { put, through, givenUp } of this.#keys.values()) missing += put - through - givenUp.size;
    return { ...this.#counts, missing };
  }

  /** Keys that miss records, and the first number each misses. */
  get missing(): string[] {
    return [...this.#keys].flatMap(([key, { put, through }]) =>
      put > through ? [`${key} ${through + 1}`] : [],
    );
  }

  #through(state: KeyState, number: number): void {
    state.through = number;
    while (state.givenUp.delete(state.through + 1)) state.through += 1;
  }

  #breach(what: string): void {
    if (this.breaches.length < 100) this.breaches.push(what);
  }

  #key(key: string): KeyState {
    let state = this.#keys.get(key);
    if (!state) this.#keys.set(key, (state = { put: 0, through: 0, givenUp: new Set() }));
    return state;
  }
}
