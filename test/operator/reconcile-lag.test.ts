import { afterEach, beforeEach, expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { Harness } from './reconcile-harness.ts';

const SHARDS = 4;
let h: Harness;
let beat = 0;

beforeEach(async () => {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: SHARDS });
  const scaling = { mode: 'Lag', targetLagSeconds: 60, maxReplicas: 10 };
  h.create({ scaling });
  await h.converge();
});
afterEach(() => h.close());

/** As the workers tell it with their beats. */
async function lag(seconds: number, more: Record<string, unknown> = {}): Promise<void> {
  const ids = h.kinesis.listShards('orders').shards.map(({ shardId }) => shardId);
  beat += 1000;
  await h.runWorkers({ ...more, beat, lagging: Object.fromEntries(ids.map((id) => [id, seconds * 1000])) });
}

async function pass(seconds: number): Promise<void> {
  for (let left = seconds; left > 0; left -= 5) {
    await h.clock.advance(5_000);
    await h.reconcile();
  }
}

test('a group begins with one worker, gets more as it falls behind, and is let go again', async () => {
  expect(await h.replicas()).toBe(1);
  await lag(40);
  await pass(5);
  expect(await h.replicas()).toBe(1);
  expect(await h.condition('ScalingLimited')).toBe('True Measuring');
  await lag(55);
  await pass(20);
  expect(await h.replicas()).toBe(4);
  expect((await h.status()).scaling).toMatchObject({
    desired: 4,
    limitedBy: 'NotLimited',
    lastScale: { reason: '1 → 4: shards fall behind, or drain too slowly' },
  });
  await lag(0);
  await pass(20);
  expect(await h.replicas()).toBe(4);
  await pass(400);
  expect(await h.replicas()).toBe(3);
});

test.each([
  ['one of its shards holds up no other', 1, 4, 'False NotLimited'],
  ['all of its shards is helped by no worker', 4, 1, 'True StuckShards'],
])('a handler that fails on %s', async (_, failing, replicas, limited) => {
  const trouble = { failing, failing_why: 'no' };
  await lag(40, trouble);
  await pass(5);
  await lag(55, trouble);
  const [, ...others] = h.kinesis.listShards('orders').shards;
  for (const { shardId } of others) {
    const row = await h.table().get(shardId, { consistent: true });
    h.table().store(shardId, { ...row!, sequence: '7' });
  }
  await pass(20);
  expect(await h.replicas()).toBe(replicas);
  expect(await h.condition('ScalingLimited')).toBe(limited);
});

test('rows that cannot be read change nothing', async () => {
  await lag(0);
  await pass(5);
  await lag(300);
  await pass(5);
  h.rowFault = new KcgError('Unavailable', 'away');
  await h.reconcile().catch(() => {});
  await pass(60).catch(() => {});
  expect(await h.replicas()).toBe(1);
  expect((await h.status()).scaling?.limitedBy).toBe('UnknownLag');
});

test('a lag that moves about writes no status for the words about it alone', async () => {
  await lag(10);
  await h.converge();
  await pass(40);
  await h.converge();
  const before = h.kubeWrites().length;
  for (const seconds of [20, 12, 22, 10]) {
    await lag(seconds);
    await pass(5);
  }
  expect(
    h
      .kubeWrites()
      .slice(before)
      .filter(({ verb }) => verb === 'applyStatus').length,
  ).toBeLessThanOrEqual(1);
});
