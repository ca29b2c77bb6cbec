import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { metricsMarkdown } from '../../scripts/generate-metrics.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { WorkerMetrics } from '../../src/runtime/worker-metrics.ts';
import type { WorkerEvent } from '../../src/runtime/worker-event.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { AGroup, LEASE_MS, type OneWorker } from './a-group.ts';

const metricsOf = (worker?: OneWorker) =>
  new WorkerMetrics({
    clock: systemClock,
    lag: () => worker?.worker.lag() ?? [],
    checkpointAges: () => worker?.worker.checkpointAges() ?? [],
  });

/** `name{labels}` → value. */
async function read(metrics: WorkerMetrics): Promise<Record<string, number>> {
  const lines = (await metrics.text()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line): [string, number] => {
      const space = line.lastIndexOf(' ');
      return [line.slice('kcg_worker_'.length, space), Number(line.slice(space + 1))];
    }),
  );
}

/** What a worker with these events would tell. */
function valuesOf(events: readonly WorkerEvent[], worker?: OneWorker): Promise<Record<string, number>> {
  const metrics = metricsOf(worker);
  for (const event of events) metrics.onEvent(event);
  return read(metrics);
}

test('docs/metrics.md is what the registries say: run node scripts/generate-metrics.ts', async () => {
  expect(await readFile(new URL('../../docs/metrics.md', import.meta.url), 'utf8')).toBe(metricsMarkdown());
});

test('a worker and its shards have as many series as docs/sizing.md says', async () => {
  const sizing = await readFile(new URL('../../docs/sizing.md', import.meta.url), 'utf8');
  const [, ofWorker, ofShard] = /(\d+) of a worker and (\d+) of each shard/.exec(sizing)!;
  for (const shards of [4, 16]) {
    const group = new AGroup(shards);
    const worker = group.start('a');
    await group.clock.advance(10_000);
    for (let key = 0; key < shards * 20; key += 1) group.put('x', String(key));
    await group.clock.advance(20_000);
    const series = Object.keys(await valuesOf(worker.events, worker));
    expect(series).toHaveLength(Number(ofWorker) + shards * Number(ofShard));
    await group.until(worker.stop());
  }
});

test('what alerts ask an increase of begins at 0', async () => {
  expect(await valuesOf([])).toMatchObject({
    'self_fences_total{reason="NotRenewed"}': 0,
    'self_fences_total{reason="Fenced"}': 0,
    fences_total: 0,
  });
  const started: WorkerEvent = { type: 'ShardStarted', shardId: 's', epoch: 1, reason: 'FirstOwner' };
  expect(await valuesOf([started])).toMatchObject({
    'lost_to_retention_total{shard="s"}': 0,
    'lost_to_retention_seconds_total{shard="s"}': 0,
    'handler_failures_total{shard="s"}': 0,
  });
});

test('shards that went an hour ago are left out, and begin at 0 when they come back', async () => {
  const clock = new VirtualClock();
  const metrics = new WorkerMetrics({ clock, lag: () => [], checkpointAges: () => [] });
  const series = async () =>
    Object.keys(await read(metrics)).filter((name) => name.includes('shard="s')).length;
  const start = (shardId: string) =>
    metrics.onEvent({ type: 'ShardStarted', shardId, epoch: 1, reason: 'FirstOwner' });
  const stop = (shardId: string) =>
    metrics.onEvent({ type: 'ShardStopped', shardId, epoch: 1, reason: 'Ended' });
  start('s0');
  const ofOne = await series();
  for (let i = 1; i <= 100; i += 1) {
    stop(`s${i - 1}`);
    start(`s${i}`);
    metrics.onEvent({ type: 'RecordsFiltered', shardId: `s${i}`, records: 5 });
    await clock.advance(1_200_000);
  }
  expect(await series()).toBe(4 * ofOne);
  start('s1');
  expect(await read(metrics)).toMatchObject({
    'records_filtered_total{shard="s1"}': 0,
    'records_filtered_total{shard="s98"}': 5,
  });
});

