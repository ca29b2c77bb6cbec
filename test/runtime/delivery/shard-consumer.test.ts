import { describe, expect, test, vi } from 'vitest';
import { payloadPosition } from '../../../src/kinesis/payload-position.ts';
import type { ReadResult } from '../../../src/kinesis/shard-reader.ts';
import { MemoryLeaseTable } from '../../../src/leases/memory/lease-table.ts';
import { KcgError } from '../../../src/lib/errors.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { seededRandom } from '../../../src/lib/random.ts';
import { eventBytes } from '../../../src/runtime/delivery/batching.ts';
import { ByteBudget } from '../../../src/runtime/delivery/byte-budget.ts';
import { laneOf } from '../../../src/runtime/delivery/lane-of.ts';
import { Checkpointer } from '../../../src/runtime/delivery/checkpointer.ts';
import { Lanes } from '../../../src/runtime/delivery/lanes.ts';
import { LoadMeter } from '../../../src/runtime/delivery/load-meter.ts';
import { Restarts } from '../../../src/runtime/delivery/restarts.ts';
import type { ShardConsumerOptions } from '../../../src/runtime/delivery/delivery-options.ts';
import { ShardConsumer } from '../../../src/runtime/delivery/shard-consumer.ts';
import { OneByOne } from '../../../src/runtime/delivery/one-by-one.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { aRecord } from '../handlers/a-batch.ts';
import { aReadShard } from './a-read-shard.ts';

const DONE = { outcome: 'done', row: undefined } as const;

interface Changes extends Partial<ShardConsumerOptions> {
  recordsPerRead?: number;
  windowMs?: number;
  /** The keys of the records, in turn. */
  keys?: readonly string[];
}

/** A shard of which each read, every 100 ms, brings `recordsPerRead` empty records. */
function aConsumer(changes: Changes) {
  const { recordsPerRead = 1, windowMs = 0, keys = [''], ...options } = changes;
  const clock = new VirtualClock();
  const random = seededRandom(1);
  const budget = new ByteBudget(1_000_000);
  const others = budget.share(Infinity);
  const batches: number[] = [];
  let reads = 0;
  let sequence = 0;
  const read = async (signal: AbortSignal): Promise<ReadResult> => {
    await clock.sleep(100, { signal });
    reads += 1;
    const records = Array.from({ length: recordsPerRead }, () => ({
      sequence: String((sequence += 1)),
      partitionKey: keys[sequence % keys.length]!,
      data: new Uint8Array(0),
      arrivedAt: clock.now(),
    }));
    return { records, bytes: 0, lastSequence: undefined, millisBehindLatest: 0, end: undefined };
  };
  const consumer = new ShardConsumer({
    shardId: 's',
    reader: { next: read, unreadForMs: () => 0 },
    lanes: new Lanes(1, { batchSize: 10_000, batchWindowMs: windowMs }),
    from: { at: 'TRIM_HORIZON' },
    restarts: new Restarts(),
    policy: { maxAttempts: -1, maxRecordAgeMs: -1, bisectOnError: false },
    timeoutMs: 900_000,
    onStuck: () => {},
    share: budget.share(Infinity),
    checkpointer: new Checkpointer({
      table: Object.assign(new MemoryLeaseTable(), { write: async () => DONE }),
      clock,
      random,
      own: { shardId: 's', epoch: 1, owner: { worker: 'w', incarnation: '1' } },
      from: { at: 'TRIM_HORIZON' },
      load: 0,
      readAt: undefined,
      intervalMs: 1_000_000,
      onLost: () => {},
      beatsFail: () => false,
      onTrouble: () => {},
    }),
    meter: new LoadMeter(0, 0),
    behindMs: 0,
    turns: new OneByOne(),
    handler: {
      kind: 'module',
      handle: async ({ records }) => {
        batches.push(records.length);
        return { outcome: 'done' };
      },
    },
    context: { groupId: 'g', streamName: 'n', streamArn: 'arn', region: 'r', log: silentLog },
    leaseIsGood: () => true,
    isStopping: () => false,
    clock,
    random,
    onEvent: () => {},
    ...options,
  });
  const running = consumer.run();
  const end = async () => {
    consumer.lose('the test is over');
    await clock.advance(1_000);
    return running;
  };
  return { clock, budget, others, consumer, batches, end, reads: () => reads };
}

const hangs: Pick<ShardConsumerOptions, 'handler'>['handler'] = {
  kind: 'module',
  handle: (_, { signal }) =>
    new Promise((resolve) => {
      const failed = { outcome: 'failed', error: new KcgError('Aborted', 'given up') } as const;
      signal.addEventListener('abort', () => resolve(failed));
    }),
};
const RECORD = eventBytes({ data: new Uint8Array(0), partitionKey: '' });

