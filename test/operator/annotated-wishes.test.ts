import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { Harness, NAME } from './reconcile-harness.ts';

let h: Harness;
beforeEach(async () => {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: 3 });
  await h.createRunning();
});
afterEach(() => h.close());

function annotate(annotations: Record<string, string>): void {
  h.cluster.update(KINDS.consumerGroup, NAME, (draft) => {
    draft.metadata.annotations = { ...draft.metadata.annotations, ...annotations };
  });
}
function unannotate(name: string): void {
  h.cluster.update(KINDS.consumerGroup, NAME, (draft) => {
    delete draft.metadata.annotations?.[name];
  });
}

describe('the annotation kcg.dev/restart', () => {
  const pods = async () => {
    const { template } = (await h.deployment())!.spec as {
      template: { metadata: { annotations: Record<string, string> } };
    };
    const { 'kcg.dev/restart': restart, 'kcg.dev/revision': revision } = template.metadata.annotations;
    return { restart, revision };
  };

  test('replaces the workers, and is answered once all are', async () => {
    expect(await pods()).toEqual({ restart: undefined, revision: '1' });
    annotate({ 'kcg.dev/restart': 'monday' });
    await h.converge();
    expect(await pods()).toEqual({ restart: 'monday', revision: '2' });
    expect((await h.status()).handled).toBeUndefined();
    expect(await h.condition('Reconciling')).toBe('True RollingOut');
    await h.runPods();
    await h.converge();
    expect((await h.status()).handled).toEqual({ restart: 'monday' });
    expect(await h.condition('Reconciling')).toBe('False UpToDate');
    // Other workers for another reason: who asks later whether the restart is done is told so.
    h.setGroup((spec) => (spec['template'] = { metadata: { labels: { team: 'shop' } } }));
    await h.converge();
    expect(await h.condition('Reconciling')).toBe('True RollingOut');
    expect((await h.status()).handled).toEqual({ restart: 'monday' });
    await h.runPods();
    await h.converge();
    annotate({ 'kcg.dev/restart': 'tuesday' });
    await h.converge();
    expect(await pods()).toEqual({ restart: 'tuesday', revision: '4' });
    expect((await h.status()).handled).toBeUndefined();
  });

  test('replaces nobody when it is taken off, also by another operator', async () => {
    annotate({ 'kcg.dev/restart': 'monday' });
    await h.converge();
    await h.runPods();
    await h.converge();
    unannotate('kcg.dev/restart');
    h.restart();
    await h.converge();
    expect(await pods()).toEqual({ restart: 'monday', revision: '2' });
    expect((await h.status()).handled).toBeUndefined();
  });

  test('is done at once where no worker runs', async () => {
    h.setGroup((spec) => (spec['desiredState'] = 'Stopped'));
    h.cluster.remove(KINDS.deployment, { namespace: 'shop', name: 'orders-worker' });
    annotate({ 'kcg.dev/restart': 'monday' });
    await h.converge();
    expect((await h.status()).handled).toEqual({ restart: 'monday' });
  });

  test('is not said to be done while the workers may not be changed', async () => {
    h.faults.set('apply Deployment', new KcgError('AccessDenied', 'no'));
    annotate({ 'kcg.dev/restart': 'monday' });
    await h.reconcile().catch(() => {});
    expect((await h.status()).handled).toBeUndefined();
    h.faults.clear();
    await h.clock.advance(10_000);
    await h.converge();
    await h.runPods();
    await h.converge();
    expect((await h.status()).handled).toEqual({ restart: 'monday' });
  });
});

describe('the annotation kcg.dev/reconcile', () => {
  const looks = () => h.calls.filter((call) => call === 'describe stream').length;
  test('has stream and table looked at now, once, and is answered', async () => {
    h.setGroup((spec) => (spec['checkpoints'] = { table: { pointInTimeRecovery: true } }));
    await h.converge();
    const [table] = h.tables.tables.values();
    table!.pointInTimeRecovery = false;
    await h.converge();
    expect(table).toMatchObject({ pointInTimeRecovery: false });
    const before = looks();
    annotate({ 'kcg.dev/reconcile': '1' });
    await h.converge();
    expect(looks()).toBe(before + 1);
    expect([...h.tables.tables.values()]).toMatchObject([{ pointInTimeRecovery: true }]);
    expect((await h.status()).handled).toEqual({ reconcile: '1' });
    await h.converge();
    h.restart();
    await h.converge();
    expect(looks()).toBe(before + 2);
    annotate({ 'kcg.dev/reconcile': '2' });
    await h.converge();
    expect(looks()).toBe(before + 3);
    expect((await h.status()).handled).toEqual({ reconcile: '2' });
  });

  test('asks at once for what was missing a moment ago', async () => {
    h.kinesis.deleteStream('orders');
    await h.clock.advance(60_000);
    await h.converge();
    h.kinesis.createStream({ name: 'orders', shardCount: 3 });
    await h.reconcile();
    expect(await h.condition('StreamReady')).toBe('False StreamNotFound');
    annotate({ 'kcg.dev/reconcile': '1' });
    await h.reconcile();
    expect(await h.condition('StreamReady')).toBe('True StreamActive');
  });

  test('answers as much of a long value as the status has room for', async () => {
    annotate({ 'kcg.dev/reconcile': 'x'.repeat(10_000) });
    await h.converge();
    expect((await h.status()).handled).toEqual({ reconcile: 'x'.repeat(256) });
  });
});
