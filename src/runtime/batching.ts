import type { ReadResult } from '../kinesis/polling-reader.ts';
import type { UserRecord } from '../kinesis/record.ts';

export interface BatchingOptions {
  /** Most records of a batch, 1–10,000. */
  batchSize: number;
  /** How long a record may wait for others, ms; 0 = deliver what is there. */
  batchWindowMs: number;
}

/** AWS Lambda's bound on a batch's payload; a single record is always deliverable. */
const MAX_BATCH_BYTES = 6 * 1024 * 1024;
/** Delivered entries are cut off the front only now and then, so that taking is cheap. */
const COMPACT_AT = 10_000;

/** One shard's fetched and not yet delivered records, cut into batches. All times are monotonic ms. */
export class RecordBuffer {
  readonly #options: BatchingOptions;
  #records: UserRecord[] = [];
  #first = 0;
  /** When each fetch arrived, and how many records had been added by its end. */
  #arrivals: { atMs: number; upTo: number }[] = [];
  #added = 0;
  #taken = 0;
  #bytes = 0;
  #ended = false;

  constructor(options: BatchingOptions) {
    this.#options = options;
  }

  /** Data bytes waiting. */
  get bytes(): number {
    return this.#bytes;
  }

  get length(): number {
    return this.#records.length - this.#first;
  }

  /** When what waits must be delivered even if the batch is not full. */
  get nextDeadlineMs(): number | undefined {
    const oldest = this.#arrivals[0];
    return oldest && oldest.atMs + this.#options.batchWindowMs;
  }

  peek(): UserRecord | undefined {
    return this.#records[this.#first];
  }

  add(read: Pick<ReadResult, 'records' | 'end'>, nowMs: number): void {
    for (const record of read.records) {
      this.#records.push(record);
      this.#bytes += record.data.length;
    }
    this.#added += read.records.length;
    if (read.records.length > 0) this.#arrivals.push({ atMs: nowMs, upTo: this.#added });
    if (read.end) this.#ended = true;
  }

  /** The next batch, when it is full or due. */
  take(nowMs: number): UserRecord[] | undefined {
    if (this.length === 0) return undefined;
    const { count, bytes, isFull } = this.#cut();
    const isDue = this.#ended || nowMs >= (this.nextDeadlineMs ?? 0);
    if (!isFull && !isDue) return undefined;
    const batch = this.#records.slice(this.#first, this.#first + count);
    this.#first += count;
    this.#taken += count;
    this.#bytes -= bytes;
    while (this.#arrivals[0] && this.#arrivals[0].upTo <= this.#taken) this.#arrivals.shift();
    if (this.#first >= COMPACT_AT || this.length === 0) {
      this.#records = this.#records.slice(this.#first);
      this.#first = 0;
    }
    return batch;
  }

  #cut(): { count: number; bytes: number; isFull: boolean } {
    const most = Math.min(this.length, this.#options.batchSize);
    let bytes = 0;
    for (let count = 0; count < most; count += 1) {
      const size = this.#records[this.#first + count]!.data.length;
      if (count > 0 && bytes + size > MAX_BATCH_BYTES) return { count, bytes, isFull: true };
      bytes += size;
    }
    return { count: most, bytes, isFull: most === this.#options.batchSize };
  }
}
