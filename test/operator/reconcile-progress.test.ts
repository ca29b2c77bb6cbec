import { afterEach, beforeEach, expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { decodeWorker } from '../../src/leases/worker-row.ts';
import { Harness } from './reconcile-harness.ts';

/* What the operator sees of shards that do not move, look by look. */

const SHARD = 'shardId-000000000000';
let h: Harness;
beforeEach(async () => {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: 2 });
  await h.createRunning();
});
afterEach(() => h.close());

/** Five seconds each: workers beat, and the first lags so many ms more each time. */
async function pass(looks: number, { lagMs = 0 } = {}): Promise<void> {
  const table = h.table();
  for (let look = 0; look < looks; look += 1) {
    await h.clock.advance(5_000);
    for (const row of await table.query('workers', { consistent: true })) {
      const { lagging } = decodeWorker(row);
      const more =
        row.shard_id.endsWith('-0') && lagMs > 0 ? { [SHARD]: (lagging[SHARD] ?? 0) + lagMs } : lagging;
      const ttl = Math.floor(h.clock.now() / 1_000) + 86_400;
      table.store(row.shard_id, { ...row, beat: Number(row['beat']) + 1, lagging: more, ttl });
    }
    await h.reconcile();
  }
}

const events = () =>
  h.cluster.events.map(({ reason }) => reason).filter((reason) => reason.startsWith('Shards'));
const judgements = async () => (await h.status()).shards?.map(({ judgement }) => judgement).sort();
const writes = () => h.calls.filter((call) => call === 'applyStatus KinesisConsumerGroup').length;

test('a shard that stands is told once, and an operator that starts leaves it so without a write', async () => {
  expect(await h.condition('ShardsProgressing')).toBe('True ShardsAdvance');
  await pass(24, { lagMs: 5_000 });
  expect(await h.condition('ShardsProgressing')).toBe('True ShardsAdvance');
  await pass(60, { lagMs: 5_000 });
  expect(await h.condition('ShardsProgressing')).toBe('False ShardsStalled');
  expect(await judgements()).toEqual(['OK', 'Stalled']);
  expect(events()).toEqual(['ShardsStalled']);
  const before = writes();
  expect(before).toBeGreaterThan(0);
  h.restart();
  await h.reconcile();
  await h.reconcile();
  expect(writes()).toBe(before);
  await pass(70, { lagMs: 5_000 });
  expect(await judgements()).toEqual(['OK', 'Stalled']);
  expect(events()).toEqual(['ShardsStalled']);
});

test('watching costs no write while nothing changes, for an hour', async () => {
  await pass(2);
  const before = writes();
  expect(before).toBeGreaterThan(0);
  await pass(720);
  expect(writes()).toBe(before);
  expect(await judgements()).toEqual(['OK', 'OK']);
});

test('rows that cannot be read say nothing of a shard', async () => {
  await pass(4, { lagMs: 5_000 });
  h.rowFault = new KcgError('Throttled', 'Rate exceeded');
  for (let look = 0; look < 20; look += 1) {
    await h.clock.advance(5_000);
    await h.reconcile();
  }
  h.rowFault = undefined;
  await pass(30, { lagMs: 5_000 });
  expect(events()).toEqual([]);
});

test('a stopped group with a backlog is written a few times in half an hour, and tells how far it is behind', async () => {
  const row = await h.table().get(SHARD, { consistent: true });
  h.table().store(SHARD, {
    ...row!,
    sequence: '1',
    behind_ms: 120_000,
    read_at: h.clock.now(),
    ts: h.clock.now() / 1_000,
  });
  h.setGroup((spec) => (spec['desiredState'] = 'Stopped'));
  await h.converge();
  await h.runPods();
  await h.converge();
  for (let look = 0; look < 2; look += 1) {
    await h.clock.advance(30_000);
    await h.converge();
  }
  expect(await h.condition('Ready')).toBe('True Stopped');
  const before = writes();
  for (let look = 0; look < 360; look += 1) {
    await h.clock.advance(5_000);
    await h.reconcile();
  }
  expect(writes() - before).toBeLessThanOrEqual(7);
  expect((await h.status()).lag?.maxSeconds).toBeGreaterThan(25 * 60);
});
