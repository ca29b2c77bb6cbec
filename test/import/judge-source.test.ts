import { expect, it } from 'vitest';
import { heldLonger } from '../../src/import/judge-source.ts';
import { reportOf } from '../../src/main/verbs/import-report.ts';
import { planImport } from '../../src/import/plan-import.ts';
import { aPosition, aShard, at, somePositions } from './foreign-builders.ts';

const NOW = Date.UTC(2026, 10, 30);
const held = (leasedUntilMs: number, owner?: string) => ({
  ...aPosition(0, at('1001')),
  leasedUntilMs,
  ...(owner === undefined ? {} : { owner }),
});

it.each([
  ['is over', held(NOW, 'a')],
  ['was given up', held(NOW + 60_000)],
  ['is no time at all', held(1e300, 'a')],
])('nobody holds a shard by a lease that %s', (_, position) => {
  expect(heldLonger([position], NOW)).toBeUndefined();
});

it('a dry run tells who holds a shard for longest, and that the import waits for it', () => {
  const foreign = somePositions([held(NOW + 1_000, 'b'), { ...held(NOW + 60_000, 'a') }]);
  const plan = planImport({
    foreign,
    shards: [aShard(0)],
    initialPosition: { at: 'TRIM_HORIZON' },
    nowMs: NOW,
  });
  const { notes, refusals } = reportOf('their table', { plan, foreign, rows: undefined }, NOW);
  expect(refusals).toEqual([]);
  expect(notes).toEqual([
    expect.stringContaining('a has shardId-000000000000 until 2026-11-30T00:01:00.000Z: the import waits'),
  ]);
});
