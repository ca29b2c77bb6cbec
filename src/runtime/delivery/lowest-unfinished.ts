import type { Checkpoint } from '../../kinesis/position.ts';
import { justPosition, type RecordList, type RecordPosition, type UserRecord } from '../../kinesis/record.ts';

/** Everything up to `last` is finished, and `next` is the first record that is not; undefined when all are. */
export interface Reached {
  last: RecordPosition;
  next: UserRecord | undefined;
}

/** Records of one lane that came together. `numbers` and `before` are of each of them, where they did not come in a row. */
interface Stretch {
  records: RecordList;
  /** Of the first that is not finished. */
  at: number;
  /** The number of the first record, and what came before it. */
  from: number;
  after: RecordPosition | undefined;
  numbers?: readonly number[];
  before?: readonly (RecordPosition | undefined)[];
}

/**
 * How far a shard is finished whose records are processed in several lanes: up to the first record that is not. Lanes
 * finish their records in order, each at its own pace. Records are numbered as they come, and of one that waits it is
 * known what came before it: so what is finished need not be kept, however far the other lanes are ahead.
 */
export class LowestUnfinished {
  /** Of each lane, what it has not finished, oldest first. */
  readonly #lanes: readonly Stretch[][];
  #added = 0;
  #last: RecordPosition | undefined;
  /** The number of the first record that is not finished. */
  #bound = 0;

  constructor(lanes: number) {
    this.#lanes = Array.from({ length: lanes }, () => []);
  }

  /** The first record that is not finished. */
  get next(): UserRecord | undefined {
    const stretch = this.#first();
    return stretch?.records.at(stretch.at);
  }

  /** What one read brought, all of it for one lane when there is only one. */
  addInOne(records: RecordList): void {
    if (records.length === 0) return;
    this.#lanes[0]!.push({ records, at: 0, from: this.#added, after: this.#last });
    this.#added += records.length;
    this.#last = justPosition(records.at(-1)!);
  }

  /** What one read brought, and the lane of each record. Returns the records of each lane. */
  add(records: RecordList, lanes: readonly number[]): UserRecord[][] {
    const parts = this.#lanes.map(() => ({
      records: [] as UserRecord[],
      numbers: [] as number[],
      before: [] as (RecordPosition | undefined)[],
    }));
    for (const [index, record] of [...records].entries()) {
      const part = parts[lanes[index]!]!;
      part.records.push(record);
      part.numbers.push(this.#added);
      part.before.push(this.#last);
      this.#added += 1;
      this.#last = justPosition(record);
    }
    for (const [lane, part] of parts.entries()) {
      if (part.records.length > 0)
        this.#lanes[lane]!.push({ ...part, at: 0, from: part.numbers[0]!, after: part.before[0] });
    }
    return parts.map((part) => part.records);
  }

  /** The lane has finished its next `count` records. Undefined: the shard is finished no further than before. */
  finish(lane: number, count: number): Reached | undefined {
    const stretches = this.#lanes[lane]!;
    for (let left = count; left > 0;) {
      const stretch = stretches[0]!;
      const finished = Math.min(left, stretch.records.length - stretch.at);
      stretch.at += finished;
      left -= finished;
      if (stretch.at === stretch.records.length) stretches.shift();
    }
    const first = this.#first();
    const bound = first ? numberOf(first) : this.#added;
    if (bound === this.#bound) return undefined;
    this.#bound = bound;
    return first
      ? { last: before(first)!, next: first.records.at(first.at) }
      : { last: this.#last!, next: undefined };
  }

  #first(): Stretch | undefined {
    let first: Stretch | undefined;
    for (const [stretch] of this.#lanes) {
      if (stretch && (first === undefined || numberOf(stretch) < numberOf(first))) first = stretch;
    }
    return first;
  }
}

function numberOf({ numbers, at, from }: Stretch): number {
  return numbers ? numbers[at]! : from + at;
}

function before({ records, at, after, before }: Stretch): RecordPosition | undefined {
  if (before) return before[at];
  return at === 0 ? after : records.at(at - 1);
}

/** The whole Kinesis record is done unless more of its user records follow. */
export function checkpointAt({ last, next }: Reached): Checkpoint {
  const inside = last.subSequence !== undefined && next?.sequence === last.sequence;
  return {
    at: 'SEQUENCE',
    sequence: last.sequence,
    ...(inside ? { subSequence: last.subSequence } : {}),
  };
}