describe('a shard consumer', () => {
  test('takes the records out of what it read, so that nothing that waited for it holds them', async () => {
    const read = { records: [aRecord('1')], bytes: 1, lastSequence: '1', millisBehindLatest: 0 };
    const next = async () => ({ ...read, end: { childShards: [] } });
    const brought = next();
    const { clock, batches, consumer } = aConsumer({ reader: { next: () => brought, unreadForMs: () => 0 } });
    await clock.advance(1_000);
    expect(await consumer.run()).toMatchObject({ as: 'ended' });
    expect(batches).toEqual([1]);
    expect((await brought).records).toEqual([]);
  });

  test('stops fetching when its handler does not keep up, also when records are empty', async () => {
    const { clock, reads, end } = aConsumer({ recordsPerRead: 100, handler: hangs });
    await clock.advance(60_000);
    const enough = reads();
    expect(enough).toBeLessThan(1_000_000 / (100 * RECORD) + 3);
    await clock.advance(60_000);
    expect(reads()).toBe(enough);
    await end();
  });

  test('counts a batch that its handler has until it is processed', async () => {
    const { clock, budget, end } = aConsumer({ recordsPerRead: 4_000, handler: hangs });
    await clock.advance(150);
    expect(budget.isFull).toBe(true);
    await end();
  });

  test('gives its place in the budget back, whichever way it ends', async () => {
    const { clock, budget, others, end } = aConsumer({ recordsPerRead: 10, windowMs: 60_000 });
    await clock.advance(1_000);
    await end();
    others.add(999_999);
    expect(budget.isFull).toBe(false);
    others.add(1);
    expect(budget.isFull).toBe(true);
  });

  test('delivers before its window is over when others wait for the room', async () => {
    const windowMs = 300_000;
    const alone = aConsumer({ recordsPerRead: 100, windowMs });
    await alone.clock.advance(60_000);
    expect(alone.batches.length).toBeGreaterThan(10);
    expect(Math.min(...alone.batches)).toBeGreaterThan(1);
    const roomy = aConsumer({ windowMs });
    await roomy.clock.advance(60_000);
    expect(roomy.batches).toEqual([]);
    await alone.end();
    await roomy.end();
  });

  test.each([
    { lanes: 1, recordsPerRead: 100 },
    { lanes: 10, recordsPerRead: 100 },
    { lanes: 10, recordsPerRead: 3_000 },
  ])('delivers before a window is over when it may fetch no further ahead: %o', async (shape) => {
    const { clock, batches, reads, end } = aConsumer({
      recordsPerRead: shape.recordsPerRead,
      keys: Array.from({ length: 60 }, (_, key) => (key % 2 === 0 ? 'a' : String(key))),
      lanes: new Lanes(shape.lanes, { batchSize: 10_000, batchWindowMs: 300_000 }),
      share: new ByteBudget(1e9).share(1_000 * RECORD),
    });
    await clock.advance(20_000);
    expect(reads()).toBeGreaterThan(190);
    expect(batches.length).toBeLessThan(2 * shape.lanes * reads());
    await end();
  });

  test('waits for the windows of its other lanes while one of them is behind', async () => {
    const sizes: number[] = [];
    const { clock, end } = aConsumer({
      recordsPerRead: 100,
      keys: [...Array.from({ length: 99 }, () => 'a'), 'b'],
      lanes: new Lanes(2, { batchSize: 1_000, batchWindowMs: 10_000 }),
      share: new ByteBudget(1e9).share(2_000 * RECORD),
      handler: {
        kind: 'module',
        handle: async ({ records }) => {
          if (records[0]!.partitionKey === 'a') await clock.sleep(1_000);
          else sizes.push(records.length);
          return { outcome: 'done' };
        },
      },
    });
    await clock.advance(50_000);
    expect(laneOf('a', 2)).not.toBe(laneOf('b', 2));
    expect(sizes.length).toBeGreaterThan(3);
    expect(sizes.length).toBeLessThan(7);
    await end();
  });

  test('fetches though others hold more than all, as long as it holds nothing itself', async () => {
    const { clock, others, batches, reads, end } = aConsumer({});
    others.add(2_000_000);
    await clock.advance(60_000);
    expect(batches.length).toBe(reads());
    expect(reads()).toBeGreaterThan(500);
    await end();
  });

  test('reads on while its handler has a batch, though others hold more than all', async () => {
    const { clock, others, reads, end } = aConsumer({ handler: hangs });
    others.add(2_000_000);
    await clock.advance(10_000);
    expect(reads()).toBeGreaterThan(90);
    await end();
  });

  test('has waited for room long enough as soon as it holds nothing any more', async () => {
    let finish = () => {};
    const handle = () =>
      new Promise<{ outcome: 'done' }>((done) => (finish = () => done({ outcome: 'done' })));
    const { clock, others, reads, end } = aConsumer({ recordsPerRead: 600, handler: { ...hangs, handle } });
    others.add(2_000_000);
    await clock.advance(60_000);
    expect(reads()).toBe(1);
    finish();
    await clock.advance(1_000);
    expect(reads()).toBe(2);
    const ended = end();
    finish();
    await ended;
  });

  test('is as far behind as its row says until it has read, and falls further', async () => {
    let unreadMs = 0;
    const next = (signal: AbortSignal) =>
      new Promise<ReadResult>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    const reader = { next, unreadForMs: () => unreadMs };
    const { consumer, end } = aConsumer({ reader, behindMs: 5_000 });
    expect(consumer.behindMs()).toBe(5_000);
    unreadMs = 3_600_000;
    expect(consumer.behindMs()).toBe(3_605_000);
    expect(consumer.standing()).toBeUndefined();
    await end();
  });

  test('is not behind for a record that came without the time of its arrival', async () => {
    const record = { sequence: '1', partitionKey: '', data: new Uint8Array(0), arrivedAt: 0 };
    const result = { bytes: 0, lastSequence: '1', millisBehindLatest: 0, end: undefined };
    const { consumer, clock, end } = aConsumer({
      handler: hangs,
      reader: {
        unreadForMs: () => 0,
        next: async (signal) => {
          await clock.sleep(100, { signal });
          return { ...result, records: [record] };
        },
      },
    });
    await clock.advance(1_000);
    expect(consumer.behindMs()).toBe(0);
    await end();
  });
});

