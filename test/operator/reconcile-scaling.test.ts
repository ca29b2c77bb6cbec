import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { Harness } from './reconcile-harness.ts';

const SHARDS = 2;
let h: Harness;
let beat = 0;

beforeEach(() => {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: SHARDS });
});
afterEach(() => h.close());

async function create(scaling: Record<string, unknown>, more: Record<string, unknown> = {}): Promise<void> {
  h.create({ scaling, ...more });
  await h.converge();
  await work();
}

/** The workers that run show a sign of life; each shard is read to where it is. */
async function work(): Promise<void> {
  beat += 1000;
  await h.runWorkers({ beat });
}

async function pass(seconds: number): Promise<void> {
  for (let left = seconds; left > 0; left -= 10) {
    await h.clock.advance(10_000);
    await h.reconcile();
  }
}

/** The last worker is gone, and has left its shards read to the tip. */
async function release(): Promise<void> {
  const table = h.table();
  for (const row of table.rows()) {
    if (row.shard_id.startsWith('worker#')) table.store(row.shard_id, undefined);
    else if (row.shard_id.startsWith('shardId-')) {
      const { ref: _, ...rest } = row;
      table.store(row.shard_id, { ...rest, read_at: h.clock.now(), behind_ms: 0 });
    }
  }
}

describe('to zero and back', () => {
  const SCALING = {
    mode: 'Lag',
    targetLagSeconds: 60,
    minReplicas: 0,
    scaleDown: { stabilizationSeconds: 30 },
  };

  beforeEach(async () => {
    await create(SCALING);
    await pass(120);
  });

  test('a group of which no record waits has no worker, and that is well', async () => {
    expect(await h.replicas()).toBe(0);
    await h.runPods();
    await release();
    await pass(100);
    expect(await h.replicas()).toBe(0);
    expect(await h.condition('Ready')).toBe('True ScaledToZero');
    expect(await h.condition('ShardsProgressing')).toBe('Unknown NotConsuming');
    expect(await h.condition('LagWithinTarget')).toBe('True LagNormal');
    expect((await h.status()).scaling).toMatchObject({ desired: 0, reason: 'no record waits' });
    expect(h.judged.get('shop/orders')).toBeUndefined();
  });

  test('a group that is paused while it has no worker gets none before it runs, whatever comes', async () => {
    await h.runPods();
    await release();
    h.setGroup((spec) => (spec['desiredState'] = 'Paused'));
    h.kinesis.putRecord('orders', { data: new Uint8Array([1]), partitionKey: 'a' });
    await pass(20);
    expect(await h.replicas()).toBe(0);
    expect(await h.condition('Ready')).toBe('True Paused');
    expect(await h.condition('ScalingLimited')).toBe('False NotLimited');
    h.setGroup((spec) => (spec['desiredState'] = 'Running'));
    await pass(20);
    expect(await h.replicas()).toBe(1);
  });

  test('a record that comes brings a worker', async () => {
    await h.runPods();
    await release();
    await pass(30);
    h.kinesis.putRecord('orders', { data: new Uint8Array([1]), partitionKey: 'a' });
    await pass(20);
    expect(await h.replicas()).toBe(1);
    expect((await h.status()).scaling?.lastScale?.reason).toMatch(/^0 → 1: records wait in shard shardId-/);
  });

  test('a closed shard is brought to its end', async () => {
    await h.runPods();
    await release();
    h.kinesis.splitShard('orders', 'shardId-000000000000', '42535295865117307932921825928971026432');
    await pass(30);
    expect(await h.replicas()).toBe(1);
    const { lastScale } = (await h.status()).scaling!;
    expect(lastScale?.reason).toBe('0 → 1: records wait in shard shardId-000000000000');
  });

  test('a shard that nobody has begun gets its worker', async () => {
    await h.runPods();
    await release();
    h.table().store('shardId-000000000001', undefined);
    await pass(30);
    expect(await h.replicas()).toBe(1);
    expect((await h.status()).scaling?.lastScale?.reason).toBe('0 → 1: shard shardId-000000000001 is new');
  });

  test('an operator that may not read gives the group its worker, and says why', async () => {
    await h.runPods();
    await release();
    h.readFault = new KcgError('AccessDenied', 'kinesis:GetRecords is not allowed');
    await pass(20);
    expect(await h.replicas()).toBe(1);
    const { lastScale } = (await h.status()).scaling!;
    expect(lastScale?.reason).toContain('kinesis:GetRecords is not allowed');
    await work();
    await pass(600);
    const why = expect.stringContaining('kinesis:GetRecords is not allowed');
    expect((await h.status()).scaling).toMatchObject({ desired: 1, lastScale, reason: why });
    h.readFault = undefined;
    await h.clock.advance(3_600_000);
    await work();
    await pass(120);
    expect(await h.replicas()).toBe(0);
  });

  test('a Kinesis that is away leaves it as it is', async () => {
    await h.runPods();
    await release();
    h.readFault = new KcgError('Unavailable', 'away');
    await pass(60);
    expect(await h.replicas()).toBe(0);
    const reason = 'whether records wait could not be found out: away';
    expect((await h.status()).scaling).toMatchObject({ limitedBy: 'UnknownLag', reason });
  });

  test('a shard that has no room for one more reader hides no record of another', async () => {
    await h.runPods();
    await release();
    const { shardId } = h.kinesis.putRecord('orders', { data: new Uint8Array([1]), partitionKey: 'a' });
    h.kinesis.faults = (_, of) =>
      of === undefined || of === shardId ? undefined : new KcgError('Throttled', 'too many readers');
    await pass(20);
    expect(await h.replicas()).toBe(1);
  });

  test('positions are brought up to date before the retention is over', async () => {
    await h.runPods();
    await release();
    await h.clock.advance(11 * 3_600_000);
    await pass(20);
    expect(await h.replicas()).toBe(0);
    await h.clock.advance(3_600_000);
    await pass(20);
    expect(await h.replicas()).toBe(1);
  });
});

