import { expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { AGroup } from './a-group.ts';
import { encodeAggregate } from '../support/encode-aggregate.ts';

/* For a while after a reshard the KPL aggregates by the old shards, and sends again what landed in the wrong one. */

const aggregate = (...keys: string[]) =>
  encodeAggregate(keys.map((partitionKey) => ({ partitionKey, data: Buffer.from(partitionKey) })));

async function aSplitGroup() {
  const group = new AGroup(1);
  const delivered: string[] = [];
  const calls = new Map<string, number>();
  let describeFails = false;
  group.kinesis.faults = (operation) => {
    calls.set(operation, (calls.get(operation) ?? 0) + 1);
    const isRefused = describeFails && /^(Describe|List)/.test(operation);
    return isRefused ? new KcgError('Throttled', 'rate') : undefined;
  };
  const worker = group.start('w', {
    handler: {
      handle: async ({ records }) => {
        delivered.push(...records.map(({ partitionKey }) => partitionKey));
        return { outcome: 'done' };
      },
    },
  });
  await group.clock.advance(5_000);
  group.split('shardId-000000000000');
  await group.clock.advance(10_000);
  return { group, worker, delivered, calls, throttleDescribes: () => (describeFails = true) };
}

test('what it sends again is delivered once, and what it costs is no call', async () => {
  const { group, worker, delivered, calls, throttleDescribes } = await aSplitGroup();
  throttleDescribes();
  calls.clear();
  for (let second = 0; second < 60; second += 1) {
    // MD5: 'c' = 4a8a…, in the lower half; 'b' = 92eb…, in the upper.
    const explicitHashKey = String(BigInt('0x4a8a08f09d37b73795649038408b5f33'));
    group.kinesis.putRecord('orders', { partitionKey: 'a', explicitHashKey, data: aggregate('c', 'b') });
    group.put('again', 'b');
    await group.clock.advance(1_000);
  }
  await group.clock.advance(5_000);
  expect(delivered.filter((key) => key === 'c')).toHaveLength(60);
  expect(delivered.filter((key) => key === 'b')).toHaveLength(60);
  const leftOut = worker.events.flatMap((event) => (event.type === 'RecordsLeftOut' ? [event.records] : []));
  expect(leftOut.reduce((sum, count) => sum + count, 0)).toBe(60);
  expect(worker.events.filter(({ type }) => type === 'ReadTrouble')).toEqual([]);
  // Shard sync looks at the stream now and then; reads do not.
  const looks = (calls.get('DescribeStreamSummary') ?? 0) + (calls.get('ListShards') ?? 0);
  expect(looks).toBeLessThan(30);
  await group.until(worker.stop());
});

test('an aggregate of keys of all shards, by a library that sends nothing again, is delivered whole', async () => {
  const { group, worker, delivered } = await aSplitGroup();
  group.kinesis.putRecord('orders', { partitionKey: 'a', data: aggregate(...'abcdefghij'.split('')) });
  group.kinesis.putRecord('orders', { partitionKey: 'b', data: aggregate(...'bacdefghij'.split('')) });
  await group.clock.advance(5_000);
  expect(delivered.sort().join('')).toBe('aabbccddeeffgghhiijj');
  await group.until(worker.stop());
});
