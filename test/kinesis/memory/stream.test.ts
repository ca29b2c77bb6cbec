import { describe, expect, it } from 'vitest';
import { KcgError, hasCode } from '../../../src/lib/errors.ts';
import { MemoryKinesis } from '../../../src/kinesis/memory/stream.ts';
import { memoryStreamClient } from '../../../src/kinesis/memory/stream-client.ts';
import { compareSequence } from '../../../src/kinesis/record.ts';
import { LoneClock } from '../lone-clock.ts';

const HOUR_MS = 3_600_000;
const SHARD = 'shardId-000000000000';

function aStream(shardCount = 1, options: { limits?: boolean; transitionMs?: number } = {}) {
  const clock = new LoneClock();
  const kinesis = new MemoryKinesis({ clock, transitionMs: 0, ...options });
  kinesis.createStream({ name: 'orders', shardCount });
  return { clock, kinesis, stream: memoryStreamClient(kinesis, 'orders') };
}

function codeOf(work: () => unknown): string {
  try {
    work();
    return 'ok';
  } catch (error) {
    return KcgError.from(error).code;
  }
}

const record = (text: string, explicitHashKey?: string) => ({
  partitionKey: text,
  data: Buffer.from(text),
  explicitHashKey,
});

describe('streams', () => {
  it('are CREATING for a while, then ACTIVE, and gone after DELETING', () => {
    const { clock, kinesis } = aStream(2, { transitionMs: 500 });
    expect(kinesis.describe('orders')).toMatchObject({ status: 'CREATING', openShards: 0 });
    const uses = [
      () => kinesis.putRecord('orders', record('a')),
      () => kinesis.listShards('orders'),
      () => kinesis.getIterator('orders', SHARD, { at: 'LATEST' }),
    ];
    expect(uses.map(codeOf)).toEqual(['Conflict', 'Conflict', 'Conflict']);
    clock.advance(500);
    expect(kinesis.describe('orders')).toMatchObject({ status: 'ACTIVE', openShards: 2, retentionHours: 24 });
    kinesis.deleteStream('orders');
    expect(kinesis.describe('orders').status).toBe('DELETING');
    expect(uses.map(codeOf)).toEqual(['Conflict', 'Conflict', 'Conflict']);
    clock.advance(500);
    expect(codeOf(() => kinesis.describe('orders'))).toBe('NotFound');
    expect(kinesis.listStreams()).toEqual([]);
  });

  it('of the same name have another creation time and do not take old iterators or sequence numbers', () => {
    const { clock, kinesis } = aStream();
    const first = kinesis.describe('orders');
    const { sequence } = kinesis.putRecord('orders', record('a'));
    const iterator = kinesis.getIterator('orders', SHARD, { at: 'TRIM_HORIZON' });
    kinesis.deleteStream('orders');
    clock.advance(2000);
    kinesis.createStream({ name: 'orders' });
    expect(kinesis.describe('orders').createdAt).toBe(first.createdAt + 2000);
    expect(codeOf(() => kinesis.getRecords(iterator))).toBe('NotFound');
    expect(
      codeOf(() => kinesis.getIterator('orders', SHARD, { at: 'AFTER_SEQUENCE_NUMBER', sequence })),
    ).toBe('InvalidInput');
  });
});

