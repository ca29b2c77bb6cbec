import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import type { MemoryKinesis } from '../../src/kinesis/memory/stream.ts';
import type { StreamClient } from '../../src/kinesis/stream-client.ts';
import type { LoneClock } from '../kinesis/lone-clock.ts';

/** What a client is made over: an account whose stream `orders` has two shards and is ACTIVE. */
export interface StreamBench {
  clock: LoneClock;
  kinesis: MemoryKinesis;
  /** For one stream of the account; `close` it yourself when it is not the one under test. */
  client: (streamName: string) => StreamClient;
  close: () => Promise<void>;
}

const SHARD = 'shardId-000000000000';
const OTHER = 'shardId-000000000001';
const MAX = 2n ** 128n - 1n;
/** An explicit hash key in the first and in the second shard. */
const LOW = '0';
const HIGH = String(MAX);

/** What every StreamClient does, whatever is behind it. */
export function streamContract(name: string, setUp: () => Promise<StreamBench>): void {
  describe(`${name} as a StreamClient`, () => {
    let bench: StreamBench;
    let client: StreamClient;
    beforeEach(async () => {
      bench = await setUp();
      client = bench.client('orders');
    });
    afterEach(async () => {
      client.close();
      await bench.close();
    });
    const put = (text: string, explicitHashKey = LOW) =>
      bench.kinesis.putRecord('orders', {
        partitionKey: `key ${text}`,
        data: Buffer.from(text),
        explicitHashKey,
      }).sequence;
    const texts = (records: readonly { data: Uint8Array }[]) =>
      records.map((record) => Buffer.from(record.data).toString());

    it('describes the stream', async () => {
      expect(await client.describe()).toEqual({
        name: 'orders',
        arn: 'arn:aws:kinesis:eu-west-1:000000000000:stream/orders',
        status: 'ACTIVE',
        createdAt: bench.kinesis.describe('orders').createdAt,
        retentionHours: 24,
        openShards: 2,
        mode: 'PROVISIONED',
        keysPlaceRecords: true,
      });
    });

    it('lists shards as they are', async () => {
      const [first, second] = await client.listShards({ from: 'TRIM_HORIZON' });
      expect(first).toEqual({
        shardId: SHARD,
        hashStart: '0',
        hashEnd: String(2n ** 127n - 1n),
        startingSequence: expect.stringMatching(/^\d{56}$/),
      });
      expect(second).toMatchObject({ shardId: OTHER, hashStart: String(2n ** 127n), hashEnd: String(MAX) });
    });

    it('lists by filter, with parents and ends of closed shards', async () => {
      bench.clock.advance(60_000);
      const before = bench.clock.now();
      bench.clock.advance(60_000);
      bench.kinesis.mergeShards('orders', SHARD, OTHER);
      bench.clock.advance(60_000);
      const ids = async (filter: Parameters<StreamClient['listShards']>[0]) =>
        (await client.listShards(filter)).map((shard) => Number(shard.shardId.slice(-2)));
      expect(await ids({ from: 'TRIM_HORIZON' })).toEqual([0, 1, 2]);
      expect(await ids({ from: 'LATEST' })).toEqual([2]);
      expect(await ids({ from: 'TIMESTAMP', timestampMs: before })).toEqual([0, 1, 2]);
      expect(await ids({ from: 'TIMESTAMP', timestampMs: bench.clock.now() })).toEqual([2]);
      const [parent, , child] = await client.listShards({ from: 'TRIM_HORIZON' });
      expect(parent?.endingSequence).toMatch(/^\d{56}$/);
      expect(child).toMatchObject({ parentShardId: SHARD, adjacentParentShardId: OTHER });
      expect(child?.endingSequence).toBeUndefined();
    });

    it('lists every page', async () => {
      bench.kinesis.createStream({ name: 'wide', shardCount: 2001 });
      const wide = bench.client('wide');
      const ids = new Set((await wide.listShards({ from: 'LATEST' })).map((shard) => shard.shardId));
      wide.close();
      expect(ids.size).toBe(2001);
    });

    it('reads records as they were put, binary data and any key included', async () => {
      const data = Uint8Array.from({ length: 256 }, (_, index) => index);
      const { sequence } = bench.kinesis.putRecord('orders', {
        partitionKey: 'schlüssel-鍵',
        data,
        explicitHashKey: LOW,
      });
      const arrivedAt = bench.clock.now();
      bench.kinesis.putRecord('orders', {
        partitionKey: 'empty',
        data: new Uint8Array(),
        explicitHashKey: LOW,
      });
      const { records } = await client.getRecords(
        await client.getIterator(SHARD, { at: 'TRIM_HORIZON' }),
        10,
      );
      expect(records).toHaveLength(2);
      expect(records[0]).toMatchObject({ sequence, partitionKey: 'schlüssel-鍵', arrivedAt });
      expect([...records[0]!.data]).toEqual([...data]);
      expect(records[1]!.data).toHaveLength(0);
    });

    it('starts at every kind of position', async () => {
      const sequences: string[] = [];
      const times: number[] = [];
      for (const text of ['a', 'b', 'c']) {
        bench.clock.advance(1000);
        sequences.push(put(text));
        times.push(bench.clock.now());
      }
      const from = async (position: Parameters<StreamClient['getIterator']>[1]) => {
        bench.clock.advance(1000);
        const { records } = await client.getRecords(await client.getIterator(SHARD, position), 10);
        return texts(records).join('');
      };
      expect(await from({ at: 'TRIM_HORIZON' })).toBe('abc');
      expect(await from({ at: 'LATEST' })).toBe('');
      expect(await from({ at: 'AT_SEQUENCE_NUMBER', sequence: sequences[1]! })).toBe('bc');
      expect(await from({ at: 'AFTER_SEQUENCE_NUMBER', sequence: sequences[1]! })).toBe('c');
      expect(await from({ at: 'AT_TIMESTAMP', timestampMs: times[1]! })).toBe('bc');
      expect(await from({ at: 'AT_TIMESTAMP', timestampMs: times[1]! + 1 })).toBe('c');
    });

    it('goes from iterator to iterator, by at most the limit, and says how far behind it is', async () => {
      for (const text of ['a', 'b', 'c']) put(text);
      bench.clock.advance(5000);
      const first = await client.getRecords(await client.getIterator(SHARD, { at: 'TRIM_HORIZON' }), 2);
      expect(texts(first.records)).toEqual(['a', 'b']);
      expect(first.millisBehindLatest).toBe(5000);
      const second = await client.getRecords(first.nextIterator!, 2);
      expect(second).toMatchObject({ millisBehindLatest: 0, childShards: [] });
      expect(texts(second.records)).toEqual(['c']);
      expect(await client.getRecords(second.nextIterator!, 2)).toMatchObject({
        records: [],
        millisBehindLatest: 0,
      });
      // Reading moves nothing: the same iterator brings the same records.
      expect(texts((await client.getRecords(first.nextIterator!, 2)).records)).toEqual(['c']);
    });

    it('tells shards apart', async () => {
      put('low');
      put('high', HIGH);
      const { records } = await client.getRecords(
        await client.getIterator(OTHER, { at: 'TRIM_HORIZON' }),
        10,
      );
      expect(texts(records)).toEqual(['high']);
    });

    it('names the children at the end of a closed shard', async () => {
      put('a');
      bench.kinesis.splitShard('orders', SHARD, '1000');
      put('later');
      const end = await client.getRecords(await client.getIterator(SHARD, { at: 'TRIM_HORIZON' }), 10);
      expect(texts(end.records)).toEqual(['a']);
      expect(end.nextIterator).toBeUndefined();
      expect(end.childShards).toEqual([
        { shardId: 'shardId-000000000002', parents: [SHARD], hashStart: '0', hashEnd: '999' },
        {
          shardId: 'shardId-000000000003',
          parents: [SHARD],
          hashStart: '1000',
          hashEnd: String(2n ** 127n - 1n),
        },
      ]);
    });

    describe('fails with', () => {
      const codeOf = async (work: Promise<unknown>) =>
        KcgError.from(
          await work.then(
            () => new Error('no failure'),
            (error: unknown) => error,
          ),
        ).code;

      it('NotFound for a stream or shard that is not there', async () => {
        const nowhere = bench.client('nowhere');
        expect(await codeOf(nowhere.describe())).toBe('NotFound');
        expect(await codeOf(nowhere.listShards({ from: 'LATEST' }))).toBe('NotFound');
        nowhere.close();
        expect(await codeOf(client.getIterator('shardId-000000000099', { at: 'LATEST' }))).toBe('NotFound');
      });

      it('InvalidInput for what the service refuses', async () => {
        const iterator = await client.getIterator(SHARD, { at: 'LATEST' });
        expect(await codeOf(client.getRecords(iterator, 10_001))).toBe('InvalidInput');
        expect(await codeOf(client.getRecords('garbage', 1))).toBe('InvalidInput');
        expect(await codeOf(client.getIterator(SHARD, { at: 'AT_SEQUENCE_NUMBER', sequence: 'x' }))).toBe(
          'InvalidInput',
        );
        const future = bench.clock.now() + 10_000;
        expect(await codeOf(client.getIterator(SHARD, { at: 'AT_TIMESTAMP', timestampMs: future }))).toBe(
          'InvalidInput',
        );
      });

      it('ExpiredIterator after five minutes', async () => {
        const iterator = await client.getIterator(SHARD, { at: 'LATEST' });
        bench.clock.advance(300_001);
        expect(await codeOf(client.getRecords(iterator, 1))).toBe('ExpiredIterator');
      });

      it('Throttled beyond five reads a second', async () => {
        const iterator = await client.getIterator(SHARD, { at: 'LATEST' });
        for (let i = 0; i < 5; i++) await client.getRecords(iterator, 1);
        expect(await codeOf(client.getRecords(iterator, 1))).toBe('Throttled');
      });

      it.each(['Unavailable', 'AccessDenied', 'Credentials', 'Conflict', 'LimitExceeded'] as const)(
        '%s when that is so',
        async (code) => {
          bench.kinesis.faults = () => new KcgError(code, 'said the service');
          expect(await codeOf(client.describe())).toBe(code);
          expect(await codeOf(client.getRecords('x', 1))).toBe(code);
        },
      );

      it('the reason of its signal', async () => {
        const reason = new KcgError('Aborted', 'enough');
        await expect(client.describe({ signal: AbortSignal.abort(reason) })).rejects.toThrow('enough');
      });
    });
  });
}
