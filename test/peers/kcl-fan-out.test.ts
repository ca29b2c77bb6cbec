import { describe, expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { eventsOf, ReadingGroup, SHARDS } from './reading-group.ts';

/*
 * Enhanced fan-out. KCL 3: FanOutRecordsPublisherTest and ShardConsumerSubscriberTest. There what was delivered is
 * acknowledged to the publisher, and a mismatch restarts the subscription; here the consumer of the shard pulls, one event at
 * a time, so there are no acknowledgements that could go wrong.
 */

const DAY_MS = 24 * 3_600_000;

function aGroup(shards = 1) {
  const group = new ReadingGroup(shards);
  const { arn } = group.kinesis.stream('orders').consumers.register('orders', group.clock.now());
  const config = { consumerArn: arn };
  return { group, arn, config, reader: (name: string) => group.reader(name, { config }) };
}

describe('a shard that is read with a stream consumer', () => {
  test('comes whole, once and in order through errors in its subscription, with a batch at work each time', async () => {
    const { group, reader } = aGroup();
    reader('a');
    await group.clock.advance(5_000);
    group.handle = async () => {
      await group.clock.sleep(1_500);
      return { outcome: 'done' };
    };
    let events = 0;
    group.kinesis.faults = (operation) =>
      operation === 'SubscribeToShardEvent' && (events += 1) % 3 === 0
        ? new KcgError('Unavailable', 'injected')
        : undefined;
    for (let i = 0; i < 40; i += 1) {
      group.put(String(i));
      await group.clock.advance(1_000);
    }
    group.kinesis.faults = undefined;
    await group.clock.advance(60_000);
    expect(events).toBeGreaterThan(10);
    expect(group.processed).toEqual(Array.from({ length: 40 }, (_, i) => `0:${i}`));
  });

  test('is not pulled while its handler hangs, also when the service has ended the subscription meanwhile', async () => {
    const { group, config } = aGroup();
    group.reader('a', { config: { ...config, batchSize: 1 } });
    await group.clock.advance(5_000);
    const { promise, resolve } = Promise.withResolvers<void>();
    group.handle = async () => {
      await promise;
      return { outcome: 'done' };
    };
    const bulk = Buffer.alloc(900_000);
    for (let i = 0; i < 40; i += 1) {
      const data = Buffer.concat([Buffer.from(`${i} `), bulk]);
      group.kinesis.putRecord('orders', { partitionKey: 'a', data });
      await group.clock.advance(1_000);
    }
    let pulls = 0;
    group.kinesis.faults = (operation) => void (pulls += operation.startsWith('SubscribeToShard') ? 1 : 0);
    await group.clock.advance(600_000);
    expect(pulls).toBe(0);
    group.kinesis.faults = undefined;
    resolve();
    await group.clock.advance(120_000);
    expect(group.processed.map((line) => line.slice(0, 5).trim().split(' ')[0])).toEqual(
      Array.from({ length: 40 }, (_, i) => `0:${i}`),
    );
  });

  // FanOutRecordsPublisher takes every ResourceNotFound for the end of the shard
  test('is not ended because its stream consumer is gone: that is told, and it is read on with another', async () => {
    const { group, arn, reader } = aGroup();
    const worker = reader('a');
    await group.clock.advance(5_000);
    group.put('1');
    await group.clock.advance(5_000);
    const { consumers } = group.kinesis.stream('orders');
    consumers.deregister(arn, group.clock.now());
    group.put('2');
    await group.clock.advance(60_000);
    expect(eventsOf(worker, 'ReadTrouble')[0]).toMatchObject({
      shardId: SHARDS[0],
      error: { code: 'NotFound' },
    });
    expect(group.lease(SHARDS[0])?.checkpoint.at).toBe('SEQUENCE');
    await group.until(worker.stop());
    const consumerArn = consumers.register('another', group.clock.now()).arn;
    group.reader('b', { config: { consumerArn } });
    await group.clock.advance(20_000);
    expect(group.processed).toEqual(['0:1', '0:2']);
  });

  test('is ended when the stream has it no more, and its children are read', async () => {
    const { group, reader } = aGroup();
    const worker = reader('a');
    await group.clock.advance(5_000);
    group.put('read');
    await group.clock.advance(5_000);
    await group.until(worker.stop());
    group.split(SHARDS[0]);
    await group.clock.advance(DAY_MS + 3_600_000);
    for (let i = 0; i < 20; i += 1) group.put(`new ${i}`, `key-${i}`);
    reader('b');
    await group.clock.advance(60_000);
    expect(group.lease(SHARDS[0])?.checkpoint).toEqual({ at: 'SHARD_END' });
    expect(group.processed).toHaveLength(21);
  });
});