describe('records', () => {
  it('have growing sequence numbers of 56 digits', () => {
    const { clock, kinesis } = aStream();
    const sequences = ['a', 'b', 'c'].map((text) => {
      clock.advance(700);
      return kinesis.putRecord('orders', record(text)).sequence;
    });
    expect(sequences.every((sequence) => /^\d{56}$/.test(sequence))).toBe(true);
    expect([...sequences].sort(compareSequence)).toEqual(sequences);
    const [shard] = kinesis.listShards('orders').shards;
    expect(compareSequence(shard!.startingSequence, sequences[0]!)).toBeLessThan(0);
  });

  it('go where the MD5 of their key or their explicit hash key says', () => {
    const { kinesis } = aStream(2);
    // MD5('a') = 0cc1…, MD5('b') = 92eb…
    expect(kinesis.putRecord('orders', record('a')).shardId).toBe('shardId-000000000000');
    expect(kinesis.putRecord('orders', record('b')).shardId).toBe('shardId-000000000001');
    expect(kinesis.putRecord('orders', record('a', String(2n ** 127n))).shardId).toBe('shardId-000000000001');
    expect(kinesis.putRecord('orders', record('a', String(2n ** 127n - 1n))).shardId).toBe(
      'shardId-000000000000',
    );
    expect(codeOf(() => kinesis.putRecord('orders', record('a', String(2n ** 128n))))).toBe('InvalidInput');
  });

  it('are found from every kind of position', () => {
    const { clock, kinesis } = aStream(1, { limits: false });
    const put = ['a', 'b', 'c'].map((text) => {
      clock.advance(1000);
      return { ...kinesis.putRecord('orders', record(text)), at: clock.now() };
    });
    const from = (position: Parameters<MemoryKinesis['getIterator']>[2]) =>
      kinesis
        .getRecords(kinesis.getIterator('orders', SHARD, position))
        .records.map((one) => one.partitionKey)
        .join('');
    const { sequence, at } = put[1]!;
    expect(from({ at: 'TRIM_HORIZON' })).toBe('abc');
    expect(from({ at: 'LATEST' })).toBe('');
    expect(from({ at: 'AT_SEQUENCE_NUMBER', sequence })).toBe('bc');
    expect(from({ at: 'AFTER_SEQUENCE_NUMBER', sequence })).toBe('c');
    expect(from({ at: 'AT_TIMESTAMP', timestampMs: at })).toBe('bc');
    expect(from({ at: 'AT_TIMESTAMP', timestampMs: at + 1 })).toBe('c');
    expect(codeOf(() => from({ at: 'AT_TIMESTAMP', timestampMs: clock.now() + 1 }))).toBe('InvalidInput');
    expect(codeOf(() => from({ at: 'AT_SEQUENCE_NUMBER', sequence: '7' }))).toBe('InvalidInput');
  });

  it('leave after the retention period, and reading goes on behind them', () => {
    const { clock, kinesis } = aStream();
    const { sequence } = kinesis.putRecord('orders', record('old'));
    clock.advance(23 * HOUR_MS);
    kinesis.putRecord('orders', record('young'));
    clock.advance(HOUR_MS + 1);
    const iterator = kinesis.getIterator('orders', SHARD, { at: 'AFTER_SEQUENCE_NUMBER', sequence });
    expect(kinesis.getRecords(iterator).records.map((one) => one.partitionKey)).toEqual(['young']);
    expect(kinesis.stream('orders').shard(SHARD).records).toHaveLength(1);
  });
});

it('keeps positions when thousands of records leave', () => {
  const { clock, kinesis } = aStream(1, { limits: false });
  const putMany = (text: string, count: number) => {
    for (let i = 0; i < count; i++) kinesis.putRecord('orders', record(`${text}${i}`));
  };
  putMany('old', 2000);
  clock.advance(23 * HOUR_MS);
  putMany('young', 500);
  clock.advance(HOUR_MS + 1);
  const fresh = kinesis.getRecords(kinesis.getIterator('orders', SHARD, { at: 'TRIM_HORIZON' }));
  expect(fresh.records.map((one) => one.partitionKey)).toEqual(
    Array.from({ length: 500 }, (_, i) => `young${i}`),
  );
  putMany('new', 1);
  expect(kinesis.getRecords(fresh.nextIterator!).records.map((one) => one.partitionKey)).toEqual(['new0']);
});

describe('the rates of a shard', () => {
  it('are 5 reads a second', () => {
    const { clock, kinesis } = aStream();
    const iterator = kinesis.getIterator('orders', SHARD, { at: 'TRIM_HORIZON' });
    const read = () => codeOf(() => kinesis.getRecords(iterator));
    expect(Array.from({ length: 6 }, read)).toEqual(['ok', 'ok', 'ok', 'ok', 'ok', 'Throttled']);
    clock.advance(1000);
    expect(read()).toBe('ok');
  });

  it('are 2 MB a second read, and five seconds of rest after 10 MB', () => {
    const { clock, kinesis } = aStream(1, { limits: false });
    for (let i = 0; i < 12; i++)
      kinesis.putRecord('orders', { partitionKey: 'k', data: new Uint8Array(1024 * 1024 - 1) });
    kinesis.limits = true;
    const read = (limit: number, position: string) => kinesis.getRecords(position, limit);
    const start = kinesis.getIterator('orders', SHARD, { at: 'TRIM_HORIZON' });
    const first = read(10_000, start);
    expect(first.records).toHaveLength(10);
    expect(first.millisBehindLatest).toBeGreaterThan(0);
    clock.advance(4999);
    expect(codeOf(() => read(1, first.nextIterator!))).toBe('Throttled');
    clock.advance(1);
    const second = read(2, first.nextIterator!);
    expect(second).toMatchObject({ millisBehindLatest: 0 });
    expect(codeOf(() => read(1, second.nextIterator!))).toBe('Throttled');
    clock.advance(1000);
    expect(codeOf(() => read(1, second.nextIterator!))).toBe('ok');
  });

  it('are 1,000 records and 1 MB a second written, and PutRecords takes what fits', () => {
    const { clock, kinesis } = aStream();
    const batch = Array.from({ length: 500 }, (_, index) => record(`${index}`));
    kinesis.putRecords('orders', batch);
    const outcomes = kinesis.putRecords('orders', [...batch.slice(1), record('last')]);
    expect(outcomes.every((outcome) => !(outcome instanceof KcgError))).toBe(true);
    expect(kinesis.putRecords('orders', [record('more')])[0]).toMatchObject({ code: 'Throttled' });
    clock.advance(1000);
    kinesis.putRecord('orders', { partitionKey: 'k', data: new Uint8Array(1024 * 1024 - 1) });
    expect(codeOf(() => kinesis.putRecord('orders', record('x')))).toBe('Throttled');
    expect(
      codeOf(() => kinesis.putRecord('orders', { partitionKey: 'k', data: new Uint8Array(1024 * 1024) })),
    ).toBe('InvalidInput');
  });
});

