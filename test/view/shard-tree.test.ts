import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { ShardView } from '../../src/view/group-view.ts';
import { shardTree, widthPercent } from '../../src/view/shard-tree.ts';

const shard = (shardId: string, hashStart: number, parents: string[] = []): ShardView => ({
  shardId,
  state: 'consuming',
  open: true,
  owner: undefined,
  lagMs: 0,
  backlog: false,
  checkpoint: undefined,
  checkpointedAt: undefined,
  parents,
  hashStart: String(hashStart),
  hashEnd: String(hashStart + 9),
});
const drawn = (shards: ShardView[]) =>
  shardTree(shards).map(({ branch, shard, otherParents }) =>
    [branch + shard.shardId, ...otherParents].join(' + '),
  );

describe('the tree of shards', () => {
  test('puts children under the shard that was split, by hash key', () => {
    const shards = [
      shard('0', 0),
      shard('1', 20),
      shard('3', 0, ['0']),
      shard('2', 10, ['0']),
      shard('4', 0, ['3']),
    ];
    expect(drawn(shards)).toEqual(['0', '├─3', '│ └─4', '└─2', '1']);
  });

  test('puts a child of a merge under its first parent, and names the other', () => {
    expect(drawn([shard('0', 0), shard('1', 10), shard('2', 0, ['0', '1'])])).toEqual(['0', '└─2 + 1', '1']);
  });

  test('begins with a shard whose parents the stream has forgotten', () => {
    expect(drawn([shard('7', 0, ['0'])])).toEqual(['7 + 0']);
  });

  test('has each shard once, whatever rows say of parents', () => {
    const ids = ['0', '1', '2', '3', '4'];
    const some = fc.array(fc.subarray(ids), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(some, (parents) => {
        const lines = shardTree(ids.map((id, index) => shard(id, index, parents[index])));
        expect(lines.map((line) => line.shard.shardId).sort()).toEqual(ids);
      }),
    );
  });
});

test('the width of a shard is its part of all hash keys', () => {
  const max = 2n ** 128n;
  expect(widthPercent({ hashStart: '0', hashEnd: String(max - 1n) })).toBe(100);
  expect(widthPercent({ hashStart: String(max / 4n), hashEnd: String(max / 2n - 1n) })).toBe(25);
  expect(widthPercent({ hashStart: '0', hashEnd: '0' })).toBeUndefined();
});
