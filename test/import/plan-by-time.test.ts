import { expect, test } from 'vitest';
import { planByTime } from '../../src/import/plan-by-time.ts';
import { aShard } from './foreign-builders.ts';

/** 0 was split into 1 and 2 long ago; 1 was split into 3 and 4 just now. */
const all = [
  aShard(0, { closed: true }),
  aShard(1, { parents: [0], closed: true }),
  aShard(2, { parents: [0] }),
  aShard(3, { parents: [1] }),
  aShard(4, { parents: [1] }),
];
const plan = (since: readonly number[], overlapMs = 60_000) =>
  planByTime({
    all,
    since: all.filter((_, index) => since.includes(index)),
    fromMs: 1_000_000 - overlapMs,
    processedUntilMs: 1_000_000,
  });

test('begins at that time where a shard was open then, reads whole what came of it, and leaves out what was closed', () => {
  const { shards, refusals } = plan([1, 2, 3, 4]);
  expect(refusals).toEqual([]);
  expect(shards.map(({ lease }) => [lease.shardId.at(-1), lease.checkpoint])).toEqual([
    ['0', { at: 'SHARD_END' }],
    ['1', { at: 'AT_TIMESTAMP', timestampMs: 940_000 }],
    ['2', { at: 'AT_TIMESTAMP', timestampMs: 940_000 }],
    ['3', { at: 'TRIM_HORIZON' }],
    ['4', { at: 'TRIM_HORIZON' }],
  ]);
});

test('tells what comes twice, and that more may', () => {
  const { shards, notes } = plan([1, 2, 3, 4]);
  expect(shards.map(({ twice }) => twice)).toEqual([
    undefined,
    'what came in the 60 s before it',
    'what came in the 60 s before it',
    undefined,
    undefined,
  ]);
  expect(notes).toEqual(['whatever it has processed of what came after that time comes twice']);
  expect(plan([2], 0).shards.map(({ twice }) => twice)).toEqual(Array.from({ length: 5 }));
});
