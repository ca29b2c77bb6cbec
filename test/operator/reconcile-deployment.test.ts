import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import { Harness, NAME, WORKER } from './reconcile-harness.ts';

let h: Harness;
beforeEach(() => {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: 3 });
});
afterEach(() => h.close());

describe('the Deployment', () => {
  test('a Deployment of somebody else with our name is not touched', async () => {
    h.create();
    h.cluster.create(KINDS.deployment, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { ...WORKER },
      spec: { replicas: 7 },
    });
    await h.converge();
    expect(await h.replicas()).toBe(7);
    expect(await h.condition('WorkersAvailable')).toBe('False FieldConflict');
  });

  test('one that is deleted comes back with a revision after that of the workers', async () => {
    await h.createRunning();
    await h.cluster.delete(KINDS.deployment, WORKER);
    await h.converge();
    expect((await h.deployment())?.metadata.annotations?.['kcg.dev/revision']).toBe('2');
  });

  test('one that has changed since it was seen is not taken for what is asked for now', async () => {
    await h.createRunning();
    const apply = h.cluster.apply.bind(h.cluster);
    h.cluster.apply = async (kind, ...given) =>
      kind === KINDS.deployment ? { outcome: 'lost', message: 'it has changed' } : apply(kind, ...given);
    h.setGroup((spec) => (spec['leases'] = { durationSeconds: 20 }));
    await h.reconcile();
    expect((await h.status()).observedGeneration).toBe((await h.group()).metadata.generation);
    expect(await h.condition('Reconciling')).toBe('True RollingOut');
    h.cluster.apply = apply;
    await h.converge();
    expect((await h.deployment())?.metadata.annotations?.['kcg.dev/revision']).toBe('2');
  });

  describe('that a backup brings back without its owner', () => {
    const restored = async (metadata: Record<string, unknown>) => {
      await h.createRunning();
      for (const kind of [KINDS.deployment, KINDS.podDisruptionBudget])
        h.cluster.update(kind, WORKER, (draft) => Object.assign(draft.metadata, metadata));
      await h.converge();
      const objects = await Promise.all(
        [KINDS.deployment, KINDS.podDisruptionBudget].map((kind) => h.cluster.get(kind, WORKER)),
      );
      return objects.map((object) => object?.metadata.ownerReferences?.map(({ name }) => name));
    };

    test('is the group’s again, and no pod is started anew', async () => {
      expect(await restored({ ownerReferences: [] })).toEqual([['orders'], ['orders']]);
      expect(await h.condition('Ready')).toBe('True Available');
      expect((await h.deployment())?.metadata.annotations?.['kcg.dev/revision']).toBe('1');
    });

    test('is not told as scaled to the group that comes after it', async () => {
      await h.createRunning();
      for (const kind of [KINDS.deployment, KINDS.podDisruptionBudget])
        h.cluster.update(kind, WORKER, ({ metadata }) => (metadata.ownerReferences = []));
      h.cluster.remove(KINDS.consumerGroup, NAME);
      await h.reconcile();
      await h.clock.advance(10_000);
      h.create();
      await h.converge();
      expect(await h.replicas()).toBe(3);
      const { uid } = (await h.group()).metadata;
      const told = h.cluster.events.filter(({ regarding }) => regarding.metadata.uid === uid);
      expect(told.map(({ note }) => note).join()).not.toContain('from 0 to 3');
      expect((await h.status()).scaling).not.toHaveProperty('lastScale');
    });

    test('stays somebody else’s when somebody else owns it', async () => {
      const theirs = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'shop', name: 'theirs' } };
      const { uid } = h.cluster.create(KINDS.configMap, theirs).metadata;
      const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'theirs', uid, controller: true };
      expect(await restored({ ownerReferences: [owner] })).toEqual([['theirs'], ['theirs']]);
      expect(await h.condition('Stalled')).toBe('True FieldConflict');
    });
  });

  test('a Deployment of an older group of this name is waited for', async () => {
    h.create();
    const owner = {
      apiVersion: 'kcg.dev/v1alpha1',
      kind: 'KinesisConsumerGroup',
      name: 'orders',
      uid: 'old',
    };
    h.cluster.create(KINDS.deployment, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      // Its pods are still there, which its deletion waits for.
      metadata: {
        ...WORKER,
        finalizers: ['foregroundDeletion'],
        ownerReferences: [{ ...owner, controller: true }],
      },
      spec: { replicas: 7 },
    });
    await h.converge();
    expect(await h.replicas()).toBe(7);
    expect(await h.condition('Stalled')).toBe('False NotStalled');
    expect(await h.condition('Reconciling')).toBe('True RollingOut');
    expect(await h.message('Ready')).toContain('of an older group of this name is being removed');
    h.cluster.update(KINDS.deployment, WORKER, (draft) => (draft.metadata.finalizers = []));
    await h.converge();
    expect(await h.replicas()).toBe(3);
  });

  test('a Deployment that has lost its labels stops with its group all the same', async () => {
    h.create();
    await h.converge();
    await h.runWorkers();
    h.cluster.update(KINDS.deployment, WORKER, ({ metadata }) => (metadata.labels = {}));
    h.setGroup((spec) => (spec['desiredState'] = 'Stopped'));
    await h.converge();
    expect(await h.replicas()).toBe(0);
  });

  test('fields of the Deployment that somebody else sets are set back, and that is told', async () => {
    h.create();
    await h.converge();
    h.cluster.update(
      KINDS.deployment,
      WORKER,
      (draft) => ((draft.spec as { replicas: number }).replicas = 9),
      'kubectl-scale',
    );
    h.setGroup((spec) => (spec['leases'] = { durationSeconds: 20 }));
    await h.converge();
    expect(await h.replicas()).toBe(3);
    expect((await h.deployment())?.metadata.annotations?.['kcg.dev/revision']).toBe('2');
    expect(await h.condition('Stalled')).toBe('False NotStalled');
    const told = h.cluster.events.filter(({ reason }) => reason === 'FieldConflict');
    expect(told.map(({ note }) => note).join()).toContain('.spec.replicas by "kubectl-scale"');
  });
});
