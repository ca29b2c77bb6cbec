import { describe, expect, it } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { FanOutReader, type FanOutReaderOptions } from '../../src/kinesis/fan-out-reader.ts';
import { boundedReader } from '../../src/kinesis/bounded-reader.ts';
import { MemoryKinesis } from '../../src/kinesis/memory/stream.ts';
import { memoryStreamClient } from '../../src/kinesis/memory/stream-client.ts';
import type { ReadResult, ShardReader } from '../../src/kinesis/shard-reader.ts';
import type { StreamClient, Subscription } from '../../src/kinesis/stream-client.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { passTime } from '../support/pass-time.ts';
import { encodeAggregate } from '../support/encode-aggregate.ts';

const SHARD = 'shardId-000000000000';
const MAX = String(2n ** 128n - 1n);
const IN_USE_AFTER_MS = 5_000;

function aReader(options: Partial<FanOutReaderOptions> = {}) {
  const clock = new ManualClock();
  const kinesis = new MemoryKinesis({ clock, transitionMs: 0 });
  kinesis.createStream({ name: 'orders' });
  const consumerArn = kinesis.stream('orders').consumers.register('reader', clock.now()).arn;
  const troubles: (string | undefined)[] = [];
  const stop = new AbortController();
  const client = memoryStreamClient(kinesis, 'orders');
  let subscribed = 0;
  let closed = 0;
  const counting = {
    ...client,
    async subscribe(...args: Parameters<typeof client.subscribe>) {
      subscribed += 1;
      const subscription = await client.subscribe(...args);
      const close = () => {
        closed += 1;
        subscription.close();
      };
      return { next: () => subscription.next(), close };
    },
  };
  const open = (more: Partial<FanOutReaderOptions> = {}) =>
    new FanOutReader({
      client: counting,
      clock,
      random: seededRandom(1),
      shard: { shardId: SHARD, hashStart: '0', hashEnd: MAX },
      from: { at: 'TRIM_HORIZON' },
      consumerArn,
      onTrouble: (error) => troubles.push(error?.code),
      ...options,
      ...more,
    });
  const reader = open();
  const put = (...keys: string[]) =>
    keys.map((key) => kinesis.putRecord('orders', { partitionKey: key, data: Buffer.from(key) }).sequence);
  const next = (of: ShardReader = reader) => passTime(clock, of.next(stop.signal));
  /** Reads until `count` records have come. */
  const read = async (count: number, of = reader) => {
    let keys = '';
    while (keys.length < count) keys += keysOf(await next(of));
    return keys;
  };
  const fail = (operation: string, code: 'Unavailable' | 'AccessDenied' | 'Throttled', times: number) => {
    let left = times;
    kinesis.faults = (asked) =>
      asked === operation && left-- > 0 ? new KcgError(code, 'said the service') : undefined;
  };
  /** Somebody else subscribes with the same consumer. */
  const intrude = () => client.subscribe({ consumerArn, shardId: SHARD, position: { at: 'LATEST' } });
  const calls = () => subscribed;
  const closes = () => closed;
  return {
    clock,
    kinesis,
    consumerArn,
    troubles,
    stop,
    open,
    reader,
    put,
    next,
    read,
    fail,
    intrude,
    calls,
    closes,
  };
}

const keysOf = (result: ReadResult) => [...result.records].map((record) => record.partitionKey).join('');

