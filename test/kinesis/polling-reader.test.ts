import { describe, expect, it } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { MemoryKinesis } from '../../src/kinesis/memory/stream.ts';
import { memoryStreamClient } from '../../src/kinesis/memory/stream-client.ts';
import { PollingReader, type PollingReaderOptions } from '../../src/kinesis/polling-reader.ts';
import type { ReadResult } from '../../src/kinesis/shard-reader.ts';
import type { GetRecordsResult, StreamClient } from '../../src/kinesis/stream-client.ts';
import { LoneClock } from './lone-clock.ts';
import { encodeAggregate } from '../support/encode-aggregate.ts';

const SHARD = 'shardId-000000000000';
const MAX = String(2n ** 128n - 1n);
const signal = new AbortController().signal;

function aReader(options: Partial<PollingReaderOptions> = {}) {
  const clock = new LoneClock();
  const kinesis = new MemoryKinesis({ clock, transitionMs: 0 });
  kinesis.createStream({ name: 'orders' });
  const troubles: (string | undefined)[] = [];
  const open = (more: Partial<PollingReaderOptions> = {}) =>
    new PollingReader({
      client: memoryStreamClient(kinesis, 'orders'),
      clock,
      random: seededRandom(1),
      shard: { shardId: SHARD, hashStart: '0', hashEnd: MAX },
      from: { at: 'TRIM_HORIZON' },
      maxRecords: 10_000,
      pollIntervalMs: 1000,
      onTrouble: (error) => troubles.push(error?.code),
      ...options,
      ...more,
    });
  const put = (...keys: string[]) =>
    keys.map((key) => kinesis.putRecord('orders', { partitionKey: key, data: Buffer.from(key) }).sequence);
  return { clock, kinesis, troubles, open, put, reader: open() };
}

const keysOf = (result: ReadResult) => [...result.records].map((record) => record.partitionKey).join('');