describe('a batch that failed', () => {
  test('as it was too large comes again in parts at once, each a first delivery', async () => {
    const handled: { size: number; attempt: number; atMs: number }[] = [];
    const retries: number[] = [];
    let most = 10_000;
    const { clock, end } = aConsumer({
      recordsPerRead: 64,
      handler: {
        ...hangs,
        fit: ({ length }) => Math.min(length, most),
        handle: async ({ records: { length: size } }, { attempt }) => {
          handled.push({ size, attempt, atMs: clock.monotonic() });
          if (size <= 20) return { outcome: 'done' };
          most = size / 2;
          return { outcome: 'failed', error: new KcgError('HandlerFailed', 'too large'), isTooLarge: true };
        },
      },
      onEvent: (event) => event.type === 'HandlerFailed' && retries.push(event.retryInMs ?? NaN),
    });
    await clock.advance(150);
    expect(handled.map(({ size }) => size)).toEqual([64, 32, 16, 16, 16, 16]);
    expect(new Set(handled.map(({ attempt, atMs }) => `${attempt} ${atMs}`))).toEqual(new Set(['1 100']));
    expect(retries).toEqual([0, 0]);
    await end();
  });

  test.each([
    ['comes again as soon as what was away is back', 20_500, 20_500],
    ['comes again no sooner than after a second', 13_000, 13_700],
  ])('%s', async (_, backAtMs, expected) => {
    let back = () => {};
    const tries: number[] = [];
    const { clock, end } = aConsumer({
      handler: {
        ...hangs,
        handle: async () => {
          tries.push(clock.monotonic());
          const error = new KcgError('HandlerFailed', 'nobody listens');
          return { outcome: 'failed', error, back: new Promise<void>((done) => (back = done)) };
        },
      },
      random: () => 1,
    });
    // From 100 ms on, after 200 ms, then twice as long each time: 12.7 s, and then 25.5 s.
    await clock.advance(12_900);
    const before = tries.length;
    await clock.advance(backAtMs - 12_900);
    back();
    await clock.advance(0);
    await clock.advance(expected - backAtMs);
    expect(tries.slice(before)).toEqual([expected]);
    await end();
  });

  test('waits once for what is away, however often it is tried meanwhile', async () => {
    const back = new Promise<void>(() => {});
    const then = vi.spyOn(back, 'then');
    let tries = 0;
    const { clock, end } = aConsumer({
      handler: {
        ...hangs,
        handle: async () => {
          tries += 1;
          return { outcome: 'failed', error: new KcgError('HandlerFailed', 'nobody listens'), back };
        },
      },
    });
    await clock.advance(600_000);
    expect(tries).toBeGreaterThan(10);
    expect(then).toHaveBeenCalledTimes(1);
    await end();
  });
});

test('a record that comes again, as it is cut otherwise than before, takes no checkpoint back', async () => {
  const reads = [[0, 1].map((subSequence) => aRecord('5', { subSequence })), [aRecord('6')]];
  const next = async (): Promise<ReadResult> => {
    const records = reads.shift() ?? [];
    const end = reads.length === 0 ? { childShards: [] } : undefined;
    return { records, bytes: 0, lastSequence: records.at(-1)?.sequence, millisBehindLatest: 0, end };
  };
  const passed: unknown[] = [];
  const { checkpointer, clock, running } = aReadShard({
    reads: [],
    batchSize: 1,
    reader: { next, unreadForMs: () => 0 },
    handle: async () => {
      passed.push(checkpointer.latest);
      return { outcome: 'done' };
    },
  });
  const before = { at: 'SEQUENCE', sequence: '5', subSequence: payloadPosition(0, 3) } as const;
  checkpointer.note({ checkpoint: before, behindMs: 0, readAt: 0, load: 0 });
  await clock.advance(1_000);
  expect(await running).toMatchObject({ as: 'ended' });
  expect(passed).toEqual([before, before, { at: 'SEQUENCE', sequence: '5' }]);
});
