import { afterAll, beforeAll, beforeEach, describe, expect, it as vitestIt, vi } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import type { StreamClient } from '../../src/kinesis/stream-client.ts';
import type { StreamConsumers } from '../../src/kinesis/stream-consumers.ts';

/** What is put: to the shard of `explicitHashKey`. */
export interface PutEntry {
  partitionKey: string;
  data: Uint8Array;
  explicitHashKey: string;
}

/** A service on its own clock, as its user has it: streams are made, written and resharded as the service says. */
export interface KinesisService {
  /** Resolves when the new stream is ACTIVE. */
  create(stream: string, shards: number): Promise<void>;
  /** Returns the sequence number. */
  put(stream: string, entry: PutEntry): Promise<string>;
  split(stream: string, shardId: string, newStartingHashKey: string): Promise<void>;
  merge(stream: string, shardId: string, adjacentShardId: string): Promise<void>;
  client(stream: string): StreamClient;
  consumers(): StreamConsumers;
  close(): Promise<void>;
}

const SHARD = 'shardId-000000000000';
const OTHER = 'shardId-000000000001';
const MAX = 2n ** 128n - 1n;
const LOW = '0';
const HIGH = String(MAX);
const PATIENT = { timeout: 120_000, interval: 100 };

/**
 * What kcg needs of Kinesis, asked of a whole service through our clients. `lacks` names what a service does otherwise: such
 * a test has to fail, so that it is noticed when it no longer does.
 */
