import { expect, test } from 'vitest';
import { decodeRows } from '../../src/leases/group-rows.ts';
import type { UserRecord } from '../../src/kinesis/record.ts';
import { AGroup, type OneWorker } from './a-group.ts';
import { encodeAggregate } from '../support/encode-aggregate.ts';

const WANTED = { filters: ['{"partitionKey":[{"prefix":"wanted"}]}'] };

/** One shard, read by a worker that takes only keys that begin with "wanted". */
function aFilteringGroup(handle: (records: readonly UserRecord[]) => Promise<void> = async () => {}) {
  const group = new AGroup(1);
  const delivered: string[] = [];
  const start = (name: string) =>
    group.start(name, {
      config: WANTED,
      handler: {
        handle: async ({ records }) => {
          delivered.push(...records.map(({ partitionKey }) => partitionKey));
          await handle(records);
          return { outcome: 'done' };
        },
      },
    });
  const put = (partitionKey: string) =>
    group.kinesis.putRecord('orders', { partitionKey, data: Buffer.from('x') }).sequence;
  const checkpoint = () => {
    const { leases } = decodeRows(group.table.rows());
    return leases[0]!.checkpoint;
  };
  return { group, start, put, delivered, checkpoint };
}

function filtered({ events }: OneWorker): number {
  return events.reduce((sum, event) => sum + (event.type === 'RecordsFiltered' ? event.records : 0), 0);
}

test('reads in which nothing passes move the checkpoint on, call no handler and leave no lag', async () => {
  const { group, start, put, delivered, checkpoint } = aFilteringGroup();
  const worker = start('w');
  for (let i = 0; i < 250; i += 1) put(`dull-${i}`);
  const last = put('dull-last');
  await group.clock.advance(30_000);
  expect(delivered).toEqual([]);
  expect(filtered(worker)).toBe(251);
  expect(checkpoint()).toEqual({ at: 'SEQUENCE', sequence: last });
  await group.until(worker.stop());
  const successor = start('x');
  await group.clock.advance(10_000);
  expect(filtered(successor)).toBe(0);
  await group.until(successor.stop());
});

test('what is filtered behind a record is not checkpointed before it', async () => {
  let finish = () => {};
  const { group, start, put, delivered, checkpoint } = aFilteringGroup(
    () => new Promise((done) => (finish = done)),
  );
  const worker = start('w');
  put('dull-before');
  put('wanted');
  put('dull');
  await group.clock.advance(20_000);
  const last = put('dull-last');
  await group.clock.advance(20_000);
  expect(delivered).toEqual(['wanted']);
  expect(checkpoint()).not.toEqual({ at: 'SEQUENCE', sequence: last });
  finish();
  await group.clock.advance(10_000);
  expect(checkpoint()).toEqual({ at: 'SEQUENCE', sequence: last });
  await group.until(worker.stop());
});

test('a stop hands over what was filtered behind its last record', async () => {
  let finish = () => {};
  const { group, start, put, checkpoint } = aFilteringGroup(() => new Promise((done) => (finish = done)));
  const worker = start('w');
  await group.clock.advance(2_000);
  put('wanted');
  const last = put('dull');
  await group.clock.advance(5_000);
  const stopped = worker.stop();
  await group.clock.advance(1_000);
  finish();
  await group.until(stopped);
  expect(checkpoint()).toEqual({ at: 'SEQUENCE', sequence: last });
});

test('user records of an aggregate are looked at one by one', async () => {
  const { group, start, delivered, checkpoint } = aFilteringGroup();
  const worker = start('w');
  const keys = ['dull-1', 'wanted-1', 'dull-2', 'wanted-2', 'dull-3'];
  const data = encodeAggregate(keys.map((partitionKey) => ({ partitionKey, data: Buffer.from('x') })));
  const { sequence } = group.kinesis.putRecord('orders', { partitionKey: 'a', data });
  await group.clock.advance(20_000);
  expect(delivered).toEqual(['wanted-1', 'wanted-2']);
  expect(filtered(worker)).toBe(3);
  expect(checkpoint()).toEqual({ at: 'SEQUENCE', sequence });
  await group.until(worker.stop());
});

test('a closed shard of which the rest is filtered ends, and its children are read', async () => {
  const { group, start, put, delivered } = aFilteringGroup();
  for (let i = 0; i < 250; i += 1) put(`dull-${i}`);
  group.split('shardId-000000000000');
  put('wanted');
  const worker = start('w');
  await group.clock.advance(60_000);
  expect(delivered).toEqual(['wanted']);
  await group.until(worker.stop());
});