describe('ownership', () => {
  const shard = { shardId: 's', epoch: 1 };

  test('changes are counted by reason', async () => {
    const values = await valuesOf([
      { type: 'ShardStarted', ...shard, reason: 'FirstOwner' },
      { type: 'ShardStarted', ...shard, reason: 'FirstOwner' },
      { type: 'ShardStopped', ...shard, reason: 'Lost', why: 'the row has another owner' },
      { type: 'HandoffCancelled', ...shard },
    ]);
    expect(values).toMatchObject({
      'ownership_changes_total{change="started",reason="FirstOwner"}': 2,
      'ownership_changes_total{change="stopped",reason="Lost"}': 1,
      failover_seconds_count: 0,
      handoff_seconds_count: 0,
    });
  });

  test('a failover takes from the last beat seen until the shard is read again', async () => {
    const group = new AGroup(1);
    const a = group.start('a');
    await group.clock.advance(5_000);
    const b = group.start('b');
    await group.clock.advance(5_000);
    a.crash();
    await group.clock.advance(3 * LEASE_MS);
    const values = await valuesOf(b.events);
    expect(values).toMatchObject({ failover_seconds_count: 1, fences_total: 1 });
    expect(values['failover_seconds_sum']).toBeGreaterThanOrEqual(LEASE_MS / 1_000);
    expect(values['failover_seconds_sum']).toBeLessThan((2 * LEASE_MS) / 1_000);
  });

  test('one whose beats were never seen is counted, but not timed', async () => {
    const death = { how: 'Gone', by: undefined } as const;
    const values = await valuesOf([
      { type: 'ShardStarted', ...shard, reason: 'TakenFromDead', from: 'a/i1', death, silentMs: undefined },
    ]);
    expect(values).toMatchObject({
      'ownership_changes_total{change="started",reason="TakenFromDead"}': 1,
      failover_seconds_count: 0,
    });
  });

  test('a hand-off takes as long as the handler does', async () => {
    const group = new AGroup(1);
    const handle = async () => {
      await group.clock.sleep(3_000);
      return { outcome: 'done' as const };
    };
    const a = group.start('a', { handler: { handle } });
    await group.clock.advance(5_000);
    group.put('x');
    await group.clock.advance(1_000);
    await group.until(a.stop());
    const values = await valuesOf(a.events);
    expect(values['handoff_seconds_count']).toBe(1);
    expect(values['handoff_seconds_sum']).toBeGreaterThan(1);
  });

  test('self-fences tell whether somebody else did it', async () => {
    const values = await valuesOf([
      { type: 'WorkerSelfFenced', reason: 'Fenced', shards: 1 },
      { type: 'WorkerSelfFenced', reason: 'NotRenewed', shards: 1 },
    ]);
    expect(values).toMatchObject({
      'self_fences_total{reason="Fenced"}': 1,
      'self_fences_total{reason="NotRenewed"}': 1,
    });
  });
});

describe('what fails', () => {
  const error = new KcgError('Timeout', 'the handler did not answer within 900 seconds');

  test('is counted as a time-out too, and by the records and the reason when it is given up', async () => {
    const values = await valuesOf([
      { type: 'HandlerFailed', shardId: 's', attempt: 1, error, retryInMs: 1 },
      { type: 'HandlerFailed', shardId: 's', attempt: 2, error: new KcgError('HandlerFailed', 'no') },
      {
        type: 'RecordsGivenUp',
        shardId: 's',
        condition: 'RetryAttemptsExhausted',
        records: 7,
        first: '1',
        last: '7',
        attempts: 2,
      },
      { type: 'DestinationFailed', shardId: 's', error, retryInMs: 1 },
    ]);
    expect(values).toMatchObject({
      'handler_failures_total{shard="s"}': 2,
      'handler_timeouts_total{shard="s"}': 1,
      'records_given_up_total{shard="s",reason="RetryAttemptsExhausted"}': 7,
      'destination_failures_total{shard="s"}': 1,
    });
  });

  test('goes on failing while a program is only given again what it had before it failed', async () => {
    const group = new AGroup(1);
    const a = group.start('a');
    await group.clock.advance(5_000);
    const shardId = 'shardId-000000000000';
    const repeated = {
      type: 'BatchDelivered',
      shardId,
      records: 1,
      bytes: 1,
      millisBehindLatest: 0,
    } as const;
    const values = await valuesOf(
      [
        { type: 'HandlerFailed', shardId, attempt: 1, error, retryInMs: 1 },
        { ...repeated, isRepeat: true },
      ],
      a,
    );
    expect(values).toHaveProperty([`handler_failing_seconds{shard="${shardId}"}`]);
    await group.until(a.stop());
  });

  test('in one lane goes on failing while another works, and is told once a shard', async () => {
    const group = new AGroup(1);
    const a = group.start('a');
    await group.clock.advance(5_000);
    const shardId = 'shardId-000000000000';
    const metrics = metricsOf(a);
    for (const lane of [1, 2]) metrics.onEvent({ type: 'HandlerFailed', shardId, lane, attempt: 1, error });
    metrics.onEvent({
      type: 'BatchDelivered',
      shardId,
      lane: 2,
      records: 1,
      bytes: 1,
      millisBehindLatest: 0,
    });
    const failing = `handler_failing_seconds{shard="${shardId}"}`;
    expect((await read(metrics))[failing]).toBeGreaterThanOrEqual(0);
    metrics.onEvent({
      type: 'BatchDelivered',
      shardId,
      lane: 1,
      records: 1,
      bytes: 1,
      millisBehindLatest: 0,
    });
    expect((await read(metrics))[failing]).toBeUndefined();
    metrics.onEvent({ type: 'HandlerFailed', shardId, lane: 1, attempt: 1, error });
    metrics.onEvent({ type: 'DestinationFailed', shardId, lane: 1, error, retryInMs: 1 });
    expect((await read(metrics))[failing]).toBeUndefined();
    await group.until(a.stop());
  });
});

