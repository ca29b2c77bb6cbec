import { expect, test } from 'vitest';
import { ReadingGroup, SHARDS } from './reading-group.ts';

/*
 * async-kinesis 3a W22: a pod without a shard tries to take one every second, and pays for each refusal. W26: a heartbeat
 * writes the time stamp of the checkpoint, so that nobody can tell the two apart.
 */
test('a worker without a shard writes its beats and nothing else, and no beat touches the row of a shard', async () => {
  const group = new ReadingGroup(1);
  group.reader('a');
  group.put('1');
  await group.clock.advance(20_000);
  group.reader('b');
  await group.clock.advance(20_000);
  const writes = new Map<string, number>();
  const write = group.table.write.bind(group.table);
  group.table.write = async (change, options) => {
    const name = `${change.name} ${change.key}`;
    writes.set(name, (writes.get(name) ?? 0) + 1);
    return write(change, options);
  };
  const before = group.row(SHARDS[0]);
  await group.clock.advance(600_000);
  expect([...writes.keys()].toSorted()).toEqual(['beat worker#a', 'beat worker#b']);
  expect(writes.get('beat worker#b')).toBeLessThanOrEqual(600 / 2 + 1);
  expect(group.row(SHARDS[0])).toEqual(before);
});
