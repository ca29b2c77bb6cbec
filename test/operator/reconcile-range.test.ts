import { afterEach, beforeEach, expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import { Harness } from './reconcile-harness.ts';

let h: Harness;
beforeEach(() => {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: 2 });
});
afterEach(() => h.close());

test('a group over a range tells its workers, and is complete without pods once they have noted that', async () => {
  const range = { from: '2026-01-01T00:00:00Z', to: '2026-01-01T01:00:00Z' };
  h.create({ range });
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

  h.rowFault = new KcgError('Unavailable', 'no network');
  h.restart();
  await h.reconcile();
  expect(await h.condition('TableReady')).toBe('Unknown TableUnreachable');
  expect(await h.condition('Complete')).toBe('True RangeRead');
});

const RANGE = { from: '2026-01-01T00:00:00Z', to: '2026-01-01T01:00:00Z' };
const LATER = { from: '2026-01-01T00:00:00Z', to: '2026-01-01T02:00:00Z' };
const RESPELT = { from: '2026-01-01T00:00:00.000Z', to: '2026-01-01T01:00:00.0Z' };

test.each([
  ['a range', 'another', { range: RANGE }, { range: LATER }, 'False RangeReplaced', undefined],
  ['a range', 'none', { range: RANGE }, {}, 'False RangeReplaced', undefined],
  ['no range', 'one', {}, { range: RANGE }, 'False RangeReplaced', undefined],
  ['a range', 'the same', { range: RANGE }, { range: RESPELT }, 'True Claimed', 2],
])(
  'a group with %s that is deleted, and applied again with %s, takes positions of its own range alone',
  async (_, __, first, second, claimed, replicas) => {
    h.create(first);
    await h.converge();
    await h.runWorkers();
    await recreate(second);
    expect(await h.condition('GroupClaimed')).toBe(claimed);
    expect(await h.replicas()).toBe(replicas);
    h.restart();
    await h.converge();
    expect(await h.condition('Stalled')).toBe(replicas ? 'False NotStalled' : 'True RangeReplaced');
  },
);

test('a replay of which there is no position begins another range, and is not complete for the first', async () => {
  h.create({ range: RANGE });
  await h.converge();
  const claim = await h.table().get('group#claim', { consistent: true });
  h.table().store('group#claim', { ...claim!, completed_at: h.clock.now() });
  await recreate({ range: LATER });
  expect(h.cluster.events.map(({ reason }) => reason)).not.toContain('RangeRead');
  expect(await h.condition('Complete')).toBe('False RangeReading');
  expect(await h.replicas()).toBe(2);
});

/** As by kubectl delete and apply. */
async function recreate(spec: Record<string, unknown>): Promise<void> {
  const signal = AbortSignal.timeout(60_000);
  const key = { namespace: 'shop', name: 'orders' };
  const { uid } = (await h.cluster.get(KINDS.consumerGroup, key, { signal }))!.metadata;
  await h.cluster.delete(KINDS.consumerGroup, key, { uid, signal });
  await h.reconcile();
  h.create(spec);
  await h.clock.advance(60_000);
  await h.converge();
}

test('a complete replay that is reset reads again at once, whatever an old read says', async () => {
  h.create({ range: RANGE });
  await h.converge();
  const claim = await h.table().get('group#claim', { consistent: true });
  h.table().store('group#claim', { ...claim!, completed_at: h.clock.now() });
  await h.clock.advance(60_000);
  await h.converge();
  expect(await h.replicas()).toBe(0);
  h.cluster.create(KINDS.offsetReset, {
    apiVersion: 'kcg.dev/v1alpha1',
    kind: 'KinesisOffsetReset',
    metadata: { namespace: 'shop', name: 'again' },
    spec: { group: 'orders', to: { type: 'TrimHorizon' } },
  });
  await h.reconcile();
  // Before the three that a reset makes.
  h.claimLag = 3;
  await h.reconcile();
  expect(await h.replicas()).toBe(2);
});

test('a replay of what the stream keeps no more says what was gone when it was made', async () => {
  const from = new Date(h.clock.now()).toISOString();
  await h.clock.advance(30 * 3_600_000);
  const kept = new Date(h.clock.now() - 24 * 3_600_000).toISOString();
  h.create({ range: { from, to: kept } });
  await h.clock.advance(3_600_000);
  await h.converge();
  expect(await h.message('Complete')).toBe(
    `records from ${from} to ${kept} are read; what was written before ${kept} was gone when the group was made: the stream keeps 24 h`,
  );
});

test('a replay does not wait for a shard that was closed before its range', async () => {
  const [first] = h.kinesis.listShards('orders').shards;
  h.kinesis.splitShard('orders', first!.shardId, '1000');
  await h.clock.advance(60_000);
  const [from, to] = [60_000, 3_600_000].map((ms) => new Date(h.clock.now() + ms).toISOString());
  await h.clock.advance(120_000);
  h.create({ range: { from, to } });
  await h.converge();
  await h.runWorkers();
  h.table().store(first!.shardId, undefined);
  await h.clock.advance(5_000);
  await h.converge();
  expect(await h.condition('ShardsCovered')).toBe('True AllOwned');
});

test.each([
  ['range', { range: { from: '2026-01-01T00:00:00Z', to: '2026-01-01T01:00:00Z' } }],
  ['initial position', { initialPosition: { type: 'AtTimestamp', timestamp: '2026-01-01T00:00:00Z' } }],
])('a group whose %s begins at a time to come has no workers until then, and is well', async (_, spec) => {
  const leftMs = 600_000;
  await h.clock.advance(Date.parse('2026-01-01T00:00:00Z') - leftMs - h.clock.now());
  h.create(spec);
  await h.converge();
  await h.clock.advance(60_000);
  await h.converge();
  expect(await h.replicas()).toBeUndefined();
  expect(await h.condition('Ready')).toBe('True ScaledToZero');
  expect(await h.message('Ready')).toMatch(
    /scaled to zero, as it begins at 2026-01-01T00:00:00Z, a time to come/,
  );
  expect(await h.condition('Reconciling')).toBe('False UpToDate');
  await h.clock.advance(leftMs);
  await h.converge();
  expect(await h.replicas()).toBe(2);
  expect(h.cluster.events.filter(({ type }) => type === 'Warning')).toEqual([]);
});
