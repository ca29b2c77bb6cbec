import { MAX_CALL_BYTES, MAX_RECORDS, type NewRecord } from '../kinesis/stream-writer.ts';
import type { Clock } from '../lib/clock.ts';

const TICK_MS = 100;

/** As many as one call takes; `eager`, for what a person types: each at once. */
export async function* batchesOf(
  records: AsyncIterable<NewRecord> | Iterable<NewRecord>,
  eager = false,
): AsyncGenerator<NewRecord[]> {
  let batch: NewRecord[] = [];
  let bytes = 0;
  for await (const record of records) {
    const size = record.data.length + Buffer.byteLength(record.partitionKey);
    if (batch.length === MAX_RECORDS || bytes + size > MAX_CALL_BYTES) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(record);
    bytes += size;
    if (eager) {
      yield batch;
      batch = [];
      bytes = 0;
    }
  }
  if (batch.length > 0) yield batch;
}

/**
 * So many records a second, until they end or `signal` aborts. What a slow call held up is made good, but no more than a
 * second's records at once.
 */
export async function* atPace(
  records: AsyncIterable<NewRecord>,
  perSecond: number,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): AsyncGenerator<NewRecord[]> {
  const source = records[Symbol.asyncIterator]();
  let since = clock.monotonic();
  let owed = 1;
  while (!signal.aborted) {
    const due: NewRecord[] = [];
    for (; owed >= 1; owed -= 1) {
      const { done, value } = await source.next();
      if (done === true) return yield* batchesOf(due);
      due.push(value);
    }
    yield* batchesOf(due);
    await clock.sleep(TICK_MS, { signal });
    const now = clock.monotonic();
    owed = Math.min(perSecond, owed + ((now - since) / 1_000) * perSecond);
    since = now;
  }
}
