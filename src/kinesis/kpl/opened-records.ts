import type { RecordList, UserRecord } from '../record.ts';
import { UserRecordView, type Outer } from './user-record-view.ts';

/** Records in a row: one as it is, or user records of an aggregate. */
type Run = { record: UserRecord } | { outer: Outer; from: number };

/**
 * Records, and the user records of aggregates. These are made when they are asked for, each time anew: an answer has a hundred
 * thousand of them at times, and most would wait for a batch long enough to cost the garbage collector more than they
 * cost to make.
 */
export class OpenedRecords implements RecordList {
  length = 0;
  readonly #runs: Run[] = [];
  /** Of each run, the index of its first record. */
  readonly #starts: number[] = [];
  /** Where the last record asked for was found: mostly the next one is there, too. */
  #run = 0;

  constructor(records: readonly UserRecord[]) {
    for (const record of records) this.add(record);
  }

  add(record: UserRecord): void {
    this.#add({ record }, 1);
  }

  /** The user records `from` … `to` - 1 of an aggregate. */
  addRun(outer: Outer, from: number, to: number): void {
    if (to > from) this.#add({ outer, from }, to - from);
  }

  at(index: number): UserRecord | undefined {
    const at = index < 0 ? index + this.length : index;
    if (at < 0 || at >= this.length) return undefined;
    const run = this.#runAt(at);
    const found = this.#runs[run]!;
    if ('record' in found) return found.record;
    return new UserRecordView(found.outer, found.from + at - this.#starts[run]!);
  }

  slice(start: number, end: number): UserRecord[] {
    const records: UserRecord[] = [];
    for (let index = start; index < Math.min(end, this.length); index += 1) records.push(this.at(index)!);
    return records;
  }

  *[Symbol.iterator](): Generator<UserRecord> {
    for (let index = 0; index < this.length; index += 1) yield this.at(index)!;
  }

  #add(run: Run, count: number): void {
    this.#runs.push(run);
    this.#starts.push(this.length);
    this.length += count;
  }

  #runAt(index: number): number {
    const starts = this.#starts;
    const run = this.#run;
    const end = starts[run + 1] ?? this.length;
    if (starts[run]! <= index && index < end) return run;
    let [low, high] = index < end ? [0, run] : [run + 1, starts.length - 1];
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if (starts[middle]! <= index) low = middle;
      else high = middle - 1;
    }
    return (this.#run = low);
  }
}
