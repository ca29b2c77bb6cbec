import type { ReadResult } from '../../kinesis/shard-reader.ts';
import { dataSizeOf, keySizeOf, type RecordList, type UserRecord } from '../../kinesis/record.ts';

export interface BatchingOptions {
  /** Most records of a batch, 1–10,000. */
  batchSize: number;
  /** How long a record may wait for others, ms; 0 = deliver what is there. */
  batchWindowMs: number;
}

/** AWS Lambda's bound on the event that a batch becomes; a single record is always deliverable. */
const MAX_BATCH_BYTES = 6 * 1024 * 1024;
/** What a record adds to the event beside its data and key; in memory it is about as much. */
const RECORD_OVERHEAD_BYTES = 500;

/** Bytes of a record in Lambda's event, its data in base64. Also what a waiting record is counted as. */
export function eventBytes(record: Pick<UserRecord, 'data' | 'partitionKey'>): number {
  return Math.ceil(dataSizeOf(record) / 3) * 4 + keySizeOf(record) + RECORD_OVERHEAD_BYTES;
}

/** What one read brought and is not all delivered. */
interface Fetch {
  records: RecordList;
  /** Index of the first record that waits. */
  next: number;
  atMs: number;
}

/**
 * One shard's fetched and not yet delivered records, cut into batches. A batch is given when it is full (records or
 * bytes), when its oldest record has waited for the window, or when the shard has ended. All times are monotonic ms.
 */
export class RecordBuffer {
  readonly #options: BatchingOptions;
  /** Oldest first; a fetch that is delivered is dropped at once, so that its memory is free. */
  readonly #fetches: Fetch[] = [];
  #length = 0;
  #bytes = 0;
  #ended = false;

  constructor(options: BatchingOptions) {
    this.#options = options;
  }

  /** What the waiting records are counted as. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Records waiting. */
  get length(): number {
    return this.#length;
  }

  /** When what waits must be delivered even if the batch is not full. */
  get nextDeadlineMs(): number | undefined {
    const oldest = this.#fetches[0];
    return oldest && oldest.atMs + (this.#ended ? 0 : this.#options.batchWindowMs);
  }

  add({ records, end }: Pick<ReadResult, 'records' | 'end'>, nowMs: number): void {
    if (end) this.#ended = true;
    if (records.length === 0) return;
    this.#fetches.push({ records, next: 0, atMs: nowMs });
    this.#length += records.length;
    for (const record of records) this.#bytes += eventBytes(record);
  }

  /** The next batch, when it is full or due, or when `isUrgent`: others wait for the room. */
  take(nowMs: number, isUrgent = false): UserRecord[] | undefined {
    const deadlineMs = this.nextDeadlineMs;
    if (deadlineMs === undefined) return undefined;
    const { batch, bytes, isFull } = this.#cut();
    if (!isFull && !isUrgent && nowMs < deadlineMs) return undefined;
    this.#drop(batch.length);
    this.#bytes -= bytes;
    return batch;
  }

  #cut(): { batch: UserRecord[]; bytes: number; isFull: boolean } {
    const batch: UserRecord[] = [];
    let bytes = 0;
    for (const { records, next } of this.#fetches) {
      for (let index = next; index < records.length; index += 1) {
        const record = records.at(index)!;
        const size = eventBytes(record);
        const isFull = batch.length > 0 && bytes + size > MAX_BATCH_BYTES;
        if (isFull || batch.length === this.#options.batchSize) return { batch, bytes, isFull: true };
        batch.push(record);
        bytes += size;
      }
    }
    return { batch, bytes, isFull: batch.length === this.#options.batchSize };
  }

  #drop(count: number): void {
    this.#length -= count;
    for (let left = count; left > 0;) {
      const oldest = this.#fetches[0]!;
      const dropped = Math.min(left, oldest.records.length - oldest.next);
      oldest.next += dropped;
      left -= dropped;
      if (oldest.next === oldest.records.length) this.#fetches.shift();
    }
  }
}
