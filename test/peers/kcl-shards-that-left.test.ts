import { describe, expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { eventsOf, ReadingGroup, SHARDS } from './reading-group.ts';

/*
 * Shards that the stream has no more. KCL: ShardConsumer on a shard that is not found (ShutdownTaskTest, "shard not found":
 * no child lease, processor ended) and LeaseCleanupManagerTest ("shard gone: deleted"). async-kinesis: consumer.py lineage
 * rule and tests/test_consumer.py, "parents expired" (its issue 68: all shards skipped when parents expired).
 */

const DAY_MS = 24 * 3_600_000;

describe('a shard that has left the stream before it was read to its end', () => {
  async function aGroupThatWasAway(reshard: (group: ReadingGroup) => void, shards = 1) {
    const group = new ReadingGroup(shards);
    const first = group.reader('a');
    await group.clock.advance(5_000);
    group.put('read');
    await group.clock.advance(5_000);
    await group.until(first.stop());
    group.put('lost');
    reshard(group);
    await group.clock.advance(DAY_MS + 3_600_000);
    for (let i = 0; i < 20; i += 1) group.put(`new ${i}`, `key-${i}`);
    const worker = group.reader('b');
    await group.clock.advance(60_000);
    return { group, worker };
  }
  const fresh = (group: ReadingGroup) =>
    new Set(group.processed.flatMap((line) => line.match(/new \d+$/) ?? []));

  test('is ended, and its children are read: they do not wait for ever', async () => {
    const { group } = await aGroupThatWasAway((away) => away.split(SHARDS[0]));
    expect(group.lease(SHARDS[0])?.checkpoint).toEqual({ at: 'SHARD_END' });
    expect(fresh(group).size).toBe(20);
  });

  test('is told as records that were lost to the retention, once', async () => {
    const { worker } = await aGroupThatWasAway((away) => away.split(SHARDS[0]));
    expect(eventsOf(worker, 'CheckpointsAtRisk')).toEqual([
      {
        type: 'CheckpointsAtRisk',
        shardId: SHARDS[0],
        reason: 'LostToRetention',
        checkpointAgeMs: expect.any(Number),
        lostSeconds: expect.any(Number),
      },
    ]);
    expect(eventsOf(worker, 'ReadTrouble')).toEqual([]);
  });

  test('does not hold up a merge of which the other parent is gone too', async () => {
    const { group } = await aGroupThatWasAway((away) => {
      away.kinesis.mergeShards('orders', SHARDS[0], SHARDS[1]);
    }, 2);
    expect(fresh(group).size).toBe(20);
  });

  test('does not hold up grandchildren when a whole generation is gone', async () => {
    const { group } = await aGroupThatWasAway((away) => {
      away.split(SHARDS[0]);
      away.kinesis.mergeShards('orders', SHARDS[1], SHARDS[2]);
    });
    expect(group.kinesis.listShards('orders').shards.map(({ shardId }) => shardId)).toEqual([SHARDS[3]]);
    expect(fresh(group).size).toBe(20);
  });

  test('that another program has left in the table does not keep its worker busy for ever', async () => {
    const group = new ReadingGroup(2);
    await group.clock.advance(1_000);
    group.split(SHARDS[0]);
    await group.clock.advance(DAY_MS + 3_600_000);
    const foreign = { name: 'foreign', kind: 'update' as const, when: [], proof: [] };
    await group.table.write({ ...foreign, key: SHARDS[0], set: { sequence: '77', ts: 1 } });
    const worker = group.reader('a');
    await group.clock.advance(60_000);
    expect(group.lease(SHARDS[0])?.checkpoint).toEqual({ at: 'SHARD_END' });
    expect(eventsOf(worker, 'ReadTrouble')).toEqual([]);
  });
});

describe('a shard that is not found', () => {
  test('though the stream lists it is tried again, and not ended', async () => {
    const group = new ReadingGroup(1);
    const worker = group.reader('a');
    await group.clock.advance(5_000);
    group.put('1');
    group.kinesis.faults = (operation) =>
      operation === 'GetShardIterator' ? new KcgError('NotFound', 'injected: no such shard') : undefined;
    const again = group.reader('b');
    await group.until(worker.stop());
    await group.clock.advance(60_000);
    expect(group.lease(SHARDS[0])?.checkpoint.at).not.toBe('SHARD_END');
    expect(eventsOf(again, 'ReadTrouble').length).toBeGreaterThan(0);
    group.kinesis.faults = undefined;
    group.put('2');
    await group.clock.advance(60_000);
    expect(group.processed).toEqual(['0:1', '0:2']);
  });

  test('because the whole stream is gone is not ended', async () => {
    const group = new ReadingGroup(1);
    const worker = group.reader('a');
    await group.clock.advance(5_000);
    group.kinesis.deleteStream('orders');
    await group.clock.advance(60_000);
    expect(group.lease(SHARDS[0])?.checkpoint.at).toBe('TRIM_HORIZON');
    expect(eventsOf(worker, 'ShardStopped')).toEqual([]);
  });
});

/* async-kinesis: three orphans of two missing parents are all allowed; tests/test_ordering.py. */
test('three shards of two parents that the stream has forgotten are all read by a new group', async () => {
  const group = new ReadingGroup(2);
  group.split(SHARDS[0]);
  group.kinesis.mergeShards('orders', SHARDS[3], SHARDS[1]);
  await group.clock.advance(DAY_MS + 3_600_000);
  expect(group.kinesis.listShards('orders').shards).toHaveLength(2);
  for (let i = 0; i < 20; i += 1) group.put(`new ${i}`, `key-${i}`);
  group.reader('a');
  await group.clock.advance(20_000);
  expect(new Set(group.processed.map((line) => line[0])).size).toBe(2);
  expect(group.processed).toHaveLength(20);
});