it('lets iterators live for five minutes', () => {
  const { clock, kinesis } = aStream();
  const iterator = kinesis.getIterator('orders', SHARD, { at: 'LATEST' });
  clock.advance(300_000);
  expect(codeOf(() => kinesis.getRecords(iterator))).toBe('ok');
  clock.advance(1);
  expect(codeOf(() => kinesis.getRecords(iterator))).toBe('ExpiredIterator');
  expect(codeOf(() => kinesis.getRecords('nonsense'))).toBe('InvalidInput');
});

describe('resharding', () => {
  it('closes the parent of a split, which names its children once read to the end', () => {
    const { clock, kinesis } = aStream();
    kinesis.putRecord('orders', record('a'));
    clock.advance(1000);
    kinesis.splitShard('orders', SHARD, String(2n ** 127n));
    const { shards } = kinesis.listShards('orders');
    expect(shards.map((shard) => [shard.shardId.slice(-1), shard.parentShardId?.slice(-1)])).toEqual([
      ['0', undefined],
      ['1', '0'],
      ['2', '0'],
    ]);
    expect(shards[0]!.endingSequence).toMatch(/^\d{56}$/);
    expect(compareSequence(shards[0]!.endingSequence!, shards[1]!.startingSequence)).toBeLessThan(0);
    const iterator = kinesis.getIterator('orders', SHARD, { at: 'TRIM_HORIZON' });
    const end = kinesis.getRecords(iterator);
    expect(end.records).toHaveLength(1);
    expect(end.nextIterator).toBeUndefined();
    expect(end.childShards.map((child) => [child.shardId.slice(-1), child.parents, child.hashStart])).toEqual(
      [
        ['1', [SHARD], '0'],
        ['2', [SHARD], String(2n ** 127n)],
      ],
    );
  });

  it('merges only neighbours', () => {
    const { kinesis } = aStream(3);
    const ids = kinesis.listShards('orders').shards.map((shard) => shard.shardId) as [string, string, string];
    expect(codeOf(() => kinesis.mergeShards('orders', ids[0], ids[2]))).toBe('InvalidInput');
    kinesis.mergeShards('orders', ids[1], ids[0]);
    const child = kinesis.listShards('orders', { filter: { type: 'AT_LATEST' } }).shards.at(-1)!;
    expect(new Set([child.parentShardId, child.adjacentParentShardId])).toEqual(new Set([ids[0], ids[1]]));
    expect(codeOf(() => kinesis.splitShard('orders', ids[0], '5'))).toBe('InvalidInput');
  });

  it.each([
    [4, 8, 12],
    [4, 2, 6],
    [3, 4, 3 + 6 + 2],
    [4, 3, 4 + 4 + 3],
    [1, 2, 3],
  ])('%i to %i even shards makes %i in all', (from, to, total) => {
    const { kinesis } = aStream(from);
    kinesis.updateShardCount('orders', to);
    const { shards } = kinesis.listShards('orders');
    const open = shards
      .filter((shard) => shard.endingSequence === undefined)
      .sort((a, b) => (BigInt(a.hashStart) < BigInt(b.hashStart) ? -1 : 1));
    expect(open).toHaveLength(to);
    expect(shards).toHaveLength(total);
    expect(open.at(-1)!.hashEnd).toBe(String(2n ** 128n - 1n));
    expect(open.map((shard) => BigInt(shard.hashStart))).toEqual(
      open.map((_, index) => (2n ** 128n / BigInt(to)) * BigInt(index)),
    );
  });

  it('goes to twice and half at most, ten times a day', () => {
    const { clock, kinesis } = aStream(4);
    expect(codeOf(() => kinesis.updateShardCount('orders', 9))).toBe('InvalidInput');
    expect(codeOf(() => kinesis.updateShardCount('orders', 1))).toBe('InvalidInput');
    for (let i = 0; i < 10; i++) kinesis.updateShardCount('orders', i % 2 === 0 ? 5 : 4);
    expect(codeOf(() => kinesis.updateShardCount('orders', 5))).toBe('LimitExceeded');
    clock.advance(24 * HOUR_MS);
    expect(codeOf(() => kinesis.updateShardCount('orders', 5))).toBe('ok');
  });

  it('is seen by each filter, and closed shards leave after the retention period', () => {
    const { clock, kinesis } = aStream(1);
    clock.advance(HOUR_MS);
    const before = clock.now();
    clock.advance(HOUR_MS);
    kinesis.updateShardCount('orders', 2);
    clock.advance(HOUR_MS);
    const ids = (filter: Parameters<MemoryKinesis['listShards']>[1]) =>
      kinesis.listShards('orders', filter).shards.map((shard) => Number(shard.shardId.slice(-1)));
    expect(ids({})).toEqual([0, 1, 2]);
    expect(ids({ filter: { type: 'AT_LATEST' } })).toEqual([1, 2]);
    expect(ids({ filter: { type: 'AT_TRIM_HORIZON' } })).toEqual([0]);
    expect(ids({ filter: { type: 'AT_TIMESTAMP', timestampMs: before } })).toEqual([0]);
    expect(ids({ filter: { type: 'FROM_TIMESTAMP', timestampMs: before } })).toEqual([0, 1, 2]);
    expect(ids({ filter: { type: 'FROM_TIMESTAMP', timestampMs: clock.now() } })).toEqual([1, 2]);
    expect(ids({ filter: { type: 'AFTER_SHARD_ID', shardId: 'shardId-000000000001' } })).toEqual([2]);
    clock.advance(24 * HOUR_MS);
    expect(ids({ filter: { type: 'FROM_TRIM_HORIZON' } })).toEqual([1, 2]);
    expect(codeOf(() => kinesis.getIterator('orders', SHARD, { at: 'TRIM_HORIZON' }))).toBe('NotFound');
  });

  it('waits until the stream is ACTIVE again', () => {
    const { clock, kinesis } = aStream(1, { transitionMs: 500 });
    clock.advance(500);
    kinesis.updateShardCount('orders', 2);
    expect(kinesis.describe('orders')).toMatchObject({ status: 'UPDATING', openShards: 1 });
    expect(codeOf(() => kinesis.putRecord('orders', record('a')))).toBe('ok');
    expect(codeOf(() => kinesis.updateShardCount('orders', 1))).toBe('Conflict');
    clock.advance(500);
    expect(kinesis.describe('orders')).toMatchObject({ status: 'ACTIVE', openShards: 2 });
  });
});

