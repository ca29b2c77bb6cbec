import { expect, test } from 'vitest';
import { asTheyCome, atPace } from '../../src/main/verbs/put-batches.ts';
import { nextTurn } from '../../src/lib/clock.ts';
import type { NewRecord } from '../../src/kinesis/stream-writer.ts';
import { ManualClock } from '../support/manual-clock.ts';

const record = (bytes = 1): NewRecord => ({ partitionKey: 'k', data: new Uint8Array(bytes) });

async function* records(count = Infinity, bytes = 1): AsyncGenerator<NewRecord> {
  for (let i = 0; i < count; i += 1) yield record(bytes);
}

async function sizes(batches: AsyncIterable<NewRecord[]>): Promise<number[]> {
  const found: number[] = [];
  for await (const batch of batches) found.push(batch.length);
  return found;
}

test('a batch is what one call takes: 500 records, 5 MiB', async () => {
  const by = { clock: new ManualClock(), signal: new AbortController().signal };
  expect(await sizes(asTheyCome(records(1_001), by))).toEqual([500, 500, 1]);
  expect(await sizes(asTheyCome(records(6, 1024 * 1024 - 1), by))).toEqual([5, 1]);
  expect(await sizes(asTheyCome(records(0), by))).toEqual([]);
});

test('what a pipe has said is put though it says no more for long', async () => {
  const clock = new ManualClock();
  async function* pipe() {
    yield* records(2);
    await clock.sleep(60_000);
    yield* records(1);
  }
  const found: number[] = [];
  const done = (async () => {
    const by = { clock, signal: new AbortController().signal };
    for await (const batch of asTheyCome(pipe(), by)) found.push(batch.length);
  })();
  await clock.advance(1_000);
  expect(found).toEqual([2]);
  await clock.advance(60_000);
  await done;
  expect(found).toEqual([2, 1]);
});

/** Pulls batches, each by a call that lasts `callMs`, and counts what has come. */
function pull(perSecond: number, { total = Infinity, callMs = 0 } = {}) {
  const clock = new ManualClock();
  const stop = new AbortController();
  let count = 0;
  const done = (async () => {
    for await (const batch of atPace(records(total), perSecond, { clock, signal: stop.signal })) {
      count += batch.length;
      await clock.sleep(callMs);
    }
  })();
  return { clock, stop, done, count: () => count };
}

test('records come at the pace that is asked for, the first at once', async () => {
  const { clock, stop, done, count } = pull(5);
  await clock.advance(0);
  expect(count()).toBe(1);
  await clock.advance(10_000);
  expect(count()).toBe(51);
  stop.abort();
  await done;
});

test('more than one call takes is spread over calls, and slow calls hold nothing up', async () => {
  const { clock, stop, done, count } = pull(10_000, { callMs: 150 });
  await clock.advance(3_000);
  expect(count()).toBeGreaterThan(8_000);
  expect(count()).toBeLessThanOrEqual(30_001);
  const slow = pull(50, { callMs: 400 });
  await slow.clock.advance(10_000);
  expect(slow.count()).toBeGreaterThan(450);
  expect(slow.count()).toBeLessThanOrEqual(501);
  for (const each of [{ clock, stop, done }, slow]) {
    each.stop.abort();
    await each.clock.advance(10_000);
    await each.done;
  }
});

test('what a call held up is made good, by a second of records at most', async () => {
  const { clock, stop, done, count } = pull(20);
  await clock.advance(0);
  clock.freeze(60_000);
  await clock.advance(100);
  expect(count()).toBeGreaterThanOrEqual(21);
  expect(count()).toBeLessThanOrEqual(21 + 2);
  stop.abort();
  await done;
});

test('a source that fails while a full batch is put fails when more is asked for', async () => {
  const by = { clock: new ManualClock(), signal: new AbortController().signal };
  async function* breaking() {
    yield* records(500);
    throw new Error('broken');
  }
  const batches = asTheyCome(breaking(), by);
  expect((await batches.next()).value).toHaveLength(500);
  // Until then it would be told as a rejection that nobody handles.
  await nextTurn();
  await expect(batches.next()).rejects.toThrow('broken');
});

test('they end when there are no more', async () => {
  const { clock, done, count } = pull(10, { total: 3 });
  await clock.advance(1_000);
  await done;
  expect(count()).toBe(3);
});

test('what has come does not wait for what comes later, nor does an end', async () => {
  const clock = new ManualClock();
  const stop = new AbortController();
  async function* slow() {
    yield* records(3);
    await new Promise(() => {});
  }
  let count = 0;
  const done = (async () => {
    for await (const batch of atPace(slow(), 100, { clock, signal: stop.signal })) count += batch.length;
  })();
  await clock.advance(1_000);
  expect(count).toBe(3);
  stop.abort();
  await done;
});
