import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import type { Row } from '../../src/leases/row.ts';
import { KINDS } from '../../src/operator/cluster.ts';
import { groupObject, Harness, NAME, WORKER } from './reconcile-harness.ts';

let h: Harness;
beforeEach(() => {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: 3 });
});
afterEach(() => h.close());

function create(spec: Record<string, unknown> = {}, metadata: Record<string, unknown> = {}): void {
  h.cluster.create(KINDS.consumerGroup, groupObject(spec, metadata));
}

describe('a new group', () => {
  test('gets its table, its claim, a Deployment per its shards, and becomes Ready', async () => {
    create();
    await h.converge();
    expect(h.tables.tables.get('kinesis-checkpoints-shop-orders')).toMatchObject({
      ttlAttribute: 'ttl',
      deletionProtection: true,
      tags: { 'kcg.dev/created-by': 'kcg', 'kcg.dev/group-id': 'shop.orders' },
    });
    expect(await h.table().get('group#claim', { consistent: true })).toMatchObject({
      cluster_id: 'cluster-1',
      resource_uid: (await h.group()).metadata.uid,
      stream_arn: 'arn:aws:kinesis:eu-west-1:000000000000:stream/orders',
    });
    expect(await h.replicas()).toBe(3);
    expect(await h.condition('Ready')).toBe('False WorkersStarting');
    expect(await h.condition('Reconciling')).toBe('True RollingOut');
    await h.runWorkers();
    await h.converge();
    const status = await h.status();
    expect(await h.condition('Ready')).toBe('True Available');
    expect(await h.condition('Reconciling')).toBe('False UpToDate');
    expect(await h.condition('Stalled')).toBe('False NotStalled');
    expect(status.summary).toEqual({ shards: '3/3', pods: '3/3', lag: '0s' });
    expect(status).toMatchObject({
      groupId: 'shop.orders',
      replicas: 3,
      readyReplicas: 3,
      stream: { openShards: 3, closedShards: 0, retentionHours: 24 },
      leases: { total: 3, owned: 3, unowned: 0, workers: 3 },
      table: { status: 'ACTIVE', created: true },
      scaling: { desired: 3 },
    });
  });

  test('makes no write at all when it is looked at again', async () => {
    create();
    await h.converge();
    await h.runWorkers();
    await h.converge();
    const before = h.writeCount();
    for (let pass = 0; pass < 5; pass += 1) {
      await h.clock.advance(5_000);
      await h.reconcile();
    }
    expect(h.writeCount()).toBe(before);
  });

  test('is left alone by an operator that has just started', async () => {
    create();
    await h.converge();
    await h.runWorkers();
    await h.converge();
    await h.clock.advance(1_000);
    h.restart();
    const before = h.writeCount();
    await h.reconcile();
    expect(h.writeCount()).toBe(before);
  });

  test('carries its configuration in the pod template', async () => {
    create({ initialPosition: { type: 'Latest' } });
    await h.converge();
    const { template } = (await h.deployment())!.spec as {
      template: { spec: { containers: { env: { name: string; value?: string }[] }[] } };
    };
    const env = template.spec.containers[0]!.env;
    expect(JSON.parse(env.find(({ name }) => name === 'KCG_WORKER_CONFIG')!.value!)).toMatchObject({
      groupId: 'shop.orders',
      stream: { name: 'orders' },
      region: 'eu-west-1',
      table: 'kinesis-checkpoints-shop-orders',
      initialPosition: { type: 'Latest' },
      handler: { type: 'log' },
      paused: false,
    });
    const creation = Date.parse((await h.group()).metadata.creationTimestamp!);
    expect(await h.table().get('group#claim', { consistent: true })).toMatchObject({ start_at: creation });
  });

  test('is told of by events', async () => {
    create();
    await h.converge();
    await h.runWorkers();
    await h.converge();
    const reasons = h.cluster.events.map(({ type, reason }) => `${type} ${reason}`);
    expect(reasons).toEqual(
      expect.arrayContaining(['Normal TableCreating', 'Normal Claimed', 'Normal Scaled', 'Normal Available']),
    );
    expect(reasons.filter((reason) => reason.startsWith('Warning'))).toEqual([]);
  });
});