test('a position that is written seldom stands for long though records come', async () => {
  const scaling = {
    mode: 'Lag',
    targetLagSeconds: 60,
    minReplicas: 0,
    scaleDown: { stabilizationSeconds: 30 },
  };
  await create(scaling, { checkpoints: { intervalSeconds: 300 } });
  await pass(500);
  expect(await h.replicas()).toBe(1);
  await pass(200);
  expect(await h.replicas()).toBe(0);
});

test('a range whose time is over is brought to its end, though no record comes', async () => {
  const [from, to] = [-3_600_000, 600_000].map((ms) => new Date(h.clock.now() + ms).toISOString());
  const scaling = {
    mode: 'Lag',
    targetLagSeconds: 60,
    minReplicas: 0,
    scaleDown: { stabilizationSeconds: 30 },
  };
  await create(scaling, { range: { from, to } });
  await pass(120);
  await h.runPods();
  await release();
  await pass(60);
  expect(await h.replicas()).toBe(0);
  await pass(480);
  expect(await h.replicas()).toBe(1);
});

test('a switch to an autoscaler that an operator finds when it begins takes no worker at once', async () => {
  await create({ mode: 'ShardCount' });
  const before = await h.replicas();
  expect(before).toBeGreaterThan(1);
  h.setGroup((spec) => (spec['scaling'] = { mode: 'External' }));
  h.restart();
  await h.converge();
  expect(await h.replicas()).toBe(before);
  h.setGroup((spec) => (spec['scaling'] = { mode: 'External', replicas: 2 }));
  await h.converge();
  h.setGroup((spec) => (spec['scaling'] = { mode: 'External', replicas: 1 }));
  await h.converge();
  expect(await h.replicas()).toBe(1);
});

test('an autoscaler that asks for none leaves a group that is well', async () => {
  await create({ mode: 'External', minReplicas: 0, replicas: 0 });
  await h.converge();
  expect(await h.condition('Ready')).toBe('True ScaledToZero');
  expect((await h.status()).scaling).toMatchObject({
    desired: 0,
    limitedBy: 'NotLimited',
    reason: '0 workers are asked for',
  });
});