describe('a polling reader', () => {
  it('returns records once and in order, and an empty result when there is nothing', async () => {
    const { put, reader } = aReader();
    const [, last] = put('a', 'b');
    expect(await reader.next(signal)).toMatchObject({
      bytes: 4,
      lastSequence: last,
      millisBehindLatest: 0,
      end: undefined,
    });
    expect(await reader.next(signal)).toMatchObject({ records: [], bytes: 0, lastSequence: last });
    put('c');
    expect(keysOf(await reader.next(signal))).toBe('c');
  });

  it('takes the records out of the answer, so that nothing that waited for it holds them', async () => {
    const { kinesis, put, open } = aReader();
    put('a', 'b');
    const client = memoryStreamClient(kinesis, 'orders');
    const answers: Promise<GetRecordsResult>[] = [];
    const getRecords: StreamClient['getRecords'] = (...asked) => {
      answers.push(client.getRecords(...asked));
      return answers.at(-1)!;
    };
    expect(keysOf(await open({ client: { ...client, getRecords } }).next(signal))).toBe('ab');
    expect(await Promise.all(answers)).toMatchObject([{ records: [] }]);
  });

  it('goes on behind a checkpoint', async () => {
    const { put, open } = aReader();
    const [first] = put('a', 'b');
    expect(keysOf(await open({ from: { at: 'SEQUENCE', sequence: first! } }).next(signal))).toBe('b');
  });

  it('waits for the poll interval when caught up and 200 ms when behind', async () => {
    const { clock, put, open } = aReader();
    const reader = open({ maxRecords: 1 });
    put('a', 'b');
    clock.advance(50);
    await reader.next(signal);
    expect(clock.sleeps).toEqual([]);
    // A full read at the tip is no proof that all was read: not to the reader, nor to whoever is to end there.
    expect((await reader.next(signal)).millisBehindLatest).toBeGreaterThan(0);
    expect(clock.sleeps).toEqual([200]);
    expect(await reader.next(signal)).toMatchObject({ records: [], millisBehindLatest: 0 });
    expect(clock.sleeps).toEqual([200, 200]);
    await reader.next(signal);
    expect(clock.sleeps[2]).toBeGreaterThan(940);
    expect(clock.sleeps[2]).toBeLessThan(1060);
  });

  it('takes off the wait what the caller has used', async () => {
    const { clock, put, open } = aReader();
    const reader = open({ maxRecords: 1 });
    put('a', 'b');
    clock.advance(1);
    await reader.next(signal);
    clock.advance(150);
    await reader.next(signal);
    expect(clock.sleeps).toEqual([50]);
  });

  it('reads a large backlog without being throttled once', async () => {
    const { clock, kinesis, reader } = aReader();
    kinesis.limits = false;
    for (let i = 0; i < 40; i++)
      kinesis.putRecord('orders', { partitionKey: `${i}`, data: new Uint8Array(900_000) });
    kinesis.limits = true;
    clock.advance(1000);
    const started = clock.now();
    let count = 0;
    while (count < 40) count += (await reader.next(signal)).records.length;
    expect(reader.throttles).toBe(0);
    // 36 MB at 2 MB/s; the last read is not waited for.
    expect(clock.now() - started).toBeGreaterThan(10_000);
  });

  it('shares the rate with other groups: throttling is waited out and no trouble', async () => {
    const { clock, kinesis, troubles, put, reader } = aReader();
    put('a');
    const other = kinesis.getIterator('orders', SHARD, { at: 'LATEST' });
    for (let i = 0; i < 5; i++) kinesis.getRecords(other);
    expect(keysOf(await reader.next(signal))).toBe('a');
    expect(reader.throttles).toBeGreaterThan(0);
    expect(clock.sleeps.every((ms) => ms >= 100)).toBe(true);
    // The shard has room again by then, and a new owner's first read is often the sixth of its second.
    expect(clock.sleeps[0]).toBeLessThanOrEqual(200);
    expect(troubles).toEqual([]);
  });

  it('reports the sixth throttle in a row, once, and when it works again', async () => {
    const { kinesis, troubles, put, reader } = aReader();
    put('a');
    let left = 8;
    kinesis.faults = (operation) =>
      operation === 'GetRecords' && left-- > 0 ? new KcgError('Throttled', 'rate') : undefined;
    expect(keysOf(await reader.next(signal))).toBe('a');
    expect(troubles).toEqual(['Throttled', undefined]);
    left = 5;
    await reader.next(signal);
    expect(troubles).toEqual(['Throttled', undefined]);
  });

  it('reports each kind of failure once and loses nothing to lost answers', async () => {
    const { kinesis, troubles, put, reader } = aReader();
    const script = ['Unavailable', 'Unavailable', 'Timeout', 'Timeout'] as const;
    put('a', 'b');
    let call = 0;
    kinesis.faults = (operation) => {
      const code = operation === 'GetRecords' ? script[call++] : undefined;
      return code && { afterEffect: new KcgError(code, 'lost') };
    };
    expect(keysOf(await reader.next(signal))).toBe('ab');
    expect(troubles).toEqual(['Unavailable', 'Timeout', undefined]);
  });

  it('opens an expired iterator again behind the last record returned', async () => {
    const { clock, put, reader, troubles } = aReader();
    put('a', 'b');
    await reader.next(signal);
    put('c');
    clock.advance(301_000);
    put('d');
    const result = await reader.next(signal);
    expect(keysOf(result)).toBe('cd');
    expect(result.bytes).toBe(4);
    expect(troubles).toEqual([]);
  });

  it.each(['NotFound', 'AccessDenied', 'Credentials'] as const)(
    'throws %s, slows the next try down, goes on and tells that it works again',
    async (code) => {
      const { clock, kinesis, put, reader, troubles } = aReader();
      put('a');
      kinesis.faults = () => new KcgError(code, 'no');
      await expect(reader.next(signal)).rejects.toMatchObject({ code });
      expect(clock.sleeps).toEqual([]);
      await expect(reader.next(signal)).rejects.toMatchObject({ code });
      expect(clock.sleeps).toHaveLength(1);
      expect(reader.unreadForMs()).toBeCloseTo(clock.sleeps[0]!, 0);
      kinesis.faults = undefined;
      expect(keysOf(await reader.next(signal))).toBe('a');
      expect(troubles).toEqual([undefined]);
      expect(reader.unreadForMs()).toBe(0);
    },
  );

  it('waits for a starting time that the service says is still to come', async () => {
    const { clock, put, open } = aReader();
    const start = clock.now();
    put('early');
    const reader = open({ from: { at: 'AT_TIMESTAMP', timestampMs: start + 5000 } });
    expect(await reader.next(signal)).toMatchObject({ records: [] });
    expect(clock.now()).toBeGreaterThanOrEqual(start + 5000);
    put('a');
    expect(keysOf(await reader.next(signal))).toBe('a');
  });

  it('ends with the children of a closed shard, and stays there', async () => {
    const { kinesis, put, reader } = aReader();
    put('a');
    kinesis.splitShard('orders', SHARD, String(2n ** 127n));
    const result = await reader.next(signal);
    expect(keysOf(result)).toBe('a');
    expect(result.end?.childShards.map((child) => child.shardId)).toEqual([
      'shardId-000000000001',
      'shardId-000000000002',
    ]);
    expect(await reader.next(signal)).toEqual({ ...result, records: [], bytes: 0 });
    expect(reader.calls).toBe(1);
  });

  /** A reader whose answers come without iterator and children `times` times, as no service should answer. */
  function aReaderOf(times: number, split = false) {
    const group = aReader();
    const client = memoryStreamClient(group.kinesis, 'orders');
    const reader = group.open({
      client: {
        ...client,
        getRecords: async (...args) => {
          const { nextIterator, ...answer } = await client.getRecords(...args);
          return times-- > 0
            ? { ...answer, childShards: [] }
            : { ...answer, ...(nextIterator && { nextIterator }) };
        },
      },
    });
    group.put('a');
    if (split) group.kinesis.splitShard('orders', SHARD, String(2n ** 127n));
    return { ...group, reader };
  }

  it('does not take an answer without an iterator for the end of an open shard', async () => {
    const { put, reader, troubles } = aReaderOf(2);
    expect(keysOf(await reader.next(signal))).toBe('a');
    expect(await reader.next(signal)).toMatchObject({ records: [], end: undefined });
    expect(troubles).toEqual(['Unavailable', undefined]);
    put('b');
    expect(keysOf(await reader.next(signal))).toBe('b');
  });

  it('ends a closed shard whose children are not named', async () => {
    const { reader, troubles } = aReaderOf(2, true);
    expect(await reader.next(signal)).toMatchObject({ end: undefined });
    expect(await reader.next(signal)).toMatchObject({ end: { childShards: [] } });
    expect(troubles).toEqual([]);
  });

  it('hands the last records of such a shard on, also while nobody lists its shards', async () => {
    const { kinesis, reader } = aReaderOf(9, true);
    let refusals = 3;
    kinesis.faults = (operation) =>
      operation === 'ListShards' && refusals-- > 0 ? new KcgError('Throttled', 'rate') : undefined;
    expect(keysOf(await reader.next(signal))).toBe('a');
    expect(await reader.next(signal)).toMatchObject({ records: [], end: { childShards: [] } });
    expect(refusals).toBe(-1);
  });

  it('slows down, and tells it once, when records come again and again that cannot be opened', async () => {
    const { clock, kinesis, open, troubles } = aReader();
    const client = memoryStreamClient(kinesis, 'orders');
    let left = 4;
    const getRecords: typeof client.getRecords = async (...args) => {
      const answer = await client.getRecords(...args);
      return left-- > 0 ? { ...answer, records: [{}] as never } : answer;
    };
    const reader = open({ client: { ...client, getRecords } });
    while (left > 0) await reader.next(signal).catch(() => {});
    await reader.next(signal);
    expect(Math.max(...clock.sleeps)).toBeGreaterThan(1_500);
    expect(troubles).toEqual(['Internal', undefined]);
  });

  describe('that may have lost records to the retention', () => {
    const HOUR = 3_600_000;
    function aLateReader(unreadMs?: number) {
      const lost: number[] = [];
      const onLost = (ageMs: number) => lost.push(ageMs / HOUR);
      const group = aReader();
      return { ...group, lost, reader: group.open({ unreadMs, retentionHours: () => 24, onLost }) };
    }

    it('tells it when reading stood still for longer, and again the next time', async () => {
      const { clock, put, reader, lost } = aLateReader();
      put('a');
      await reader.next(signal);
      clock.advance(23 * HOUR);
      await reader.next(signal);
      expect(lost).toEqual([]);
      clock.advance(25 * HOUR);
      put('b');
      expect(keysOf(await reader.next(signal))).toBe('b');
      expect(lost).toEqual([25]);
      clock.advance(26 * HOUR);
      await reader.next(signal);
      expect(lost).toEqual([25, 26]);
    });

    it('tells it once while reads are refused, when that has lasted long enough', async () => {
      const { clock, kinesis, put, reader, lost } = aLateReader(20 * HOUR);
      put('a');
      kinesis.faults = () => new KcgError('AccessDenied', 'no');
      for (const end = clock.now() + 6 * HOUR; clock.now() < end; clock.advance(60_000))
        await reader.next(signal).catch(() => {});
      expect(lost).toHaveLength(1);
      expect(lost[0]).toBeCloseTo(24, 0);
      kinesis.faults = undefined;
      await reader.next(signal);
      expect(lost).toHaveLength(1);
    });

    it('tells it at once of a position that is old enough when it begins', async () => {
      const { reader, lost } = aLateReader(25 * HOUR);
      await reader.next(signal);
      await reader.next(signal);
      expect(lost).toEqual([25]);
    });

    it('tells nothing of a shard that is quiet and read', async () => {
      const { clock, reader, lost } = aLateReader(1 * HOUR);
      for (let i = 0; i < 60; i += 1) {
        clock.advance(HOUR);
        await reader.next(signal);
      }
      expect(lost).toEqual([]);
    });
  });

  it('is overdue once the next read should long have been there, whoever is to blame', async () => {
    const { clock, put, reader } = aReader();
    clock.advance(5_000);
    expect(reader.unreadForMs()).toBe(5_000);
    put('a');
    await reader.next(signal);
    clock.advance(10_000);
    expect(reader.unreadForMs()).toBe(0);
    clock.advance(10_000);
    expect(reader.unreadForMs()).toBe(20_000);
  });

  it('stops at once when asked', async () => {
    const { kinesis, reader } = aReader();
    const stop = new AbortController();
    kinesis.faults = () => {
      stop.abort(new KcgError('Aborted', 'enough'));
      return new KcgError('Unavailable', 'down');
    };
    await expect(reader.next(stop.signal)).rejects.toThrow('enough');
  });
});

