import { expect, test } from 'vitest';
import { beginImport, finishImport, putImported } from '../../src/leases/import-writes.ts';
import { AGroup } from './a-group.ts';

const SHARD = 'shardId-000000000000';

test('a worker of a group whose positions are on their way adds and owns nothing, and begins with them', async () => {
  const group = new AGroup(1);
  const record = {
    id: 'i',
    state: 'begun',
    from: 'KCL',
    at: group.clock.now(),
    shards: 1,
    parts: 0,
  } as const;
  await group.table.write(beginImport(record));
  const { sequence } = group.kinesis.putRecord('orders', {
    partitionKey: 'a',
    data: Buffer.from('processed there'),
  });
  group.put('and this');
  const delivered: string[] = [];
  const worker = group.start('a', {
    handler: {
      handle: async ({ records }) => {
        delivered.push(...records.map(({ data }) => Buffer.from(data).toString()));
        return { outcome: 'done' };
      },
    },
  });
  await group.clock.advance(300_000);
  expect(group.table.rows().filter(({ shard_id }) => !shard_id.includes('#'))).toEqual([]);
  const { shards } = group.kinesis.listShards('orders');
  const { hashStart, hashEnd } = shards[0]!;
  const checkpoint = { at: 'SEQUENCE', sequence } as const;
  await group.table.write(
    putImported({ shardId: SHARD, parents: [], hashStart, hashEnd, checkpoint }, record),
  );
  await group.table.write(finishImport(record));
  await group.clock.advance(90_000);
  expect(delivered).toEqual(['and this']);
  await group.until(worker.stop());
});
