import type { ReadResult } from '../../kinesis/shard-reader.ts';
import type { UserRecord } from '../../kinesis/record.ts';
import { RecordBuffer, type BatchingOptions } from './batching.ts';
import { laneOf } from './lane-of.ts';
import { LowestUnfinished, type Reached } from './lowest-unfinished.ts';

/**
 * The fetched records of a shard in lanes, as many as batches of it are processed at the same time. The records of a
 * partition key are always in the same lane, in their order. Batches are cut of each lane for itself.
 */
export class Lanes {
  readonly #buffers: readonly RecordBuffer[];
  readonly #unfinished: LowestUnfinished;

  /** @param count 1–10 */
  constructor(count: number, options: BatchingOptions) {
    this.#buffers = Array.from({ length: count }, () => new RecordBuffer(options));
    this.#unfinished = new LowestUnfinished(count);
  }

  get count(): number {
    return this.#buffers.length;
  }

  /** What the waiting records of all lanes are counted as. */
  get bytes(): number {
    return this.#buffers.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Records waiting, in all lanes. */
  get length(): number {
    return this.#buffers.reduce((sum, { length }) => sum + length, 0);
  }

  /** The oldest record that is not finished. */
  get oldest(): UserRecord | undefined {
    return this.#unfinished.next;
  }

  buffer(lane: number): RecordBuffer {
    return this.#buffers[lane]!;
  }

  /** At least an equal part of what waits is in this lane: always true of one of them. */
  hasItsPart(lane: number): boolean {
    return this.#buffers[lane]!.bytes * this.count >= this.bytes;
  }

  add({ records, end }: Pick<ReadResult, 'records' | 'end'>, nowMs: number): void {
    const { count } = this;
    if (count === 1) {
      this.#unfinished.addInOne(records);
      return this.#buffers[0]!.add({ records, end }, nowMs);
    }
    const lanes = Array.from(records, ({ partitionKey }) => laneOf(partitionKey, count));
    const parts = this.#unfinished.add(records, lanes);
    for (const [lane, part] of parts.entries()) this.#buffers[lane]!.add({ records: part, end }, nowMs);
  }

  /** The lane is through with its next `count` records. Undefined: the shard is finished no further than before. */
  finish(lane: number, count: number): Reached | undefined {
    return this.#unfinished.finish(lane, count);
  }
}
