import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import { Harness } from './reconcile-harness.ts';

let h: Harness;
beforeEach(() => {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: 3 });
});
afterEach(() => h.close());

describe('workers', () => {
  beforeEach(async () => {
    await h.createRunning();
  });

  test('whose container ended are fenced at once, and the others told', async () => {
    await h.clock.advance(5_000);
    endContainer('orders-worker-0', h.clock.now());
    await h.reconcile();
    expect(await h.table().get('worker#orders-worker-0', { consistent: true })).toMatchObject({
      state: 'dead',
    });
    expect(h.nudged).toEqual(['10.0.0.2:8085', '10.0.0.3:8085']);
    expect(await h.condition('ShardsCovered')).toBe('False UnownedShards');
    await h.clock.advance(2_000);
    move('orders-worker-0', 'orders-worker-1');
    await h.reconcile();
    expect((await h.status()).leases?.lastFailover).toMatchObject({ shards: 1, seconds: 2 });
    expect(await h.condition('ShardsCovered')).toBe('True AllOwned');
  });

  test('are not fenced by the end of a container before they started', async () => {
    endContainer('orders-worker-0', h.clock.now() - 5_000);
    await h.reconcile();
    expect(await h.table().get('worker#orders-worker-0', { consistent: true })).toMatchObject({
      state: 'live',
    });
  });

  test('follow the shards up at once and down after the stabilization time', async () => {
    h.kinesis.splitShard('orders', 'shardId-000000000000', '1000');
    await h.clock.advance(60_000);
    await h.reconcile();
    expect(await h.replicas()).toBe(4);
    h.setGroup((spec) => (spec['scaling'] = { shardsPerWorker: 6 }));
    await h.runWorkers();
    await h.reconcile();
    expect(await h.condition('ScalingLimited')).toBe('True Reshard');
    endShards(1);
    await h.reconcile();
    expect(await h.replicas()).toBe(4);
    expect(await h.condition('ScalingLimited')).toBe('True Stabilization');
    await h.clock.advance(301_000);
    await h.reconcile();
    expect(await h.replicas()).toBe(1);
    expect((await h.status()).scaling?.lastScale?.reason).toContain('4 → 1');
    const costs = (await h.cluster.list(KINDS.pod)).map(
      ({ metadata }) => metadata.annotations?.['controller.kubernetes.io/pod-deletion-cost'],
    );
    expect(costs).toContain('1');
  });

  test('stop when the group is stopped', async () => {
    h.setGroup((spec) => (spec['desiredState'] = 'Stopped'));
    await h.converge();
    expect(await h.replicas()).toBe(0);
    await h.runPods();
    for (const row of h.table().rows()) {
      if (row.shard_id.startsWith('worker#')) h.table().store(row.shard_id, undefined);
    }
    await h.converge();
    expect(await h.condition('Ready')).toBe('True Stopped');
    expect(await h.condition('ShardsCovered')).toBe('False NotConsuming');
  });

  test('get a greater revision with each new template, and keep it otherwise', async () => {
    const revision = async () => (await h.deployment())!.metadata.annotations?.['kcg.dev/revision'];
    expect(await revision()).toBe('1');
    h.setGroup((spec) => (spec['leases'] = { durationSeconds: 20 }));
    await h.converge();
    expect(await revision()).toBe('2');
    h.setGroup((spec) => (spec['scaling'] = { mode: 'Fixed', replicas: 2 }));
    await h.converge();
    expect(await revision()).toBe('2');
    expect(await h.replicas()).toBe(2);
  });

  const lagging = (ms: number) => {
    const shard = h.kinesis.listShards('orders').shards[0]!.shardId;
    const find = (key: string) =>
      h
        .table()
        .rows()
        .find(({ shard_id }) => shard_id === key)!;
    const row = find('worker#orders-worker-0');
    h.table().store(row.shard_id, { ...row, lagging: { [shard]: ms } });
    const ts = Math.floor(h.clock.now() / 1000);
    h.table().store(shard, { ...find(shard), sequence: String(1000 + ms), ts });
  };
  const lagAfter = async (ms: number) => {
    lagging(ms);
    await h.clock.advance(5_000);
    await h.reconcile();
    return (await h.status()).summary?.lag;
  };

  test('lag and positions move the status only in steps, and at most twice a minute', async () => {
    await h.clock.advance(30_000);
    expect(await lagAfter(11_000)).toBe('15s');
    const before = h.writeCount();
    expect(await lagAfter(12_000)).toBe('15s');
    expect(await lagAfter(14_000)).toBe('15s');
    expect(h.writeCount()).toBe(before);
    expect(await lagAfter(16_000)).toBe('15s');
    expect(await lagAfter(20_000)).toBe('15s');
    expect(await lagAfter(100)).toBe('15s');
    expect(h.writeCount()).toBe(before);
    expect(await lagAfter(16_000)).toBe('20s');
    expect(h.writeCount()).toBe(before + 1);
  });

  test('that fall behind are told of sooner, in seconds', async () => {
    await h.clock.advance(30_000);
    const seen = [];
    for (let seconds = 5; seconds <= 60; seconds += 5) seen.push(await lagAfter(seconds * 1_000));
    expect(seen.at(-1)).toBe('55s');
    expect(new Set(seen).size).toBeGreaterThanOrEqual(5);
  });

  test('that keep up write nothing, however the milliseconds they are behind change', async () => {
    await h.clock.advance(120_000);
    await lagAfter(0);
    const before = h.writeCount();
    for (let pass = 0; pass < 20; pass += 1) expect(await lagAfter(pass % 2 === 0 ? 300 : 0)).toBe('0s');
    expect(h.writeCount()).toBe(before);
  });

  test.each([1.7e12, 1e120, -1e120])(
    'with %d seconds in a row of another program are told of all the same, without that time',
    async (ts) => {
      const row = h
        .table()
        .rows()
        .find(({ shard_id }) => shard_id.startsWith('shardId'))!;
      h.table().store(row.shard_id, { ...row, ts, taken_at: ts, given_up: 1, given_up_at: ts });
      await h.clock.advance(150_000);
      await h.converge();
      const [shard] = (await h.status()).shards ?? [];
      expect(shard?.shardId).toBe(row.shard_id);
      expect(shard).not.toHaveProperty('checkpointTime');
    },
  );

  test('that begin to lag too much are told of at once', async () => {
    await h.clock.advance(30_000);
    expect(await lagAfter(11_000)).toBe('15s');
    expect(await lagAfter(13 * 3_600_000)).toBe('13h');
    expect(await h.condition('LagWithinTarget')).toBe('False LagExceeded');
  });
});