export function kinesisServiceContract(
  name: string,
  start: () => Promise<KinesisService>,
  lacks: readonly string[] = [],
): void {
  describe(`${name} as the service that kcg needs`, () => {
    const it = (title: string, test: () => Promise<void>) =>
      (lacks.includes(title) ? vitestIt.fails : vitestIt)(title, test);
    let service: KinesisService;
    let streams = 0;
    let stream: string;
    let client: StreamClient;
    const opened: StreamClient[] = [];
    beforeAll(async () => {
      service = await start();
    });
    afterAll(async () => {
      for (const each of opened) each.close();
      await service?.close();
    });
    beforeEach(async () => {
      stream = `orders-${(streams += 1)}`;
      await service.create(stream, 2);
      client = clientOf(stream);
    });
    const clientOf = (of: string) => {
      const made = service.client(of);
      opened.push(made);
      return made;
    };
    const put = (text: string, explicitHashKey = LOW) =>
      service.put(stream, { partitionKey: `key ${text}`, data: Buffer.from(text), explicitHashKey });
    const texts = (records: readonly { data: Uint8Array }[]) =>
      records.map(({ data }) => Buffer.from(data).toString());
    const read = async (position: Parameters<StreamClient['getIterator']>[1], shardId = SHARD) =>
      client.getRecords(await client.getIterator(shardId, position), 10);
    const codeOf = async (work: Promise<unknown>) => {
      const [outcome] = await Promise.allSettled([work]);
      return outcome.status === 'rejected' ? KcgError.from(outcome.reason).code : 'no failure';
    };
    const numbers = async (filter: Parameters<StreamClient['listShards']>[0]) =>
      (await client.listShards(filter)).map(({ shardId }) => Number(shardId.slice(-2)));

    it('describes a stream', async () => {
      expect(await client.describe()).toMatchObject({
        name: stream,
        arn: expect.stringMatching(new RegExp(`^arn:aws:kinesis:eu-west-1:\\d{12}:stream/${stream}$`)),
        status: 'ACTIVE',
        createdAt: expect.any(Number),
        retentionHours: 24,
        openShards: 2,
        mode: 'PROVISIONED',
        keysPlaceRecords: true,
      });
    });

    it('tells the time', async () => {
      expect(Math.abs(((await client.now()) ?? 0) - Date.now())).toBeLessThan(60_000);
    });

    it('lists shards whose hash keys follow one another, and leave none out', async () => {
      const [first, second, ...rest] = await client.listShards({ from: 'TRIM_HORIZON' });
      expect([first, second]).toMatchObject([
        { shardId: SHARD, hashStart: '0', startingSequence: expect.stringMatching(/^\d+$/) },
        { shardId: OTHER, hashEnd: String(MAX), startingSequence: expect.stringMatching(/^\d+$/) },
      ]);
      expect(BigInt(first!.hashEnd) + 1n).toBe(BigInt(second!.hashStart));
      expect(rest).toEqual([]);
    });

    it('lists by filter, with parents and ends of closed shards', async () => {
      await service.merge(stream, SHARD, OTHER);
      expect(await numbers({ from: 'TRIM_HORIZON' })).toEqual([0, 1, 2]);
      expect(await numbers({ from: 'LATEST' })).toEqual([2]);
      const [parent, , child] = await client.listShards({ from: 'TRIM_HORIZON' });
      expect(parent?.endingSequence).toMatch(/^\d+$/);
      expect(child).toMatchObject({ parentShardId: SHARD, adjacentParentShardId: OTHER });
      expect(child?.endingSequence).toBeUndefined();
    });

    it('lists shards that were open at a time, and those that came later', async () => {
      const { createdAt } = await client.describe();
      await vi.waitFor(async () => expect((await client.now())! - createdAt).toBeGreaterThan(2_000), PATIENT);
      await service.merge(stream, SHARD, OTHER);
      expect(await numbers({ from: 'TIMESTAMP', timestampMs: createdAt + 1_000 })).toEqual([0, 1, 2]);
    });

    it('brings records as they were put, binary data and any key included, soon after', async () => {
      const data = Uint8Array.from({ length: 256 }, (_, index) => index);
      const sequence = await service.put(stream, {
        partitionKey: 'schlüssel-鍵',
        data,
        explicitHashKey: LOW,
      });
      const { records } = await read({ at: 'TRIM_HORIZON' });
      expect(records).toMatchObject([{ sequence, partitionKey: 'schlüssel-鍵' }]);
      expect([...records[0]!.data]).toEqual([...data]);
      expect(Math.abs(records[0]!.arrivedAt - Date.now())).toBeLessThan(60_000);
    });

    it('starts at every kind of position', async () => {
      const sequences: string[] = [];
      for (const text of ['a', 'b', 'c']) sequences.push(await put(text));
      const from = async (position: Parameters<StreamClient['getIterator']>[1]) =>
        texts((await read(position)).records).join('');
      expect(await from({ at: 'TRIM_HORIZON' })).toBe('abc');
      expect(await from({ at: 'LATEST' })).toBe('');
      expect(await from({ at: 'AT_SEQUENCE_NUMBER', sequence: sequences[1]! })).toBe('bc');
      expect(await from({ at: 'AFTER_SEQUENCE_NUMBER', sequence: sequences[1]! })).toBe('c');
    });

    it('starts at a time', async () => {
      await put('a');
      const { arrivedAt } = (await read({ at: 'TRIM_HORIZON' })).records[0]!;
      await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(arrivedAt + 1_100), PATIENT);
      await put('b');
      const later = await read({ at: 'AT_TIMESTAMP', timestampMs: arrivedAt + 1_000 });
      expect(texts(later.records)).toEqual(['b']);
    });

    it('goes from iterator to iterator, by at most the limit, and to the tip', async () => {
      for (const text of ['a', 'b', 'c']) await put(text);
      const first = await client.getRecords(await client.getIterator(SHARD, { at: 'TRIM_HORIZON' }), 2);
      expect(texts(first.records)).toEqual(['a', 'b']);
      const second = await client.getRecords(first.nextIterator!, 2);
      expect(texts(second.records)).toEqual(['c']);
      expect(second.millisBehindLatest).toBe(0);
      expect(texts((await client.getRecords(first.nextIterator!, 2)).records)).toEqual(['c']);
      await put('d');
      expect(texts((await client.getRecords(second.nextIterator!, 2)).records)).toEqual(['d']);
    });

    it('tells shards apart', async () => {
      await put('low');
      await put('high', HIGH);
      expect(texts((await read({ at: 'TRIM_HORIZON' }, OTHER)).records)).toEqual(['high']);
    });

    it('gives growing sequence numbers, from parent to child too', async () => {
      const [first, second] = [await put('a'), await put('b')];
      await service.split(stream, SHARD, '1000');
      const third = await put('c');
      expect(BigInt(second) > BigInt(first) && BigInt(third) > BigInt(second)).toBe(true);
    });

    it('names the children at the end of a closed shard', async () => {
      await put('a');
      await service.split(stream, SHARD, '1000');
      let end = await read({ at: 'TRIM_HORIZON' });
      expect(texts(end.records)).toEqual(['a']);
      // The end itself may take another read, and some never come to it.
      for (let reads = 1; end.nextIterator !== undefined && reads < 5; reads += 1)
        end = await client.getRecords(end.nextIterator, 10);
      expect(end.childShards).toMatchObject([
        { shardId: 'shardId-000000000002', parents: [SHARD], hashStart: '0', hashEnd: '999' },
        { shardId: 'shardId-000000000003', parents: [SHARD], hashStart: '1000' },
      ]);
    });

    it('has no stream and no shard that is not there', async () => {
      const nowhere = clientOf('nowhere');
      expect(await codeOf(nowhere.describe())).toBe('NotFound');
      expect(await codeOf(nowhere.listShards({ from: 'LATEST' }))).toBe('NotFound');
      expect(await codeOf(client.getIterator('shardId-000000000099', { at: 'LATEST' }))).toBe('NotFound');
    });

    it('refuses what makes no sense', async () => {
      expect(await codeOf(client.getRecords('garbage', 1))).toBe('InvalidInput');
      const position = { at: 'AT_SEQUENCE_NUMBER', sequence: 'x' } as const;
      expect(await codeOf(client.getIterator(SHARD, position))).toBe('InvalidInput');
    });

    it('registers a stream consumer, once, finds it, and removes it, also twice', async () => {
      const consumers = service.consumers();
      try {
        const { arn: streamArn } = await client.describe();
        expect(await consumers.find(streamArn, 'reader')).toBeUndefined();
        const { arn } = await consumers.register(streamArn, 'reader');
        expect(await codeOf(consumers.register(streamArn, 'reader'))).toBe('Conflict');
        await vi.waitFor(
          async () =>
            expect(await consumers.find(streamArn, 'reader')).toMatchObject({
              name: 'reader',
              arn,
              status: 'ACTIVE',
            }),
          PATIENT,
        );
        await consumers.deregister(arn);
        await vi.waitFor(
          async () => expect(await consumers.find(streamArn, 'reader')).toBeUndefined(),
          PATIENT,
        );
        await consumers.deregister(arn);
      } finally {
        consumers.close();
      }
    });

    it('sends the records of a subscription', async () => {
      const consumers = service.consumers();
      const { arn: streamArn } = await client.describe();
      const { arn: consumerArn } = await consumers.register(streamArn, 'reader');
      await vi.waitFor(
        async () => expect((await consumers.find(streamArn, 'reader'))?.status).toBe('ACTIVE'),
        PATIENT,
      );
      consumers.close();
      await put('a');
      const subscription = await client.subscribe({
        consumerArn,
        shardId: SHARD,
        position: { at: 'TRIM_HORIZON' },
      });
      try {
        expect(texts((await subscription.next())!.records)).toEqual(['a']);
      } finally {
        subscription.close();
      }
    });
  });
}
