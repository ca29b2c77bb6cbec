import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { Harness, NAME } from './reconcile-harness.ts';

let h: Harness;
beforeEach(() => {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: 3 });
});
afterEach(() => h.close());

describe('a group that is annotated reconcile-paused', () => {
  const pause = (value: string | undefined) =>
    h.cluster.update(KINDS.consumerGroup, NAME, (draft) => {
      draft.metadata.annotations = value === undefined ? {} : { 'kcg.dev/reconcile-paused': value };
    });

  test('is left alone, and says so', async () => {
    h.create();
    await h.converge();
    pause('true');
    h.setGroup((spec) => (spec['scaling'] = { mode: 'Fixed', replicas: 2 }));
    await h.converge();
    expect(await h.replicas()).toBe(3);
    expect(await h.condition('Reconciling')).toBe('False ReconcilePaused');
    expect(await h.condition('Ready')).toBe('False WorkersStarting');
    pause(undefined);
    await h.converge();
    expect(await h.replicas()).toBe(2);
    expect(await h.condition('Reconciling')).toBe('True RollingOut');
  });

  test.each<[string, () => void]>([
    ['is left alone', () => pause('true')],
    ['has a spec that cannot work', () => h.setGroup((spec) => (spec['stream'] = {}))],
    ['is being deleted', () => h.cluster.remove(KINDS.consumerGroup, NAME)],
  ])('has no shards in the metrics once it %s', async (_, change) => {
    await h.createRunning({ checkpoints: { deletionPolicy: 'Delete' } });
    expect(h.judged.get('shop/orders')).toBeDefined();
    change();
    await h.reconcile();
    expect((await h.group()).metadata.name).toBe('orders');
    expect(h.judged.get('shop/orders')).toBeUndefined();
  });

  test('from the beginning says that nobody has looked at it', async () => {
    h.create();
    pause('true');
    await h.converge();
    expect(await h.condition('Ready')).toBe('Unknown ReconcilePaused');
    expect((await h.status()).observedGeneration).toBeUndefined();
    pause(undefined);
    await h.converge();
    expect(await h.condition('Ready')).toBe('False WorkersStarting');
  });

  test('can be deleted', async () => {
    h.create({ checkpoints: { deletionPolicy: 'Expire', expireAfterDays: 1 } });
    await h.converge();
    pause('true');
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await h.reconcile();
    await h.reconcile();
    await expect(h.group()).rejects.toThrow('the group is gone');
  });
});

describe('a group that is paused', () => {
  const paused = () =>
    h
      .table()
      .rows()
      .find(({ shard_id }) => shard_id === 'group#claim')?.['paused'];

  test('stays so when it is stopped, until it is to run', async () => {
    h.create();
    await h.converge();
    await h.runWorkers();
    h.setGroup((spec) => (spec['desiredState'] = 'Paused'));
    await h.converge();
    expect(paused()).toBe(1);
    h.setGroup((spec) => (spec['desiredState'] = 'Stopped'));
    await h.converge();
    expect([await h.replicas(), paused()]).toEqual([0, 1]);
    h.setGroup((spec) => (spec['desiredState'] = 'Running'));
    await h.converge();
    expect([await h.replicas(), paused()]).toEqual([3, undefined]);
  });

  const releaseAll = () => {
    for (const { shard_id: key, ref: _, ...row } of h.table().rows())
      if (key.startsWith('shardId-')) h.table().store(key, { shard_id: key, ...row });
  };
  const workersAre = (state: string) => {
    for (const row of h.table().rows())
      if (row.shard_id.startsWith('worker#')) h.table().store(row.shard_id, { ...row, state });
  };
  const warnings = () => h.cluster.events.filter(({ type }) => type === 'Warning');

  test('is looked at each second until it is quiet, and so when it goes on, without an alarm', async () => {
    await h.createRunning();
    h.setGroup((spec) => (spec['desiredState'] = 'Paused'));
    expect(await h.reconcile()).toBeLessThan(1_300);
    expect(await h.condition('Ready')).toBe('False Progressing');
    releaseAll();
    workersAre('starting');
    await h.clock.advance(1_000);
    expect(await h.reconcile()).toBeGreaterThan(3_000);
    expect(await h.condition('Ready')).toBe('True Paused');
    h.setGroup((spec) => (spec['desiredState'] = 'Running'));
    expect(await h.reconcile()).toBeLessThan(1_300);
    expect(await h.condition('Ready')).toBe('False Progressing');
    await h.runWorkers();
    await h.clock.advance(1_000);
    await h.reconcile();
    expect(await h.condition('Ready')).toBe('True Available');
    expect(warnings()).toEqual([]);
  });

  test('is told to workers by the next operator, when the one that wrote it has told nobody', async () => {
    await h.createRunning();
    const claim = h
      .table()
      .rows()
      .find(({ shard_id }) => shard_id === 'group#claim')!;
    h.table().store('group#claim', { ...claim, paused: 1 });
    h.setGroup((spec) => (spec['desiredState'] = 'Paused'));
    await h.reconcile();
    expect(h.nudged).toHaveLength(3);
    workersAre('starting');
    await h.clock.advance(1_000);
    await h.reconcile();
    expect(h.nudged).toHaveLength(3);
  });

  test('takes the seldomer looks the longer its workers need', async () => {
    await h.createRunning();
    h.setGroup((spec) => (spec['desiredState'] = 'Paused'));
    await h.reconcile();
    await h.clock.advance(40_000);
    expect(await h.reconcile()).toBeGreaterThan(3_000);
  });

  test('gets no pods before the workers can be told', async () => {
    h.faults.set('pause group', new KcgError('AccessDenied', 'may not call UpdateItem'));
    h.create({ desiredState: 'Paused' });
    await expect(h.reconcile()).rejects.toThrow('may not call');
    expect(await h.deployment()).toBeUndefined();
    h.faults.clear();
    await h.clock.advance(1_000);
    await h.converge();
    expect([await h.replicas(), paused()]).toEqual([3, 1]);
  });
});
