import type { Checkpoint } from '../../src/kinesis/position.ts';
import type { UserRecord } from '../../src/kinesis/record.ts';
import { laneOf } from '../../src/runtime/delivery/lane-of.ts';

/** What one lane has of a shard. Counts are of its own records. */
interface Lane {
  /** Positions in the shard. */
  positions: number[];
  /** Everything before it has been processed, or given up, by somebody. */
  processed: number;
  /** Everything before it is processed and accepted, and its owner lives: it never comes again. */
  accepted: number;
}

/**
 * What was put into one shard, and how far each of its lanes was processed. Positions count from 0; a bound is the first
 * position that is not reached. Records from before `startAt` (`Latest`) may be left out.
 */
export class ShardLog {
  startAt: number | undefined;
  readonly #positions = new Map<string, number>();
  readonly #filtered = new Set<string>();
  readonly #arrivals: number[] = [];
  readonly #lanes: Lane[];

  constructor(lanes: number) {
    this.#lanes = Array.from({ length: lanes }, () => ({ positions: [], processed: 0, accepted: 0 }));
  }

  append(key: string, sequence: string, arrivedAt: number): void {
    const position = this.#arrivals.length;
    this.#positions.set(sequence, position);
    this.#arrivals.push(arrivedAt);
    this.#laneOf(key).positions.push(position);
  }

  /** Of what is filtered, only the sequence number can come: in checkpoints, which then are behind the record before. */
  filtered(sequence: string): void {
    this.#filtered.add(sequence);
    this.#positions.set(sequence, this.#arrivals.length - 1);
  }

  /** What is wrong with delivering these, if anything. */
  delivered(records: readonly UserRecord[]): string | undefined {
    const unwanted = records.find(({ sequence }) => this.#filtered.has(sequence));
    if (unwanted) return `record ${unwanted.sequence} passes no filter`;
    const lane = this.#laneOf(records[0]!.partitionKey);
    if (records.some(({ partitionKey }) => this.#laneOf(partitionKey) !== lane))
      return 'a batch of two lanes';
    const first = this.#indexOf(lane, records[0]!);
    if (first < lane.accepted) return `record ${first} comes again, ${lane.accepted} were accepted`;
    if (first > lane.processed && !this.#isBeforeStart(lane.positions[first - 1]!))
      return `record ${first} comes after ${lane.processed - 1}`;
    const gap = records.findIndex(
      ({ sequence }, i) => this.#position(sequence) !== lane.positions[first + i],
    );
    return gap < 0 ? undefined : `record ${gap} of a batch does not follow the one before`;
  }

  /** Returns how many of them had been processed before. */
  processed(records: readonly UserRecord[], count: number, accepted: boolean): number {
    if (count === 0) return 0;
    const lane = this.#laneOf(records[0]!.partitionKey);
    const first = this.#indexOf(lane, records[0]!);
    const bound = first + count;
    const again = Math.max(0, Math.min(bound, lane.processed) - first);
    if (first <= lane.processed || this.#isBeforeStart(lane.positions[first - 1]!))
      lane.processed = Math.max(lane.processed, bound);
    if (accepted) lane.accepted = Math.max(lane.accepted, bound);
    return again;
  }

  /** Who checkpoints itself says that all up to there is done. */
  accepted(sequence: string): void {
    const bound = this.#position(sequence) + 1;
    for (const lane of this.#lanes) lane.accepted = Math.max(lane.accepted, below(lane, bound));
  }

  /** Who checkpoints itself begins: what follows the last checkpoint is to come, all of it. */
  begins(): void {
    for (const lane of this.#lanes) lane.processed = Math.min(lane.processed, lane.accepted);
  }

  /** What is wrong with a checkpoint, if anything: nobody said that all up to it is done. */
  unaccepted(checkpoint: Checkpoint): string | undefined {
    if (checkpoint.at !== 'SEQUENCE') return undefined;
    const bound = this.#bound(checkpoint);
    const isAhead = this.#lanes.some((lane) => {
      const due = below(lane, bound);
      return lane.accepted < due && !this.#isBeforeStart(lane.positions[due - 1]!);
    });
    return isAhead ? `checkpoint ${bound}, though no program has checkpointed that far` : undefined;
  }

  /** The owner died, or begins anew from there: what was done after this checkpoint may come again. */
  goesOnFrom(checkpoint: Checkpoint): void {
    const bound = this.#bound(checkpoint);
    for (const lane of this.#lanes) lane.accepted = Math.min(lane.accepted, below(lane, bound));
  }

  /** Its owner begins anew from the lowest position that is not finished. */
  goesOnFromFinished(): void {
    const finished = this.#finished();
    for (const lane of this.#lanes) lane.accepted = Math.min(lane.accepted, below(lane, finished));
  }

  /** What is wrong with a checkpoint, if anything: not everything up to it is processed. */
  ahead(checkpoint: Checkpoint): string | undefined {
    if (checkpoint.at !== 'SEQUENCE') return undefined;
    const bound = this.#bound(checkpoint);
    const lane = this.#lanes.findIndex((lane) => {
      const due = below(lane, bound);
      return lane.processed < due && !this.#isBeforeStart(lane.positions[due - 1]!);
    });
    return lane < 0
      ? undefined
      : `checkpoint ${bound}, though lane ${lane} has processed ${this.#lanes[lane]!.processed}`;
  }

  /** What is wrong with giving the shard away at this checkpoint, if anything: it is not all that is finished. */
  left(checkpoint: Checkpoint): string | undefined {
    const bound = this.#bound(checkpoint);
    const finished = this.#finished();
    const isShort = this.#lanes.some((lane) => lane.accepted > below(lane, bound)) && bound < finished;
    return isShort ? `checkpoint ${bound}, though ${finished} are finished` : undefined;
  }

  isAllProcessed(): boolean {
    return this.#lanes.every((lane) => {
      const last = lane.positions.length - 1;
      return lane.processed > last || this.#isBeforeStart(lane.positions[last]!);
    });
  }

  /** The lowest position that no lane has finished. */
  #finished(): number {
    return Math.min(...this.#lanes.map((lane) => lane.positions[lane.accepted] ?? this.#arrivals.length));
  }

  #bound(checkpoint: Checkpoint): number {
    if (checkpoint.at === 'SHARD_END') return this.#arrivals.length;
    return checkpoint.at === 'SEQUENCE' ? this.#position(checkpoint.sequence) + 1 : 0;
  }

  #isBeforeStart(position: number): boolean {
    return this.startAt !== undefined && (this.#arrivals[position] ?? Infinity) < this.startAt;
  }

  #laneOf(key: string): Lane {
    return this.#lanes[laneOf(key, this.#lanes.length)]!;
  }

  #indexOf(lane: Lane, { sequence }: UserRecord): number {
    return below(lane, this.#position(sequence));
  }

  #position(sequence: string): number {
    const position = this.#positions.get(sequence);
    if (position === undefined) throw new Error(`sequence ${sequence} was never put`);
    return position;
  }
}

/** How many records of the lane lie before a position. */
function below({ positions }: Lane, position: number): number {
  let [low, high] = [0, positions.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (positions[middle]! < position) low = middle + 1;
    else high = middle;
  }
  return low;
}
