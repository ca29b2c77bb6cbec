import { expect, test } from 'vitest';
import { encodeAggregate } from '../../src/kinesis/kpl-codec.ts';
import type { AttributeValue } from '../../src/leases/row.ts';
import { ReadingGroup, SHARDS } from './reading-group.ts';

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
