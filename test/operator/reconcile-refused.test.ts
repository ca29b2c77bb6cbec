import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { KINDS, type KubeObject } from '../../src/kubernetes/cluster.ts';
import { Harness, WORKER } from './reconcile-harness.ts';

let h: Harness;
beforeEach(() => {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: 3 });
});
afterEach(() => h.close());

/** Looks as often as the passes ask for, for `minutes`; returns how many there were. */
async function lookFor(minutes: number): Promise<number> {
  const endMs = h.clock.monotonic() + minutes * 60_000;
  let looks = 0;
  while (h.clock.monotonic() < endMs) {
    const inMs = await h.reconcile().catch((thrown: unknown) => {
      if (thrown instanceof KcgError) return 1_000;
      throw thrown;
    });
    looks += 1;
    await h.clock.advance(inMs ?? 60_000);
  }
  return looks;
}

const budget = () => h.cluster.get(KINDS.podDisruptionBudget, WORKER);
const called = (call: string) => h.calls.filter((each) => each === call).length;
const forbidden = new KcgError('AccessDenied', 'cannot patch poddisruptionbudgets: no');

describe('what is refused is asked for less and less often', () => {
  test.each<[string, KcgError]>([
    ['PodDisruptionBudget', forbidden],
    ['PodDisruptionBudget', new KcgError('Unavailable', 'failed calling webhook')],
    ['Deployment', new KcgError('InvalidInput', 'admission webhook denied the request')],
    ['Deployment', new KcgError('AccessDenied', 'cannot patch deployments: no')],
  ])('%s: %s, while the group is looked at as ever', async (kind, fault) => {
    await h.createRunning();
    h.faults.set(`apply ${kind}`, fault);
    h.faults.set(`get ${kind}`, fault);
    h.cluster.remove(KINDS.podDisruptionBudget, WORKER);
    h.setGroup((spec) => (spec['leases'] = { durationSeconds: 20 }));
    h.calls.length = 0;
    // As often as without the fault: every five seconds.
    expect(await lookFor(5)).toBeGreaterThan(50);
    const tries = called(`apply ${kind}`) + called(`get ${kind}`);
    expect(tries).toBeGreaterThan(3);
    expect(tries).toBeLessThan(15);
  });

  test('a Deployment that was never made, and is not looked for in between', async () => {
    h.faults.set('apply Deployment', new KcgError('AccessDenied', 'cannot patch deployments: no'));
    h.create();
    await lookFor(1);
    h.calls.length = 0;
    await lookFor(10);
    expect(called('apply Deployment')).toBeGreaterThan(1);
    // Each try has a look of its own, and there is one a minute beside, and one for the table.
    expect(called('get Deployment')).toBeLessThan(22);
    h.faults.clear();
    await lookFor(6);
    expect(await h.replicas()).toBe(3);
  });

  test('and at once when the group asks for something else', async () => {
    await h.createRunning();
    h.faults.set('apply Deployment', new KcgError('InvalidInput', 'denied'));
    h.setGroup((spec) => (spec['leases'] = { durationSeconds: 20 }));
    await lookFor(5);
    expect(await h.condition('WorkersAvailable')).toBe('False TemplateRejected');
    h.faults.clear();
    await h.reconcile();
    expect(await h.condition('WorkersAvailable')).toBe('False TemplateRejected');
    h.setGroup((spec) => (spec['leases'] = { durationSeconds: 25 }));
    await h.reconcile();
    expect((await h.deployment())?.metadata.annotations?.['kcg.dev/revision']).toBe('2');
  });
});

describe('the PodDisruptionBudget', () => {
  const own: KubeObject = {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: WORKER,
    spec: { minAvailable: 1 },
  };

  test('lets pods go that are not ready', async () => {
    await h.createRunning();
    expect((await budget())?.spec).toMatchObject({
      maxUnavailable: '25%',
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
    });
  });

  test.each([
    ['without our labels', {}],
    ['with them', { 'app.kubernetes.io/managed-by': 'kcg' }],
  ])('of somebody else with its name, %s, is left alone and told of once', async (_, labels) => {
    h.cluster.create(KINDS.podDisruptionBudget, { ...own, metadata: { ...WORKER, labels } });
    await h.createRunning();
    h.calls.length = 0;
    await lookFor(10);
    expect(await budget()).toMatchObject({ spec: own.spec });
    expect((await budget())?.metadata.ownerReferences).toBeUndefined();
    expect(called('apply PodDisruptionBudget')).toBe(0);
    expect(called('get PodDisruptionBudget')).toBeLessThan(15);
    const told = h.cluster.events.filter(({ reason }) => reason === 'FieldConflict');
    expect(told.map(({ count }) => count)).toEqual([1]);
    expect(told[0]?.note).toContain('set disruptionBudget.management to External');
    expect(await h.condition('Ready')).toBe('True Available');
    expect(await h.condition('Reconciling')).toBe('False UpToDate');
  });

  test('is removed when the user brings one, and comes back', async () => {
    await h.createRunning();
    h.setGroup((spec) => (spec['disruptionBudget'] = { management: 'External' }));
    await h.converge();
    expect(await budget()).toBeUndefined();
    // Theirs may have the name.
    h.cluster.create(KINDS.podDisruptionBudget, own);
    await h.converge();
    expect(await budget()).toMatchObject({ spec: own.spec });
    h.cluster.remove(KINDS.podDisruptionBudget, WORKER);
    h.setGroup((spec) => delete spec['disruptionBudget']);
    await h.converge();
    expect(await budget()).toMatchObject({ spec: { maxUnavailable: '25%' } });
  });
});

describe('a Deployment whose labels somebody took off', () => {
  test('gets them back, and no pod is replaced', async () => {
    await h.createRunning();
    const before = await h.deployment();
    h.cluster.update(KINDS.deployment, WORKER, (draft) => (draft.metadata.labels = {}));
    await h.converge();
    const after = await h.deployment();
    expect(after?.metadata).toMatchObject({ uid: before?.metadata.uid, labels: before?.metadata.labels });
    expect(after?.spec).toEqual(before?.spec);
  });

  test('is not made anew while nobody can say whether it is there', async () => {
    await h.createRunning();
    const before = await h.deployment();
    h.cluster.update(KINDS.deployment, WORKER, (draft) => (draft.metadata.labels = {}));
    h.faults.set('get Deployment', new KcgError('Unavailable', 'nobody answers'));
    await expect(h.reconcile()).rejects.toThrow('nobody answers');
    h.faults.clear();
    expect((await h.deployment())?.spec).toEqual(before?.spec);
    expect(await h.condition('WorkersAvailable')).toBe('False ApplyFailed');
  });
});
