import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import type { ObservedTable } from '../../src/table/table-admin.ts';
import { parseGroup } from '../../src/api/group.ts';
import { groupObject, Harness, NAME, WORKER } from './reconcile-harness.ts';

let h: Harness;
beforeEach(() => {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: 3 });
});
afterEach(() => h.close());

describe('deletion', () => {
  const gone = async () => (await h.cluster.get(KINDS.consumerGroup, NAME)) === undefined;
  const started = async (checkpoints: Record<string, unknown>) => {
    await h.createRunning({ checkpoints });
  };
  const stopPods = async () => {
    for (const pod of await h.cluster.list(KINDS.pod)) h.cluster.remove(KINDS.pod, pod.metadata as never);
  };

  test('with Retain asks nobody', async () => {
    await started({ deletionPolicy: 'Retain' });
    h.tables.fault = new KcgError('Unavailable', 'no network');
    h.rowFault = h.tables.fault;
    h.cluster.remove(KINDS.consumerGroup, NAME);
    expect(await gone()).toBe(true);
    await h.reconcile();
    expect(h.tables.tables.size).toBe(1);
  });

  test('with Delete stops the workers first, then deletes the table', async () => {
    await started({ deletionPolicy: 'Delete' });
    expect((await h.group()).metadata.finalizers).toEqual(['kcg.dev/cleanup']);
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await h.reconcile();
    expect(await h.deployment()).toBeUndefined();
    expect(await h.condition('Ready')).toBe('False Deleting');
    expect(h.tables.tables.size).toBe(1);
    await stopPods();
    await h.reconcile();
    expect(h.tables.tables.size).toBe(0);
    expect(await gone()).toBe(true);
  });

  test('says so when its workers may not be stopped', async () => {
    await started({ deletionPolicy: 'Delete' });
    h.faults.set(
      'delete Deployment',
      new KcgError('AccessDenied', 'cannot delete deployments shop/orders-worker: no'),
    );
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await h.reconcile();
    expect(h.isStuck).toBe(true);
    expect(await h.condition('Ready')).toBe('False Deleting');
    expect(await h.message('Ready')).toMatch(/cannot delete deployments.*Or set .*Retain/);
    h.faults.clear();
    await h.reconcile();
    await stopPods();
    await h.reconcile();
    expect(await gone()).toBe(true);
  });

  test('names the pod that does not go, and what to do when its node is gone', async () => {
    await started({ deletionPolicy: 'Delete' });
    const lost = { namespace: 'shop', name: 'orders-worker-1' };
    h.cluster.update(KINDS.pod, lost, (draft) => {
      draft.metadata.finalizers = ['the-kubelet/of-its-node'];
      draft.spec = { nodeName: 'node-7' };
    });
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await h.reconcile();
    expect(await h.message('Ready')).toMatch(/orders-worker-0, orders-worker-1, orders-worker-2\.$/);
    await stopPods();
    await h.clock.advance(120_000);
    await h.reconcile();
    expect(await h.message('Ready')).toMatch(/orders-worker-1 \(node node-7\) .* --force orders-worker-1$/);
    const before = h.writeCount();
    await h.clock.advance(120_000);
    await h.reconcile();
    expect(h.writeCount()).toBe(before);
  });

  test('names the Deployment that keeps pods running and is no longer of the group', async () => {
    await started({ deletionPolicy: 'Delete' });
    h.cluster.update(KINDS.deployment, WORKER, (draft) => {
      draft.metadata.ownerReferences = [];
    });
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await h.reconcile();
    expect(await h.deployment()).toBeDefined();
    expect(await h.message('Ready')).toMatch(
      /waiting for 3 .* kubectl delete deployment -n shop orders-worker$/,
    );
  });

  test('stops the workers of a Deployment that has lost its labels, which no watch shows', async () => {
    await started({ deletionPolicy: 'Delete' });
    h.cluster.update(KINDS.deployment, WORKER, ({ metadata }) => (metadata.labels = {}));
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await h.reconcile();
    expect(await h.deployment()).toBeUndefined();
    await stopPods();
    await h.reconcile();
    expect(await gone()).toBe(true);
  });

  test('of a group that was stalled is none', async () => {
    await started({ deletionPolicy: 'Delete' });
    h.setGroup((spec) => (spec['handler'] = {}));
    await h.reconcile();
    expect(await h.condition('Stalled')).toBe('True InvalidSpec');
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await h.reconcile();
    expect(await h.condition('Reconciling')).toBe('True CleaningUp');
    expect(await h.condition('Stalled')).toBe('False NotStalled');
  });

  test('tells how many pods are left, and nothing that nobody looks at any more', async () => {
    await started({ deletionPolicy: 'Delete' });
    expect(await h.status()).toMatchObject({ summary: { shards: '3/3', pods: '3/3' } });
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await h.reconcile();
    const status = await h.status();
    expect(status).toMatchObject({ summary: { pods: '3/0' }, replicas: 3, readyReplicas: 3 });
    expect(status.conditions?.map(({ type }) => type)).toEqual(['Ready', 'Reconciling', 'Stalled']);
    expect(status).not.toHaveProperty('leases');
    await stopPods();
    h.tables.fault = new KcgError('Unavailable', 'no network');
    await h.reconcile();
    expect(await h.status()).toMatchObject({ summary: { pods: '0/0' }, replicas: 0 });
  });

  test.each([
    [{ deletionPolicy: 'Delete' }, { deletionPolicy: 'Retain' }],
    [{ deletionPolicy: 'Expire', expireAfterDays: 3 }, { deletionPolicy: 'Retain' }],
  ])('of %j advises what the schema takes', async (checkpoints, advised) => {
    await started(checkpoints);
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await stopPods();
    h.tables.fault = new KcgError('Unavailable', 'no network');
    await h.reconcile();
    await h.reconcile();
    const says = (await h.message('Ready')) ?? '';
    expect(says).toContain('set checkpoints.deletionPolicy to Retain');
    const next: Record<string, unknown> = { ...checkpoints, ...advised };
    if (/remove checkpoints.expireAfterDays/.test(says)) delete next['expireAfterDays'];
    expect(parseGroup(groupObject({ checkpoints: next })).outcome).toBe('ok');
  });

  test('with Delete spares a table that kcg has not created, and deletes the rows', async () => {
    h.foreignTable();
    await started({ deletionPolicy: 'Delete', table: { adoption: 'Always' } });
    expect(h.table().rows().length).toBeGreaterThan(0);
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await h.reconcile();
    await stopPods();
    await h.reconcile();
    expect(h.tables.tables.size).toBe(1);
    expect(h.table().rows()).toEqual([]);
    expect(await gone()).toBe(true);
  });

  test.each([
    ['Delete', { deletionPolicy: 'Delete' }, 0],
    ['Expire', { deletionPolicy: 'Expire', expireAfterDays: 7 }, 2],
  ])('with %s holds for what it has read as a shadow, too', async (_, policy, left) => {
    h.foreignTable();
    await started({ ...policy, table: { adoption: 'Always' } });
    h.setGroup((spec) => (spec['desiredState'] = 'Shadow'));
    await h.converge();
    const shadow = h.table('shop.orders.shadow', 'kinesis-checkpoints-shop-orders');
    shadow.store('shardId-000000000000', { shard_id: 'shardId-000000000000', sequence: '7', epoch: 1 });
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await h.reconcile();
    await stopPods();
    await h.reconcile();
    expect(await gone()).toBe(true);
    expect(shadow.rows().filter((row) => row['ttl'] !== undefined)).toHaveLength(left);
    expect(shadow.rows()).toHaveLength(left);
  });

  test.each([
    ['before it could claim', 'ACTIVE'],
    ['while the table was being created', 'CREATING'],
  ] as const)('with Delete %s deletes the table that it made', async (_, status) => {
    h.faults.set('claim group', new KcgError('Unavailable', 'away'));
    h.create({ checkpoints: { deletionPolicy: 'Delete' } });
    await expect(h.reconcile()).rejects.toThrow('away');
    const [name, table] = [...h.tables.tables][0]!;
    h.tables.tables.set(name, { ...table, status });
    h.cluster.remove(KINDS.consumerGroup, NAME);
    if (status === 'CREATING') {
      await h.reconcile();
      expect(await h.message('Ready')).toContain('waiting for table');
      h.tables.tables.set(name, table);
    }
    await h.reconcile();
    expect(h.tables.tables.size).toBe(0);
    expect(await gone()).toBe(true);
  });

  test.each<[string, Record<string, unknown>, string]>([
    ['Delete', { deletionPolicy: 'Delete', table: { adoption: 'Always' } }, 'deleted'],
    ['Expire', { deletionPolicy: 'Expire', expireAfterDays: 7 }, 'set to expire'],
  ])('with %s tells once what it did, also when its finalizer stays', async (_, checkpoints, done) => {
    if (checkpoints['table']) h.foreignTable();
    await started(checkpoints);
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await h.reconcile();
    await stopPods();
    h.faults.set('patchMetadata', new KcgError('Unavailable', 'away'));
    await expect(h.reconcile()).rejects.toThrow('away');
    h.faults.clear();
    await h.reconcile();
    expect(await gone()).toBe(true);
    const told = h.cluster.events.filter(({ reason }) => reason.startsWith('Rows'));
    expect(told.map(({ note }) => note)).toEqual([`7 rows of group shop.orders ${done}`]);
  });

  describe('with a policy that is set and a deletion that comes at once', () => {
    const setAndDelete = (policy = 'Delete') => {
      h.setGroup((spec) => (spec['checkpoints'] = { deletionPolicy: policy }));
      h.cluster.remove(KINDS.consumerGroup, NAME);
    };

    test('undoes what the policy says, after the workers have stopped', async () => {
      await started({});
      expect((await h.group()).metadata.finalizers).toBeUndefined();
      setAndDelete();
      expect(await gone()).toBe(true);
      expect(await h.reconcile()).toBe(3_000);
      expect(h.tables.tables.size).toBe(1);
      await stopPods();
      await h.reconcile();
      expect(h.tables.tables.size).toBe(0);
      const steps = h.tables.steps.length;
      await h.reconcile();
      expect(h.tables.steps.length).toBe(steps);
    });

    test('lets a group of that name begin only after that, and says so meanwhile', async () => {
      await started({});
      setAndDelete();
      h.create();
      await h.reconcile();
      expect(await h.condition('Ready')).toBe('False Progressing');
      expect(await h.condition('Reconciling')).toBe('True CleaningUp');
      expect(await h.message('Ready')).toMatch(
        /of this name was deleted just before.*waiting for .* to stop/,
      );
      expect((await h.status()).observedGeneration).toBeUndefined();
      const before = h.writeCount();
      await h.reconcile();
      expect(h.writeCount()).toBe(before);
      await stopPods();
      h.kinesis.deleteStream('orders');
      await h.clock.advance(10_000);
      h.kinesis.createStream({ name: 'orders', shardCount: 1 });
      await h.clock.advance(60_000);
      await h.converge();
      expect(await h.condition('GroupClaimed')).toBe('True Claimed');
      expect(h.table().rows()).toHaveLength(1);
    });

    test('ends with a word when it cannot, and holds nobody up for ever', async () => {
      await started({});
      setAndDelete();
      await h.reconcile();
      await stopPods();
      h.tables.fault = new KcgError('AccessDenied', 'may not call dynamodb:DeleteTable');
      for (let look = 0; look < 4; look += 1) expect(await h.reconcile()).toBe(60_000);
      expect(await h.reconcile()).toBeUndefined();
      const { reason, note } = h.cluster.events.at(-1)!;
      expect(`${reason}: ${note}`).toMatch(/^RowsKept: nothing more is deleted: may not call/);
    });

    test('undoes nothing when a person took the finalizer off', async () => {
      await started({ deletionPolicy: 'Delete' });
      h.cluster.update(KINDS.consumerGroup, NAME, (draft) => (draft.metadata.finalizers = []));
      h.cluster.remove(KINDS.consumerGroup, NAME);
      await h.reconcile();
      await stopPods();
      await h.reconcile();
      expect(h.tables.tables.size).toBe(1);
    });

    test('has a finalizer in time on a group that is annotated reconcile-paused', async () => {
      await started({});
      h.cluster.update(KINDS.consumerGroup, NAME, (draft) => {
        draft.metadata.annotations = { ...draft.metadata.annotations, 'kcg.dev/reconcile-paused': 'true' };
      });
      await h.converge();
      h.setGroup((spec) => (spec['checkpoints'] = { deletionPolicy: 'Delete' }));
      await h.converge();
      expect((await h.group()).metadata.finalizers).toEqual(['kcg.dev/cleanup']);
      expect(await h.condition('Reconciling')).toBe('False ReconcilePaused');
      h.cluster.remove(KINDS.consumerGroup, NAME);
      await h.reconcile();
      await stopPods();
      await h.reconcile();
      expect(h.tables.tables.size).toBe(0);
      expect(await gone()).toBe(true);
    });
  });

  describe('with Delete spares the table', () => {
    const checkpoints = { deletionPolicy: 'Delete', table: { name: 'shared' } };
    const other = { name: 'other' };
    const claim = { shard_id: 'group#claim', cluster_id: 'cluster-2', resource_uid: 'x' };

    test.each<[string, () => void, string]>([
      [
        'of a resource that names it too',
        () => h.create({ checkpoints: { table: { name: 'shared' } } }, other),
        'shop/other',
      ],
      [
        'of a resource whose spec is refused',
        () => h.create({ handler: {}, checkpoints: { table: { name: 'shared' } } }, other),
        'shop/other',
      ],
      [
        'in which a group has rows that no resource here is of',
        () => h.table('pay.orders', 'shared').store('group#claim', claim),
        'group pay.orders',
      ],
    ])('%s', async (_, prepare, name) => {
      await started(checkpoints);
      prepare();
      h.cluster.remove(KINDS.consumerGroup, NAME);
      await h.reconcile();
      await stopPods();
      await h.reconcile();
      expect(h.tables.tables.has('shared')).toBe(true);
      expect(h.table('shop.orders', 'shared').rows()).toEqual([]);
      expect(h.cluster.events.at(-1)?.note).toMatch(
        new RegExp(`rows? of group shop.orders deleted; the table stays, as others use it: ${name}$`),
      );
      expect(await gone()).toBe(true);
    });
  });

  describe('of a group whose spec cannot work any more', () => {
    const broken = async (change: Record<string, unknown>) => {
      await started({ deletionPolicy: 'Delete' });
      h.setGroup((spec) => Object.assign(spec, change));
      await h.reconcile();
      h.cluster.remove(KINDS.consumerGroup, NAME);
      await h.reconcile();
      await stopPods();
      await h.reconcile();
    };

    test('cleans up all the same', async () => {
      await broken({ handler: { lambda: {} }, comesLater: true });
      expect(h.tables.tables.size).toBe(0);
      expect(await gone()).toBe(true);
    });

    test('waits for somebody when that is what cannot be read', async () => {
      await broken({ checkpoints: { deletionPolicy: 'Archive' } });
      expect(await gone()).toBe(false);
      expect(await h.message('Ready')).toMatch(/deletionPolicy: "Archive" is not one of .* to Retain/);
      expect(await h.condition('Stalled')).toBe('True InvalidSpec');
      expect(await h.condition('Reconciling')).toBe('False Blocked');
      h.setGroup((spec) => Object.assign(spec, { checkpoints: { deletionPolicy: 'Retain' } }));
      await h.reconcile();
      expect(await gone()).toBe(true);
    });
  });

  test('with Expire gives every row its time', async () => {
    await started({ deletionPolicy: 'Expire', expireAfterDays: 7 });
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await h.reconcile();
    await stopPods();
    await h.reconcile();
    const ttl = Math.floor(h.clock.now() / 1000) + 7 * 86_400;
    expect(
      new Set(
        h
          .table()
          .rows()
          .map((row) => row['ttl']),
      ),
    ).toEqual(new Set([ttl]));
    expect(await gone()).toBe(true);
  });

  test.each<[string, Partial<ObservedTable>, string]>([
    ['on', {}, 'rows of group shop.orders set to expire'],
    ['off', { ttlAttribute: '' }, 'they stay: time to live of the table is off'],
    ['on for another attribute', { ttlAttribute: 'expires' }, 'time to live of the table is on for expires'],
    ['not known', { ttlAttribute: '', unread: { ttl: 'denied' } }, 'is not known: denied'],
  ])('with Expire tells what comes of it where time to live is %s', async (_, change, words) => {
    h.foreignTable(undefined, change);
    await started({ deletionPolicy: 'Expire', expireAfterDays: 7, table: { management: 'External' } });
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await h.reconcile();
    await stopPods();
    await h.reconcile();
    expect(h.cluster.events.at(-1)?.note).toContain(words);
    expect(await gone()).toBe(true);
  });

  test('with Expire is undone by a group that comes back in time, also when that is stopped', async () => {
    await started({ deletionPolicy: 'Expire', expireAfterDays: 7 });
    const [first] = h.kinesis.listShards('orders').shards;
    h.table().store(first!.shardId, {
      ...h.table().rows()[1]!,
      shard_id: first!.shardId,
      sequence: 'SHARD_END',
    });
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await h.reconcile();
    await stopPods();
    await h.reconcile();
    h.create({ desiredState: 'Stopped' });
    await h.reconcile();
    const kept = h
      .table()
      .rows()
      .filter(({ shard_id }) => !shard_id.startsWith('worker#'));
    expect(kept.filter((row) => 'ttl' in row)).toEqual([]);
    expect(kept).toHaveLength(4);
    expect(await h.condition('GroupClaimed')).toBe('True Claimed');
    expect(await h.condition('CheckpointsAtRisk')).toBe('False CheckpointsSafe');
  });

  test('waits when the region that it was in is not known any more, and says so', async () => {
    h.close();
    h = new Harness({ defaultRegion: 'eu-west-1' });
    h.kinesis.createStream({ name: 'orders', shardCount: 3 });
    h.create({ region: undefined, checkpoints: { deletionPolicy: 'Delete' } });
    await h.converge();
    await h.runWorkers();
    h.cluster.remove(KINDS.consumerGroup, NAME);
    h.reconciler = h.another({ defaultRegion: undefined });
    await h.reconcile();
    await stopPods();
    await h.reconcile();
    expect(await h.message('Ready')).toMatch(/^no region is known\..* Or set .*Retain/);
    h.restart();
    await h.reconcile();
    expect(h.tables.tables.size).toBe(0);
    expect(await gone()).toBe(true);
  });

  test('that cannot reach AWS says so, and ends when the policy becomes Retain', async () => {
    await started({ deletionPolicy: 'Delete' });
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await h.reconcile();
    await stopPods();
    h.tables.fault = new KcgError('AccessDenied', 'may not call dynamodb:DeleteTable');
    await h.reconcile();
    expect(await h.message('Ready')).toContain('set checkpoints.deletionPolicy to Retain');
    h.setGroup((spec) => (spec['checkpoints'] = { deletionPolicy: 'Retain' }));
    await h.reconcile();
    expect(await gone()).toBe(true);
  });
});
