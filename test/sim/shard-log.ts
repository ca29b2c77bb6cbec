import type { Checkpoint } from '../../src/kinesis/position.ts';
import type { UserRecord } from '../../src/kinesis/record.ts';

/**
 * What was put into one shard, and how far it was processed. Positions count from 0; a bound is the first position that is
 * not reached. Records from before `startAt` (`Latest`) may be left out.
 */
export class ShardLog {
  startAt: number | undefined;
  readonly #positions = new Map<string, number>();
  readonly #filtered = new Set<string>();
  readonly #arrivals: number[] = [];
  /** Everything before it has been processed by somebody. */
  #processed = 0;
  /** Everything before it is processed and accepted, and its owner lives: it never comes again. */
  #accepted = 0;

  append(sequence: string, arrivedAt: number, isFiltered = false): void {
    // Of what is filtered, only the sequence number can come: in checkpoints, which then are behind the record before.
    if (isFiltered) this.#filtered.add(sequence);
    this.#positions.set(sequence, this.#arrivals.length - (isFiltered ? 1 : 0));
    if (isFiltered) return;
    this.#arrivals.push(arrivedAt);
  }

  /** What is wrong with delivering these, if anything. */
  delivered(records: readonly UserRecord[]): string | undefined {
    const unwanted = records.find(({ sequence }) => this.#filtered.has(sequence));
    if (unwanted) return `record ${unwanted.sequence} passes no filter`;
    const first = this.#position(records[0]!.sequence);
    if (first < this.#accepted) return `record ${first} comes again, ${this.#accepted} were accepted`;
    if (first > this.#processed && !this.#isBeforeStart(first - 1))
      return `record ${first} comes after ${this.#processed - 1}`;
    const gap = records.findIndex(({ sequence }, i) => this.#position(sequence) !== first + i);
    return gap < 0 ? undefined : `record ${gap} of a batch does not follow the one before`;
  }

  /** Returns how many of them had been processed before. */
  processed(records: readonly UserRecord[], count: number, accepted: boolean): number {
    if (count === 0) return 0;
    const first = this.#position(records[0]!.sequence);
    const bound = first + count;
    const again = Math.max(0, Math.min(bound, this.#processed) - first);
    if (first <= this.#processed || this.#isBeforeStart(first - 1))
      this.#processed = Math.max(this.#processed, bound);
    if (accepted) this.#accepted = Math.max(this.#accepted, bound);
    return again;
  }

  /** The owner died: what he did after his last checkpoint may come again. */
  takenFromTheDead(checkpoint: Checkpoint): void {
    this.#accepted = Math.min(this.#accepted, this.#bound(checkpoint));
  }

  /** What is wrong with a checkpoint, if anything: not everything up to it is processed. */
  ahead(checkpoint: Checkpoint): string | undefined {
    if (checkpoint.at !== 'SEQUENCE') return undefined;
    const bound = this.#bound(checkpoint);
    return bound > this.#processed
      ? `checkpoint ${bound}, though ${this.#processed} are processed`
      : undefined;
  }

  /** What is wrong with giving the shard away at this checkpoint, if anything: accepted records would come again. */
  left(checkpoint: Checkpoint): string | undefined {
    const bound = this.#bound(checkpoint);
    return bound < this.#accepted ? `checkpoint ${bound}, though ${this.#accepted} were accepted` : undefined;
  }

  isAllProcessed(): boolean {
    const last = this.#arrivals.length - 1;
    return this.#processed > last || this.#isBeforeStart(last);
  }

  #bound(checkpoint: Checkpoint): number {
    if (checkpoint.at === 'SHARD_END') return this.#arrivals.length;
    return checkpoint.at === 'SEQUENCE' ? this.#position(checkpoint.sequence) + 1 : 0;
  }

  #isBeforeStart(position: number): boolean {
    return this.startAt !== undefined && (this.#arrivals[position] ?? Infinity) < this.startAt;
  }

  #position(sequence: string): number {
    const position = this.#positions.get(sequence);
    if (position === undefined) throw new Error(`sequence ${sequence} was never put`);
    return position;
  }
}