describe('KPL aggregates', () => {
  const aggregate = (...keys: string[]) =>
    encodeAggregate(keys.map((key) => ({ partitionKey: key, data: Buffer.from(key) })));

  it('are opened, with the position of each record', async () => {
    const { kinesis, reader } = aReader();
    kinesis.putRecord('orders', { partitionKey: 'outer', data: aggregate('a', 'b') });
    const { records } = await reader.next(signal);
    expect(
      [...records].map((record) => [
        record.partitionKey,
        record.subSequence,
        Buffer.from(record.data).toString(),
      ]),
    ).toEqual([
      ['a', 0, 'a'],
      ['b', 1, 'b'],
    ]);
  });

  it('are gone on with behind a sub-sequence checkpoint', async () => {
    const { kinesis, open } = aReader();
    const { sequence } = kinesis.putRecord('orders', {
      partitionKey: 'outer',
      data: aggregate('a', 'b', 'c'),
    });
    kinesis.putRecord('orders', { partitionKey: 'd', data: Buffer.from('d') });
    expect(keysOf(await open({ from: { at: 'SEQUENCE', sequence, subSequence: 1 } }).next(signal))).toBe(
      'cd',
    );
    expect(keysOf(await open({ from: { at: 'SEQUENCE', sequence } }).next(signal))).toBe('d');
  });

  it('move the position on and are counted when all of them come in another shard', async () => {
    const { clock, kinesis, open, put } = aReader();
    put('x');
    kinesis.splitShard('orders', SHARD, String(2n ** 127n));
    clock.advance(60_000);
    // MD5('b') = 92eb…, in the upper half
    const data = aggregate('c', 'b');
    const { sequence } = kinesis.putRecord('orders', { partitionKey: 'a', explicitHashKey: '0', data });
    const leftOut: number[] = [];
    const shard = { shardId: 'shardId-000000000001', hashStart: '0', hashEnd: String(2n ** 127n - 1n) };
    const more = { shard, onLeftOut: (count: number) => leftOut.push(count) };
    const parentRanges = () => [{ start: 0n, end: 2n ** 128n - 1n }];
    const from = { at: 'SEQUENCE', sequence, subSequence: 0 } as const;
    const read = await open({ ...more, parentRanges, from }).next(signal);
    expect(read).toMatchObject({ records: { length: 0 }, lastSequence: sequence });
    expect(leftOut).toEqual([1]);
    expect(keysOf(await open(more).next(signal))).toBe('cb');
    expect(leftOut).toEqual([1]);
  });
});