describe('what blocks a group becomes a condition', () => {
  const denied = new KcgError('AccessDenied', 'may not call dynamodb:DescribeTable on table t', {
    fix: 'Allow it.',
  });
  test.each<[string, Record<string, unknown>, () => void, string, string]>([
    ['no such stream', { stream: { name: 'none' } }, () => {}, 'StreamReady', 'False StreamNotFound'],
    ['no region', { region: undefined }, () => {}, 'StreamReady', 'False RegionUnknown'],
    ['a table of somebody else', {}, () => foreignTable(), 'TableReady', 'False TableNotAdopted'],
    [
      'an external table that is not there',
      { checkpoints: { table: { management: 'External' } } },
      () => {},
      'TableReady',
      'False TableNotFound',
    ],
    [
      'a table that may not be described',
      {},
      () => (h.tables.fault = denied),
      'TableReady',
      'False TableAccessDenied',
    ],
    [
      'a claim of another cluster',
      {},
      () => claimBy('cluster-2', 'x'),
      'GroupClaimed',
      'False ClaimedByOtherCluster',
    ],
    [
      'a container that the template lacks',
      { handler: { module: { path: '/app/h.mjs' } } },
      () => {},
      'WorkersAvailable',
      'False TemplateRejected',
    ],
  ])('%s', async (_, spec, prepare, type, expected) => {
    prepare();
    create(spec);
    await h.converge();
    expect(await h.condition(type)).toBe(expected);
    expect(await h.condition('Stalled')).toBe(expected.replace('False', 'True'));
    expect(await h.condition('Ready')).toBe(expected);
    expect(await h.deployment()).toBeUndefined();
    expect(h.cluster.events.some((event) => event.type === 'Warning')).toBe(true);
  });

  test('an invalid spec is Stalled, with what is wrong', async () => {
    create({ handler: {} });
    expect(await h.reconcile()).toBeUndefined();
    expect(await h.condition('Stalled')).toBe('True InvalidSpec');
    expect(await h.message('Stalled')).toContain('set exactly one of http, module, exec and log');
    const before = h.writeCount();
    await h.reconcile();
    expect(h.writeCount()).toBe(before);
  });

  test('a service that does not answer leaves what runs as it is', async () => {
    create();
    await h.converge();
    await h.runWorkers();
    await h.converge();
    h.rowFault = new KcgError('Unavailable', 'DynamoDB did not answer');
    await h.clock.advance(300_000);
    h.kinesis.faults = () => new KcgError('Unavailable', 'Kinesis did not answer');
    await h.reconcile();
    expect(await h.replicas()).toBe(3);
    expect(await h.condition('TableReady')).toBe('Unknown TableUnreachable');
    expect(await h.condition('StreamReady')).toBe('True StreamActive');
    expect(await h.condition('Reconciling')).toBe('True Retrying');
    h.restart();
    await h.reconcile();
    expect(await h.replicas()).toBe(3);
  });

  test('a Deployment of somebody else with our name is not touched', async () => {
    create();
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

  test('a field that somebody else manages is named', async () => {
    create();
    await h.converge();
    h.cluster.update(
      KINDS.deployment,
      WORKER,
      (draft) => ((draft.spec as { replicas: number }).replicas = 9),
      'kubectl-scale',
    );
    await h.converge().catch(() => {});
    expect(await h.replicas()).toBe(9);
    expect(await h.condition('WorkersAvailable')).toBe('False FieldConflict');
    expect(await h.message('WorkersAvailable')).toContain('.spec.replicas by "kubectl-scale"');
  });
});

describe('the claim', () => {
  test('of a resource that is gone is taken over', async () => {
    claimBy('cluster-1', 'old-uid');
    create();
    await h.converge();
    expect(await h.condition('GroupClaimed')).toBe('True Claimed');
  });

  test('of another cluster is taken over when the annotation names it', async () => {
    claimBy('cluster-2', 'x');
    create({}, { annotations: { 'kcg.dev/take-over': 'cluster-2' } });
    await h.converge();
    expect(await h.condition('GroupClaimed')).toBe('True Claimed');
    expect(await h.replicas()).toBe(3);
  });

  test('of a resource that lives is respected, and its workers go on', async () => {
    create();
    await h.converge();
    const other = groupObject({ groupId: 'shop.orders' }, { name: 'orders2' });
    h.cluster.create(KINDS.consumerGroup, other);
    await h.converge('shop/orders2');
    expect(await h.condition('GroupClaimed', { namespace: 'shop', name: 'orders2' })).toBe(
      'False ClaimedByOtherResource',
    );
    await h.converge();
    expect(await h.condition('GroupClaimed')).toBe('True Claimed');
  });

  test('of a stream that was deleted and created again stops the workers', async () => {
    create();
    await h.converge();
    await h.runWorkers();
    h.kinesis.deleteStream('orders');
    await h.clock.advance(10_000);
    h.kinesis.createStream({ name: 'orders', shardCount: 3 });
    await h.clock.advance(60_000);
    await h.converge();
    expect(await h.condition('GroupClaimed')).toBe('False StreamReplaced');
    expect(await h.replicas()).toBe(0);
  });
});

describe('workers', () => {
  beforeEach(async () => {
    create();
    await h.converge();
    await h.runWorkers();
    await h.converge();
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

  test('lag and positions move the status only in steps', async () => {
    const lagging = (ms: number) => {
      const shard = h.kinesis.listShards('orders').shards[0]!.shardId;
      const row = h
        .table()
        .rows()
        .find(({ shard_id }) => shard_id === 'worker#orders-worker-0')!;
      h.table().store(row.shard_id, { ...row, lagging: { [shard]: ms } } as Row);
      const lease = h
        .table()
        .rows()
        .find(({ shard_id }) => shard_id === shard)!;
      h.table().store(shard, { ...lease, sequence: String(1000 + ms), ts: Math.floor(h.clock.now() / 1000) });
    };
    lagging(11_000);
    await h.reconcile();
    expect((await h.status()).summary?.lag).toBe('15s');
    const before = h.writeCount();
    lagging(12_000);
    await h.clock.advance(5_000);
    await h.reconcile();
    lagging(14_000);
    await h.reconcile();
    expect(h.writeCount()).toBe(before);
    lagging(16_000);
    await h.reconcile();
    expect((await h.status()).summary?.lag).toBe('20s');
    expect(h.writeCount()).toBe(before + 1);
  });
});

describe('deletion', () => {
  const gone = async () => (await h.cluster.get(KINDS.consumerGroup, NAME)) === undefined;
  const started = async (checkpoints: Record<string, unknown>) => {
    create({ checkpoints });
    await h.converge();
    await h.runWorkers();
    await h.converge();
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

  test('with Delete spares a table that kcg has not created, and deletes the rows', async () => {
    foreignTable();
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

function foreignTable(): void {
  h.tables.tables.set('kinesis-checkpoints-shop-orders', {
    name: 'kinesis-checkpoints-shop-orders',
    arn: 'arn:aws:dynamodb:eu-west-1:000000000000:table/t',
    status: 'ACTIVE',
    keySchema: 'group_id HASH, shard_id RANGE',
    createdAt: 0,
    billing: { mode: 'OnDemand' },
    ttlAttribute: 'ttl',
    tags: {},
    pointInTimeRecovery: false,
    deletionProtection: false,
    kmsKeyArn: undefined,
    tableClass: 'Standard',
  });
}

function claimBy(cluster: string, uid: string): void {
  h.table().store('group#claim', { shard_id: 'group#claim', cluster_id: cluster, resource_uid: uid });
}

function endContainer(pod: string, finishedMs: number): void {
  const finishedAt = `${new Date(finishedMs).toISOString().slice(0, 19)}Z`;
  h.cluster.update(KINDS.pod, { namespace: 'shop', name: pod }, (draft) => {
    const containerStatuses = [{ name: 'worker', state: { terminated: { finishedAt } } }];
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
