import { MAX_CALL_BYTES, MAX_RECORDS, type NewRecord } from '../../kinesis/stream-writer.ts';
import type { Clock } from '../../lib/clock.ts';

const TICK_MS = 100;

/** As many as one call takes. */
function* batchesOf(records: Iterable<NewRecord>): Generator<NewRecord[]> {
  let batch: NewRecord[] = [];
  let bytes = 0;
  for (const record of records) {
    const size = record.data.length + Buffer.byteLength(record.partitionKey);
    if (batch.length === MAX_RECORDS || bytes + size > MAX_CALL_BYTES) {
      yield batch;
      batch = [];
      bytes = 0;
    }
    batch.push(record);
    bytes += size;
  }
  if (batch.length > 0) yield batch;
}

/** As many as one call takes, though nothing that has come waits for more than a moment: `kcg tail` in a pipe may say little. */
export async function* asTheyCome(
  records: AsyncIterable<NewRecord>,
  { clock, signal }: { clock: Clock; signal: AbortSignal },
): AsyncGenerator<NewRecord[]> {
  const source = records[Symbol.asyncIterator]();
  const ask = () => {
    const asked = source.next();
    // It is waited for once what has come is put.
    asked.catch(() => {});
    return asked;
  };
  let next = ask();
  for (let got = await next; got.done !== true; got = await next) {
    const due = [got.value];
    let bytes = got.value.data.length;
    next = ask();
    const moment = clock.sleep(TICK_MS, { signal });
    while (due.length < MAX_RECORDS && bytes < MAX_CALL_BYTES) {
      const more = await Promise.race([next, moment]);
      if (!more || more.done === true) break;
      due.push(more.value);
      bytes += more.value.data.length;
      next = ask();
    }
    yield* batchesOf(due);
  }
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
  let next: Promise<IteratorResult<NewRecord>> | undefined;
  while (!signal.aborted) {
    const due: NewRecord[] = [];
    const tick = clock.sleep(TICK_MS, { signal });
    for (; owed >= 1 && !signal.aborted; owed -= 1) {
      const got = await Promise.race([(next ??= source.next()), tick]);
      // No more has come yet: what is there does not wait for it.
      if (!got) break;
      next = undefined;
      if (got.done === true) return yield* batchesOf(due);
      due.push(got.value);
    }
    yield* batchesOf(due);
    await tick;
    const now = clock.monotonic();
    owed = Math.min(perSecond, owed + ((now - since) / 1_000) * perSecond);
    since = now;
  }
}