describe('a fan-out reader', () => {
  it('returns records once and in order, and an empty result as a sign of life', async () => {
    const { put, next } = aReader();
    const [, last] = put('a', 'b');
    expect(await next()).toMatchObject({
      bytes: 4,
      lastSequence: last,
      millisBehindLatest: 0,
      end: undefined,
    });
    expect(await next()).toMatchObject({ records: [], bytes: 0, lastSequence: last });
    put('c');
    expect(keysOf(await next())).toBe('c');
  });

  it('takes the records out of the event, so that nothing that waited for it holds them', async () => {
    const { kinesis, put, open, next } = aReader();
    put('a', 'b');
    const client = memoryStreamClient(kinesis, 'orders');
    const events: ReturnType<Subscription['next']>[] = [];
    const subscribe: StreamClient['subscribe'] = async (...asked) => {
      const subscription = await client.subscribe(...asked);
      const pull = () => {
        events.push(subscription.next());
        return events.at(-1)!;
      };
      return { next: pull, close: () => subscription.close() };
    };
    expect(keysOf(await next(open({ client: { ...client, subscribe } })))).toBe('ab');
    expect(await Promise.all(events)).toMatchObject([{ records: [] }]);
  });

  it('gets a record as soon as it is there', async () => {
    const { clock, put, reader, stop, next } = aReader();
    await next();
    const started = clock.now();
    const waiting = reader.next(stop.signal);
    await clock.advance(1_700);
    put('a');
    await clock.advance(0);
    expect(keysOf(await waiting)).toBe('a');
    expect(clock.now() - started).toBe(1_700);
  });

  it('goes on behind a checkpoint, also inside of a KPL aggregate', async () => {
    const { clock, kinesis, put, open, next } = aReader();
    const [first] = put('a', 'b');
    expect(keysOf(await next(open({ from: { at: 'SEQUENCE', sequence: first! } })))).toBe('b');
    const data = encodeAggregate(
      ['x', 'y', 'z'].map((partitionKey) => ({ partitionKey, data: Buffer.from(partitionKey) })),
    );
    const { sequence } = kinesis.putRecord('orders', { partitionKey: 'p', data });
    await clock.advance(IN_USE_AFTER_MS);
    const within = { at: 'SEQUENCE', sequence, subSequence: 0 } as const;
    expect(keysOf(await next(open({ from: within })))).toBe('yz');
  });

  it('renews before five minutes are over, and nothing is missing or twice', async () => {
    const { clock, put, read, calls, troubles } = aReader();
    const keys = 'abcdefghijklmnopqrst';
    let all = '';
    for (const key of keys) {
      await clock.advance(60_000);
      put(key);
      all += await read(1);
    }
    expect(all).toBe(keys);
    expect(calls()).toBeGreaterThanOrEqual(4);
    expect(calls()).toBeLessThanOrEqual(6);
    expect(troubles).toEqual([]);
  });

  it('reads on with the old subscription while it cannot be renewed', async () => {
    const { clock, put, read, fail, calls, troubles } = aReader();
    put('a');
    await read(1);
    fail('SubscribeToShard', 'Unavailable', 2);
    await clock.advance(260_000);
    for (const key of 'bcdefgh') {
      await clock.advance(4_000);
      put(key);
      expect(await read(1)).toBe(key);
    }
    for (const key of 'ijklmnopq') {
      await clock.advance(4_000);
      put(key);
      expect(await read(1)).toBe(key);
    }
    expect(calls()).toBe(4);
    expect(troubles).toEqual([]);
  });

  it('goes on behind the last event taken when the subscription breaks', async () => {
    const { put, read, fail, troubles } = aReader();
    put('a', 'b');
    await read(2);
    put('c');
    fail('SubscribeToShardEvent', 'Unavailable', 1);
    put('d');
    expect(await read(2)).toBe('cd');
    expect(troubles).toEqual(['Unavailable', undefined]);
  });

  it('tells that trouble is over which the reader before it had', async () => {
    const { put, read, troubles } = aReader({ trouble: new KcgError('Throttled', 'too fast') });
    put('a');
    await read(1);
    expect(troubles).toEqual([undefined]);
  });

  it('replaces a subscription that falls silent, and tells of it', async () => {
    const { kinesis, put, read, next, troubles, calls } = aReader();
    await next();
    kinesis.latencyMs = (operation) => (operation === 'SubscribeToShardEvent' && calls() < 2 ? 1e9 : 0);
    put('a');
    expect(await read(1)).toBe('a');
    expect(calls()).toBe(2);
    expect(troubles).toEqual(['Timeout', undefined]);
  });

  it('waits for the five seconds of the owner before, and tells nobody', async () => {
    const { put, read, intrude, troubles } = aReader();
    const predecessor = await intrude();
    predecessor.close();
    put('a');
    expect(await read(1)).toBe('a');
    expect(troubles).toEqual([]);
  });

  it('tells when somebody else keeps taking the shard, once, and when that is over', async () => {
    const told: (KcgError | undefined)[] = [];
    const { clock, put, read, next, intrude } = aReader({ onTrouble: (error) => told.push(error) });
    await next();
    for (let i = 0; i < 4; i++) {
      await clock.advance(6_000);
      await Promise.allSettled([intrude()]);
      await next();
    }
    expect(told).toHaveLength(1);
    expect(told[0]).toMatchObject({ code: 'Conflict', fix: expect.stringContaining('spec.consumer.name') });
    await clock.advance(60_000);
    put('a');
    await read(1);
    expect(told[1]).toBeUndefined();
    expect(told).toHaveLength(2);
  });

  it('ends its subscription as soon as its signal aborts', async () => {
    const { kinesis, next, stop, reader, closes } = aReader();
    await next();
    expect(closes()).toBe(0);
    stop.abort(new KcgError('Aborted', 'handed over'));
    expect(closes()).toBe(1);
    const asked: string[] = [];
    kinesis.faults = (operation) => void asked.push(operation);
    await expect(reader.next(stop.signal)).rejects.toThrow('handed over');
    expect(asked).toEqual([]);
  });

  it('lets a call that waits go when its signal aborts', async () => {
    const { reader, stop, clock, next } = aReader();
    await next();
    const waiting = reader.next(stop.signal);
    await clock.advance(100);
    stop.abort(new KcgError('Aborted', 'enough'));
    await expect(waiting).rejects.toThrow('enough');
  });

  it('ends with the shard, with its children, after all of its records', async () => {
    const { kinesis, put, next } = aReader();
    put('a');
    kinesis.splitShard('orders', SHARD, '1000');
    const last = await next();
    expect(keysOf(last)).toBe('a');
    expect(last.end?.childShards.map((child) => child.shardId)).toEqual([
      'shardId-000000000001',
      'shardId-000000000002',
    ]);
    expect(await next()).toMatchObject({ records: [], bytes: 0, end: last.end });
  });

  it('takes an event without a way on for the end only of a shard that is closed', async () => {
    const { kinesis, put, open, next, read } = aReader();
    const client = memoryStreamClient(kinesis, 'orders');
    const nameless = open({
      client: {
        ...client,
        async subscribe(...args) {
          const subscription = await client.subscribe(...args);
          return {
            close: () => subscription.close(),
            async next() {
              const event = await subscription.next();
              if (!event) return undefined;
              const { continuation: _, ...rest } = event;
              return { ...rest, childShards: [] };
            },
          };
        },
      },
    });
    put('a', 'b');
    expect(await read(2, nameless)).toBe('ab');
    expect((await next(nameless)).end).toBeUndefined();
    kinesis.splitShard('orders', SHARD, '1000');
    let result = await next(nameless);
    while (!result.end) result = await next(nameless);
    expect(result.end).toEqual({ childShards: [] });
  });

  it('is at its end when the stream has the shard no more', async () => {
    const lost: number[] = [];
    const { clock, kinesis, next } = aReader({ onLost: (ageMs) => lost.push(ageMs) });
    kinesis.splitShard('orders', SHARD, '1000');
    await clock.advance(25 * 3_600_000);
    expect(await next()).toMatchObject({ records: [], end: { childShards: [] } });
    expect(lost).toHaveLength(1);
  });

  it('throws what does not pass by itself, and goes on when it is asked again', async () => {
    const { put, read, next, fail, troubles } = aReader();
    put('a');
    fail('SubscribeToShard', 'AccessDenied', 1);
    await expect(next()).rejects.toMatchObject({ code: 'AccessDenied' });
    expect(await read(1)).toBe('a');
    expect(troubles).toEqual([undefined]);
  });

  it('waits for a time that is still to come', async () => {
    const { clock, open, put, read } = aReader();
    const from = { at: 'AT_TIMESTAMP', timestampMs: clock.now() + 3_000 } as const;
    const reading = read(1, open({ from }));
    await clock.advance(10_000);
    put('a');
    expect(await reading).toBe('a');
  });

  it('says how long the shard has not been read', async () => {
    const { clock, reader, next } = aReader();
    await clock.advance(1_000);
    expect(reader.unreadForMs()).toBe(1_000);
    await next();
    expect(reader.unreadForMs()).toBe(0);
    await clock.advance(100_000);
    expect(reader.unreadForMs()).toBeGreaterThanOrEqual(100_000);
  });

  it('does not end a range with an event that waited in the connection while nobody read', async () => {
    const { clock, open, next } = aReader();
    const toMs = clock.now() + 5_000;
    const arrivedAt = clock.now() + 4_000;
    const record = { sequence: '1', partitionKey: 'a', data: Buffer.from('a'), arrivedAt };
    const sent = [[], [], [record], []];
    const subscription = {
      close() {},
      async next() {
        const records = sent.shift();
        if (!records) await clock.sleep(5_000); // it sends what there is now
        return { records: records ?? [], continuation: '1', millisBehindLatest: 0, childShards: [] };
      },
    };
    const client = {
      ...memoryStreamClient(new MemoryKinesis({ clock }), 'orders'),
      subscribe: async () => subscription,
    };
    const reader = boundedReader(open({ client }), toMs, clock);
    await next(reader);
    await clock.advance(60_000);
    let result = await next(reader);
    let keys = keysOf(result);
    while (!result.end) keys += keysOf((result = await next(reader)));
    expect(keys).toBe('a');
  });

  it('says what the retention has taken while nobody read', async () => {
    const lost: number[] = [];
    const { next } = aReader({
      unreadMs: 30 * 3_600_000,
      retentionHours: () => 24,
      onLost: (ageMs) => lost.push(ageMs),
    });
    await next();
    expect(lost).toEqual([30 * 3_600_000]);
  });
});