test('of a pod made for another handler are not fenced when its application restarts', async () => {
  const template = { spec: { containers: [{ name: 'app', image: 'shop:7' }] } };
  h.create({ handler: { http: {} }, template });
  await h.converge();
  await h.runWorkers();
  h.setGroup((spec) => (spec['handler'] = { module: { path: '/app/handler.mjs' } }));
  await h.clock.advance(5_000);
  endContainer('orders-worker-0', h.clock.now(), 'app');
  await h.reconcile();
  expect(await h.table().get('worker#orders-worker-0', { consistent: true })).toMatchObject({
    state: 'live',
  });
});

function endContainer(pod: string, finishedMs: number, name = 'worker'): void {
  const finishedAt = `${new Date(finishedMs).toISOString().slice(0, 19)}Z`;
  h.cluster.update(KINDS.pod, { namespace: 'shop', name: pod }, (draft) => {
    const containerStatuses = [{ name, state: { terminated: { finishedAt } } }];
    draft.status = { ...(draft.status as object), containerStatuses };
  });
}

function move(from: string, to: string): void {
  for (const row of h.table().rows()) {
    if (row['ref'] === `${from}/a`) h.table().store(row.shard_id, { ...row, ref: `${to}/a` });
  }
}

/** The first `count` shards are read to their end. */
function endShards(count: number): void {
  for (const row of h
    .table()
    .rows()
    .filter(({ shard_id }) => shard_id.startsWith('shardId'))
    .slice(0, count)) {
    h.table().store(row.shard_id, { ...row, sequence: 'SHARD_END' });
  }
}
