import { expect, it } from 'vitest';
import { writeParentsFirst } from '../../src/import/write-parents-first.ts';
import { settle } from '../support/manual-clock.ts';

const shard = (shardId: string, ...parents: string[]) => ({
  lease: { shardId, parents, hashStart: '0', hashEnd: '1', checkpoint: { at: 'TRIM_HORIZON' as const } },
});
const names = (shards: readonly ReturnType<typeof shard>[]) => shards.map(({ lease }) => lease.shardId);

/** What is begun before something else has ended, in one line each. */
async function rounds(shards: readonly ReturnType<typeof shard>[]): Promise<string[]> {
  const lines: string[] = [];
  let begun: string[] = [];
  await writeParentsFirst(shards, async ({ lease }) => {
    begun.push(lease.shardId);
    await settle();
    if (begun.length > 0) lines.push(begun.join(' '));
    begun = [];
    return { outcome: 'done', row: undefined };
  });
  return lines;
}

it('writes a child only once its parents are there, and what is of other families with them', async () => {
  const shards = [shard('a'), shard('b'), shard('a1', 'a'), shard('b1', 'b'), shard('ab', 'a1', 'b1')];
  expect(await rounds(shards)).toEqual(['a b', 'a1 b1', 'ab']);
});

it('writes 16 at once, and no more', async () => {
  const shards = Array.from({ length: 33 }, (_, n) => shard(`s${n}`));
  expect((await rounds(shards)).map((line) => line.split(' ').length)).toEqual([16, 16, 1]);
});

it('asks nothing of parents that are not among them', async () => {
  expect(await rounds([shard('a1', 'gone'), shard('a2', 'gone')])).toEqual(['a1 a2']);
});

it('returns those whose write was lost, in their order', async () => {
  const shards = [shard('a'), shard('b'), shard('a1', 'a')];
  const lost = await writeParentsFirst(shards, async ({ lease }) => ({
    outcome: lease.shardId === 'b' ? 'done' : 'lost',
    row: undefined,
  }));
  expect(names(lost)).toEqual(['a', 'a1']);
});
