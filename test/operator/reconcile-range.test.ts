import { afterEach, beforeEach, expect, test } from 'vitest';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import { groupObject, Harness } from './reconcile-harness.ts';

let h: Harness;
beforeEach(() => {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: 2 });
});
afterEach(() => h.close());

test('a group over a range tells its workers, and is complete without pods once they have noted that', async () => {
  const range = { from: '2026-01-01T00:00:00Z', to: '2026-01-01T01:00:00Z' };
  h.cluster.create(KINDS.consumerGroup, groupObject({ range }));
  await h.converge();
  expect(await h.workerConfig()).toMatchObject({
    initialPosition: { type: 'AtTimestamp', timestampMs: Date.parse(range.from) },
    rangeEndMs: Date.parse(range.to),
  });
  await h.runWorkers();
  await h.converge();
  expect(await h.condition('Complete')).toBe('False RangeReading');
  expect(await h.replicas()).toBe(2);

  for (const { shard_id: key, ...row } of h.table().rows())
    if (key.startsWith('shardId')) h.table().store(key, { ...row, sequence: 'SHARD_END', shard_id: key });
  const claim = h
    .table()
    .rows()
    .find(({ shard_id }) => shard_id === 'group#claim')!;
  h.table().store('group#claim', { ...claim, completed_at: h.clock.now() });
  await h.clock.advance(5_000);
  await h.converge();
  expect(await h.replicas()).toBe(0);
  await h.runPods();
  await h.converge();
  expect(await h.condition('Complete')).toBe('True RangeRead');
  expect(await h.condition('Ready')).toBe('True RangeRead');
  expect(await h.condition('Reconciling')).toBe('False UpToDate');

  h.restart();
  await h.converge();
  expect(await h.replicas()).toBe(0);
  expect(await h.condition('Ready')).toBe('True RangeRead');
});