test.each(['Fixed', 'External'])(
  'shards of a group that never had a worker, as none is asked for, are paused: %s',
  async (mode) => {
    await create({ mode, minReplicas: 0, replicas: 0 });
    const [shard] = h.kinesis.listShards('orders').shards;
    h.table().store(shard!.shardId, { shard_id: shard!.shardId, epoch: 1, sequence: '7' });
    await pass(300);
    expect(await h.deployment()).toBeUndefined();
    const causes = (await h.status()).shards?.map(({ judgement, cause }) => `${judgement} ${cause}`);
    expect(new Set(causes)).toEqual(new Set(['Stopped Paused']));
  },
);

describe('schedules', () => {
  test('an open window is the floor, and its end lets go', async () => {
    // The harness begins on 2026-11-18 at 11:06:40 UTC.
    const schedules = [{ name: 'lunch', start: '10 11 * * *', end: '20 11 * * *', minReplicas: 5 }];
    await create({ schedules, scaleDown: { stabilizationSeconds: 60 } });
    expect(await h.replicas()).toBe(2);
    await pass(200);
    expect(await h.replicas()).toBe(5);
    expect((await h.status()).scaling).toMatchObject({
      limitedBy: 'Schedule',
      reason: expect.stringContaining('schedule lunch is open'),
    });
    await work();
    await pass(760);
    expect(await h.replicas()).toBe(2);
  });

  test('a ceiling holds at once, and the group is looked at when it ends', async () => {
    const schedules = [{ name: 'lunch', start: '0 11 * * *', end: '7 11 * * *', maxReplicas: 1 }];
    h.create({ scaling: { schedules } });
    const inMs = await h.converge();
    expect(await h.replicas()).toBe(1);
    expect(inMs).toBeLessThanOrEqual(20_000 * 1.2);
  });

  test('a time zone that there is not is said, and nothing done', async () => {
    const schedules = [
      { name: 'lunch', timeZone: 'Europe/Nowhere', start: '0 11 * * *', end: '7 11 * * *', maxReplicas: 1 },
    ];
    h.create({ scaling: { schedules } });
    await h.converge();
    expect(await h.condition('Stalled')).toBe('True InvalidSpec');
    const told =
      'spec.scaling.schedules[0].timeZone: there is no time zone Europe/Nowhere; write an IANA name';
    expect(await h.message('Stalled')).toBe(`${told} such as Europe/Berlin`);
  });
});

describe('advice', () => {
  test('of a group that others have taken to zero goes by the records that wait, and so does its lag', async () => {
    const scaling = { mode: 'External', targetLagSeconds: 60, minReplicas: 0 };
    await create({ ...scaling, replicas: 1 });
    h.setGroup((spec) => (spec['scaling'] = { ...scaling, replicas: 0 }));
    await h.converge();
    await h.runPods();
    await release();
    await pass(120);
    expect(await h.condition('LagWithinTarget')).toBe('True LagNormal');
    expect((await h.status()).scaling?.recommended).toMatchObject({ replicas: 0, reason: 'no record waits' });
    h.kinesis.putRecord('orders', { data: new Uint8Array([1]), partitionKey: 'a' });
    await pass(120);
    expect(await h.replicas()).toBe(0);
    expect(await h.condition('LagWithinTarget')).toBe('False LagExceeded');
    const { recommended } = (await h.status()).scaling!;
    expect(recommended).toMatchObject({
      replicas: 1,
      reason: expect.stringMatching(/^records wait in shard/),
    });
  });

  test('beside another mode, what Lag would run is told and not done', async () => {
    await create({
      mode: 'Fixed',
      replicas: 2,
      targetLagSeconds: 60,
      scaleDown: { stabilizationSeconds: 30 },
    });
    await pass(60);
    expect(await h.replicas()).toBe(2);
    expect((await h.status()).scaling).toMatchObject({
      desired: 2,
      reason: '2 workers are asked for',
      recommended: {
        replicas: 1,
        limitedBy: 'NotLimited',
        reason: 'no shard is behind; fewer workers are tried',
      },
    });
  });
});
