import { expect, it } from 'vitest';
import { texts } from '../../src/leases/row.ts';
import { Scenario } from '../sim/scenario.ts';

/* kinesis-consumer-go, docs/testing.md: a live reshard is found without a restart, and its children begin once they may. */

/** How long each child waited after the last of its parents had ended, ms. */
function waits(group: Scenario): number[] {
  const ends = new Map(group.trace.writes('end shard').map(({ atMs, write }) => [write.key, atMs]));
  return group.trace.writes('take').flatMap(({ atMs, write }) => {
    const row = group.checker.row(write.key);
    const ended = (row ? texts(row, 'parents') : []).map((parent) => ends.get(parent) ?? Infinity);
    return ended.length > 0 && ended.every(Number.isFinite) ? [atMs - Math.max(...ended)] : [];
  });
}

it.each([
  ['split', 12],
  ['merged', 3],
])(
  'children of shards that are %s are taken within a beat or two, whoever is to have them',
  async (_, target) => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const group = new Scenario({ shards: 6, workers: 3, seed });
      await group.settle();
      group.updateShardCount(target);
      await group.settle();
      expect(waits(group).length).toBeGreaterThanOrEqual(target);
      expect(Math.max(...waits(group))).toBeLessThan(group.config.leaseDurationMs);
      await group.deliverAll();
      expect(group.checker.duplicates).toBe(0);
    }
  },
);
