import { expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import type { Handler } from '../../src/runtime/handlers/handler.ts';
import { AGroup } from './a-group.ts';

/* Some shards have much behind them and a handler that does not get on with it; the others are not to notice. */

const SHARDS = 10;
const BEHIND = new Set([0, 1, 3, 4, 8, 9].map((number) => `shardId-00000000000${number}`));
const HEALTHY = 'shardId-000000000005';
const RECORD = new Uint8Array(200_000);
const failed = { outcome: 'failed', error: new KcgError('HandlerFailed', 'no') } as const;

const keyOf = (group: AGroup, shardId: string): string => {
  const { hashStart } = group.kinesis
    .listShards('orders', {})
    .shards.find((shard) => shard.shardId === shardId)!;
  return hashStart;
};

async function aGroupWith(handle: (group: AGroup) => Handler['handle']) {
  const group = new AGroup(SHARDS);
  let processed = 0;
  group.kinesis.limits = false;
  for (const shardId of BEHIND) {
    const explicitHashKey = keyOf(group, shardId);
    for (let bytes = 0; bytes < 20e6; bytes += RECORD.length)
      group.kinesis.putRecord('orders', { partitionKey: 'a', explicitHashKey, data: RECORD });
  }
  group.kinesis.limits = true;
  const slow = handle(group);
  const worker = group.start('w', {
    config: { maxRecords: 10_000, batchSize: 5 },
    handler: {
      handle: async (batch, context) => {
        if (BEHIND.has(batch.shardId)) return slow(batch, context);
        processed += batch.records.length;
        return { outcome: 'done' };
      },
    },
  });
  await group.clock.advance(20_000);
  return { group, worker, processed: () => processed };
}

test.each<[string, (group: AGroup) => Handler['handle']]>([
  ['fails', () => async () => failed],
  [
    'takes a minute a batch',
    (group) =>
      async (_, { signal }) => {
        await group.clock.sleep(60_000, { signal });
        return { outcome: 'done' };
      },
  ],
])('a shard is read while the handler of six others, 20 MB behind, %s', async (_, handle) => {
  const { group, worker, processed } = await aGroupWith(handle);
  const explicitHashKey = keyOf(group, HEALTHY);
  for (let second = 0; second < 600; second += 1) {
    group.kinesis.putRecord('orders', { partitionKey: 'a', explicitHashKey, data: Buffer.from('x') });
    await group.clock.advance(1_000);
  }
  await group.clock.advance(3_000);
  expect(processed()).toBe(600);
  const lag = new Map(worker.worker.lag());
  expect(lag.get(HEALTHY)).toBe(0);
  for (const shardId of BEHIND) expect(lag.get(shardId)).toBeGreaterThan(300_000);
  await group.until(worker.stop());
});

test('a shard whose position is refused holds up no other, also while the stream cannot be described', async () => {
  const group = new AGroup(4);
  const refused = 'shardId-000000000002';
  group.kinesis.faults = (operation, shardId) => {
    if (operation === 'DescribeStreamSummary' && group.clock.monotonic() > 2_000)
      return new KcgError('Throttled', 'rate');
    return operation === 'GetShardIterator' && shardId === refused
      ? new KcgError('InvalidInput', 'StartingSequenceNumber is invalid')
      : undefined;
  };
  let processed = 0;
  const worker = group.start('w', {
    handler: {
      handle: async ({ records }) => {
        processed += records.length;
        return { outcome: 'done' };
      },
    },
  });
  await group.clock.advance(5_000);
  for (let second = 0; second < 300; second += 1) {
    group.put('x');
    await group.clock.advance(1_000);
  }
  await group.clock.advance(3_000);
  expect(keyOf(group, 'shardId-000000000000')).toBe('0'); // where the key a belongs
  expect(processed).toBe(300);
  await group.until(worker.stop());
});
