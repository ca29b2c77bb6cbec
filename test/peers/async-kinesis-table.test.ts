import { expect, test } from 'vitest';
import type { AttributeValue } from '../../src/leases/row.ts';
import { ReadingGroup, SHARDS } from './reading-group.ts';
import { encodeAggregate } from '../support/encode-aggregate.ts';

/* A table that async-kinesis has written: its DynamoDB checkpointer (kinesis/dynamodb.py) stores no lineage and no ranges. */

async function leave(
  group: ReadingGroup,
  shardId: string,
  set: Record<string, AttributeValue>,
): Promise<void> {
  await group.table.write({ name: 'foreign', key: shardId, kind: 'update', when: [], set, proof: [] });
}

/* tests/test_processors.py, KPL: an aggregate comes out as its user records. */
test('an aggregate is opened whole on a row that does not say which hash keys its shard has', async () => {
  const group = new ReadingGroup(1);
  await leave(group, SHARDS[0], { sequence: 'TRIM_HORIZON', ts: 1 });
  const records = ['a', 'b', 'c'].map((key) => ({ partitionKey: key, data: Buffer.from(key) }));
  group.kinesis.putRecord('orders', { partitionKey: 'a', data: encodeAggregate(records) });
  group.reader('w');
  await group.clock.advance(20_000);
  expect(group.processed).toEqual(['0:a', '0:b', '0:c']);
});

/** One record on each open shard. */
function putOnAll(group: ReadingGroup, text: string): void {
  for (const { hashStart } of group.openShards())
    group.kinesis.putRecord('orders', {
      partitionKey: 'k',
      explicitHashKey: hashStart,
      data: Buffer.from(text),
    });
}

/* 3a W16–W18: its rows do not say who is whose parent, and middle generations are allowed ahead of theirs. */
test.each(['TrimHorizon', 'Latest'] as const)(
  'children whose rows were there first wait for their parent all the same, in a group at %s',
  async (type) => {
    const group = new ReadingGroup(1);
    for (let i = 0; i < 30; i += 1) group.put(`parent ${i}`);
    group.split(SHARDS[0]);
    putOnAll(group, 'child');
    await group.clock.advance(60_000);
    for (const shardId of SHARDS.slice(0, 3)) await leave(group, shardId, { ts: 1 });
    const config = { batchSize: 1, initialPosition: { type } };
    for (const name of ['v', 'w']) group.reader(name, { config });
    await group.clock.advance(60_000);
    expect(group.processed).toHaveLength(32);
    expect(group.processed.slice(0, 30)).toEqual(Array.from({ length: 30 }, (_, i) => `0:parent ${i}`));
    expect(group.lease(SHARDS[1])?.parents).toEqual([SHARDS[0]]);
  },
);

/* 3a W10: rows of closed parents expire before the stream forgets the shard, and then the whole parent is read again. */
test('a parent whose row has expired is not read again behind its children, which go on from where they were', async () => {
  const group = new ReadingGroup(1);
  group.put('parent');
  group.split(SHARDS[0]);
  const sequences = group.openShards().map(({ shardId, hashStart }) => {
    const put = (text: string) =>
      group.kinesis.putRecord('orders', {
        partitionKey: 'k',
        explicitHashKey: hashStart,
        data: Buffer.from(text),
      });
    const { sequence } = put('done');
    put('next');
    return [shardId, sequence] as const;
  });
  for (const [shardId, sequence] of sequences) await leave(group, shardId, { sequence, ts: 1 });
  group.reader('w');
  await group.clock.advance(120_000);
  expect(group.processed.toSorted()).toEqual(['1:next', '2:next']);
  expect(group.row(SHARDS[0])).toBeUndefined();
});

test('a group that begins at the tip reads no backlog of old generations because one row lacks its lineage', async () => {
  const group = new ReadingGroup(2);
  putOnAll(group, 'backlog');
  group.split(SHARDS[0]);
  putOnAll(group, 'backlog');
  await group.clock.advance(60_000);
  await leave(group, SHARDS[1], { sequence: 'TRIM_HORIZON', ts: 1 });
  group.reader('w', { config: { initialPosition: { type: 'Latest' } } });
  await group.clock.advance(20_000);
  putOnAll(group, 'new');
  await group.clock.advance(20_000);
  expect(group.processed.toSorted()).toEqual(['1:backlog', '1:backlog', '1:new', '2:new', '3:new']);
});
