import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import type { MemoryKinesis } from '../../src/kinesis/memory/stream.ts';
import type { ReadPosition, StreamClient, Subscription } from '../../src/kinesis/stream-client.ts';
import type { ManualClock } from '../support/manual-clock.ts';
import { passTime } from '../support/pass-time.ts';

/** An account whose stream `orders` has one shard and is ACTIVE. */
export interface SubscriptionBench {
  clock: ManualClock;
  kinesis: MemoryKinesis;
  client: StreamClient;
  close: () => Promise<void>;
}

const SHARD = 'shardId-000000000000';

/** What the subscriptions of every StreamClient do, whatever is behind it. */
export function subscriptionContract(name: string, setUp: () => Promise<SubscriptionBench>): void {
  describe(`subscriptions of ${name}`, () => {
    let bench: SubscriptionBench;
    let consumerArn: string;
    const open: Subscription[] = [];
    beforeEach(async () => {
      bench = await setUp();
      const consumers = bench.kinesis.stream('orders').consumers;
      consumerArn = consumers.register('reader', bench.clock.now()).arn;
    });
    afterEach(async () => {
      for (const subscription of open.splice(0)) subscription.close();
      bench.client.close();
      await bench.close();
    });

    const put = (text: string) =>
      bench.kinesis.putRecord('orders', { partitionKey: text, data: Buffer.from(text) }).sequence;
    const subscribe = async (position: ReadPosition = { at: 'TRIM_HORIZON' }, arn = consumerArn) => {
      const subscription = await bench.client.subscribe({ consumerArn: arn, shardId: SHARD, position });
      open.push(subscription);
      return subscription;
    };
    const nextOf = (subscription: Subscription) => passTime(bench.clock, subscription.next());
    const keys = async (subscription: Subscription) =>
      (await nextOf(subscription))?.records.map((record) => record.partitionKey).join('');
    /** All that comes, until it is over. */
    const rest = async (subscription: Subscription) => {
      for (;;) if ((await nextOf(subscription)) === undefined) return;
    };
    const failureOf = async (work: Promise<unknown>) => {
      const [outcome] = await Promise.allSettled([work]);
      return KcgError.from(outcome.status === 'rejected' ? outcome.reason : new Error('no failure'));
    };

    it('bring records as they were put, binary data and any key included', async () => {
      const data = Uint8Array.from({ length: 256 }, (_, index) => index);
      const arrivedAt = bench.clock.now();
      const { sequence } = bench.kinesis.putRecord('orders', { partitionKey: 'schlüssel-鍵', data });
      const event = await nextOf(await subscribe());
      expect(event).toMatchObject({ millisBehindLatest: 0, childShards: [] });
      expect(event?.records).toHaveLength(1);
      expect(event?.records[0]).toMatchObject({ sequence, partitionKey: 'schlüssel-鍵', arrivedAt });
      expect([...event!.records[0]!.data]).toEqual([...data]);
    });

    it('start at every kind of position', async () => {
      const first = put('a');
      await bench.clock.advance(10_000);
      const timestampMs = bench.clock.now();
      put('b');
      const from = async (position: ReadPosition) => {
        await bench.clock.advance(5_000);
        return keys(await subscribe(position));
      };
      expect(await from({ at: 'TRIM_HORIZON' })).toBe('ab');
      expect(await from({ at: 'AT_SEQUENCE_NUMBER', sequence: first })).toBe('ab');
      expect(await from({ at: 'AFTER_SEQUENCE_NUMBER', sequence: first })).toBe('b');
      expect(await from({ at: 'AT_TIMESTAMP', timestampMs })).toBe('b');
      expect(await from({ at: 'LATEST' })).toBe('');
    });

    it('go on after the continuation number, also where nothing was read', async () => {
      put('a');
      const { continuation } = (await nextOf(await subscribe({ at: 'LATEST' })))!;
      put('b');
      await bench.clock.advance(5_000);
      expect(await keys(await subscribe({ at: 'AFTER_SEQUENCE_NUMBER', sequence: continuation! }))).toBe('b');
    });

    it('are over after five minutes, without an error', async () => {
      const subscription = await subscribe();
      const started = bench.clock.now();
      await rest(subscription);
      expect(bench.clock.now() - started).toBeGreaterThanOrEqual(300_000);
    });

    it('name the children at the end of a closed shard', async () => {
      put('a');
      bench.kinesis.splitShard('orders', SHARD, '1000');
      const event = await nextOf(await subscribe());
      expect(event?.records).toHaveLength(1);
      expect(event?.continuation).toBeUndefined();
      expect(event?.childShards[0]).toEqual({
        shardId: 'shardId-000000000001',
        parents: [SHARD],
        hashStart: '0',
        hashEnd: '999',
      });
    });

    it('are one per consumer and shard in five seconds, and the later takes over', async () => {
      const before = await subscribe();
      const tooSoon = await failureOf(subscribe());
      expect(tooSoon).toMatchObject({ code: 'Conflict', resource: consumerArn });
      await bench.clock.advance(5_000);
      await subscribe();
      expect(await failureOf(rest(before))).toMatchObject({ code: 'Conflict', resource: consumerArn });
    });

    it('end with the error that comes in the stream', async () => {
      const gone = await subscribe();
      bench.kinesis.stream('orders').consumers.deregister(consumerArn, bench.clock.now());
      expect(await failureOf(rest(gone))).toMatchObject({ code: 'NotFound' });
    });

    it.each([
      ['Unavailable', 'Unavailable'],
      ['Internal', 'Unavailable'],
    ] as const)('pass on %s in the stream', async (code, told) => {
      const subscription = await subscribe();
      await nextOf(subscription);
      const failure = new KcgError(code, 'said the service');
      bench.kinesis.faults = (operation) => (operation === 'SubscribeToShardEvent' ? failure : undefined);
      expect([code, told]).toContain((await failureOf(rest(subscription))).code);
    });

    it('that are closed end, and what waits for the next event goes on', async () => {
      const subscription = await subscribe();
      const waiting = subscription.next();
      subscription.close();
      expect(await nextOf({ ...subscription, next: () => waiting })).toBeUndefined();
    });

    it('do not begin when nobody wants them any more', async () => {
      const request = { consumerArn, shardId: SHARD, position: { at: 'LATEST' } } as const;
      const signal = AbortSignal.abort(new KcgError('Aborted', 'enough'));
      expect(await failureOf(bench.client.subscribe(request, { signal }))).toMatchObject({
        message: 'enough',
      });
      await subscribe(); // after one that has begun it would be too soon
    });

    it.each(['NotFound', 'AccessDenied', 'Throttled', 'LimitExceeded', 'Unavailable'] as const)(
      'do not begin with %s',
      async (code) => {
        bench.kinesis.faults = () => new KcgError(code, 'said the service');
        expect(await failureOf(subscribe())).toMatchObject({ code });
      },
    );

    it('are refused for what is no consumer of the stream', async () => {
      expect(await failureOf(subscribe(undefined, `${consumerArn}0`))).toMatchObject({ code: 'NotFound' });
    });
  });
}
