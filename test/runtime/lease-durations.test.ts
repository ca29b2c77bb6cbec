import { expect, test } from 'vitest';
import { AGroup } from './a-group.ts';

test('a rollout to a shorter lease fences nobody whose lease is still the longer one', async () => {
  const group = new AGroup(4);
  const old = group.start('a', { config: { leaseDurationMs: 60_000 } });
  await group.clock.advance(30_000);
  const next = group.start('b', { config: { leaseDurationMs: 6_000 }, revision: 1 });
  await group.clock.advance(300_000);
  const troubles = [...old.events, ...next.events].filter(({ type }) => /Fenced|Lost/.test(type));
  expect(troubles).toEqual([]);
  old.crash();
  await group.clock.advance(35_000);
  expect(next.events.filter(({ type }) => type === 'WorkerFenced')).toEqual([]);
  await group.clock.advance(30_000);
  expect(next.events.filter(({ type }) => type === 'WorkerFenced')).toHaveLength(1);
});