describe('progress', () => {
  const SHARD = '{shard="shardId-000000000000"}';

  test('checkpoints that cannot be written grow old, and are new again once they can', async () => {
    const group = new AGroup(1);
    const write = group.table.write.bind(group.table);
    let fails = false;
    group.table.write = async (change, options) => {
      if (fails && change.name === 'checkpoint') throw new KcgError('Throttled', 'too fast');
      return write(change, options);
    };
    const a = group.start('a');
    const age = async () => (await valuesOf(a.events, a))[`checkpoint_age_seconds${SHARD}`];
    await group.clock.advance(5_000);
    expect(await age()).toBe(0);
    fails = true;
    for (let i = 0; i < 3; i += 1) {
      group.put('x');
      await group.clock.advance(20_000);
    }
    expect(await age()).toBeGreaterThan(50);
    expect(
      (await valuesOf(a.events, a))['table_troubles_total{operation="checkpoint",code="Throttled"}'],
    ).toBeGreaterThan(1);
    fails = false;
    await group.clock.advance(20_000);
    expect(await age()).toBe(0);
  });

  test('lag grows while the shard cannot be read, and is gone when it can', async () => {
    const group = new AGroup(1);
    const a = group.start('a');
    const lag = async () => (await valuesOf(a.events, a))[`lag_seconds${SHARD}`];
    await group.clock.advance(5_000);
    group.kinesis.faults = (operation) =>
      operation === 'GetRecords' ? new KcgError('Unavailable', 'injected') : undefined;
    await group.clock.advance(30_000);
    const before = await lag();
    expect(before).toBeGreaterThan(20);
    await group.clock.advance(30_000);
    expect(await lag()).toBeGreaterThanOrEqual(before! + 29);
    expect((await valuesOf(a.events, a))['read_troubles_total{code="Unavailable"}']).toBeGreaterThan(0);
    group.kinesis.faults = undefined;
    await group.clock.advance(30_000);
    expect(await lag()).toBe(0);
  });

  test('trouble of a reader is over when the one after it reads', async () => {
    const group = new AGroup(1);
    const fault = new KcgError('Unavailable', 'injected');
    const died = Promise.withResolvers<KcgError>();
    const program = async () => ({ outcome: 'done' as const });
    const a = group.start('a', {
      handler: {
        open: () => ({
          broken: died.promise,
          start: program,
          handle: program,
          shardEnded: program,
          shutdownRequested: program,
          close: async () => {},
        }),
      },
    });
    const failing = async () => (await valuesOf(a.events, a))[`read_failing_seconds${SHARD}`];
    await group.clock.advance(5_000);
    group.kinesis.faults = (operation) => (operation === 'GetRecords' ? fault : undefined);
    await group.clock.advance(30_000);
    expect(await failing()).toBeDefined();
    group.kinesis.faults = undefined;
    died.resolve(new KcgError('HandlerFailed', 'it died'));
    await group.clock.advance(30_000);
    expect(await failing()).toBeUndefined();
    await group.until(a.stop());
  });

  test('only shards that are held have gauges', async () => {
    const group = new AGroup(1);
    const a = group.start('a');
    await group.clock.advance(5_000);
    const metrics = metricsOf(a);
    expect(await read(metrics)).toMatchObject({ shards: 1, [`lag_seconds${SHARD}`]: 0 });
    await group.until(a.stop());
    const values = await read(metrics);
    expect(values['shards']).toBe(0);
    expect(values).not.toHaveProperty([`lag_seconds${SHARD}`]);
  });

  test('trouble that is over is not counted as trouble', async () => {
    const error = new KcgError('Throttled', 'too fast');
    const values = await valuesOf([
      { type: 'ReadTrouble', shardId: 's', error },
      { type: 'ReadTrouble', shardId: 's', error: undefined },
      {
        type: 'CheckpointsAtRisk',
        shardId: 's',
        reason: 'LostToRetention',
        checkpointAgeMs: 1,
        lostSeconds: 7,
      },
    ]);
    expect(values).toMatchObject({
      'read_troubles_total{code="Throttled"}': 1,
      'lost_to_retention_total{shard="s"}': 1,
      'lost_to_retention_seconds_total{shard="s"}': 7,
    });
  });
});