describe('calls', () => {
  it('take their latency on the clock and fail as told, before or after their effect', async () => {
    const { clock, kinesis, stream } = aStream();
    kinesis.latencyMs = () => 20;
    await stream.describe();
    expect(clock.sleeps).toEqual([20, 20]);
    kinesis.faults = (operation) =>
      operation === 'ListShards' ? new KcgError('Unavailable', 'down') : undefined;
    await expect(stream.listShards({ from: 'LATEST' })).rejects.toThrow('down');
    const iterator = await stream.getIterator(SHARD, { at: 'LATEST' });
    kinesis.faults = (_, shardId) =>
      shardId === SHARD ? { afterEffect: new KcgError('Timeout', 'lost') } : undefined;
    const failures = await Promise.allSettled(
      Array.from({ length: 6 }, () => stream.getRecords(iterator, 1)),
    );
    // Five lost answers used the rate up all the same.
    expect(failures.map((one) => one.status === 'rejected' && hasCode(one.reason, 'Timeout'))).toEqual([
      true,
      true,
      true,
      true,
      true,
      false,
    ]);
  });

  it('page through any number of shards', async () => {
    const { stream } = aStream(2500);
    expect(await stream.listShards({ from: 'TRIM_HORIZON' })).toHaveLength(2500);
  });
});
