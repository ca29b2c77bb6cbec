import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import { groupObject, Harness } from './reconcile-harness.ts';

let h: Harness;
beforeEach(() => {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: 3 });
});
afterEach(() => h.close());

describe('a new group', () => {
  test('gets its table, its claim, a Deployment per its shards, and becomes Ready', async () => {
    h.create();
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
    await h.createRunning();
    const before = h.writeCount();
    for (let pass = 0; pass < 5; pass += 1) {
      await h.clock.advance(5_000);
      await h.reconcile();
    }
    expect(h.writeCount()).toBe(before);
  });

  test('is left alone by an operator that has just started', async () => {
    await h.createRunning();
    await h.clock.advance(1_000);
    h.restart();
    const before = h.writeCount();
    await h.reconcile();
    expect(h.writeCount()).toBe(before);
  });

  test('carries its configuration in the pod template', async () => {
    h.create({ initialPosition: { type: 'Latest' } });
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
    });
    const creation = Date.parse((await h.group()).metadata.creationTimestamp!);
    const claim = await h.table().get('group#claim', { consistent: true });
    expect(claim?.['start_at']).toBeGreaterThan(creation - 5_000);
    expect(claim?.['start_at']).toBeLessThanOrEqual(creation);
  });

  test('is told of by events', async () => {
    await h.createRunning();
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
    h.create(spec);
    await h.converge();
    // What may be made at the same time is waited for, for so long.
    await h.clock.advance(600_000);
    await h.converge();
    expect(await h.condition(type)).toBe(expected);
    expect(await h.condition('Stalled')).toBe(expected.replace('False', 'True'));
    // For the alert.
    expect(h.isStuck).toBe(true);
    expect(await h.condition('Ready')).toBe(expected);
    expect(await h.deployment()).toBeUndefined();
    expect(h.cluster.events.some((event) => event.type === 'Warning')).toBe(true);
  });

  test('an invalid spec is Stalled, with what is wrong', async () => {
    h.create({ handler: {} });
    await h.reconcile();
    expect(h.isStuck).toBe(true);
    expect(await h.condition('Stalled')).toBe('True InvalidSpec');
    expect(await h.message('Stalled')).toContain('set exactly one of http, module, exec, lambda and log');
    const before = h.writeCount();
    await h.reconcile();
    expect(h.writeCount()).toBe(before);
  });

  test('a field of a newer release changes nothing', async () => {
    h.create();
    await h.converge();
    const before = h.kubeWrites().length;
    h.setGroup((spec) => Object.assign(spec, { comesLater: { enabled: true } }));
    await h.converge();
    expect(await h.condition('Stalled')).toBe('False NotStalled');
    // The new generation was seen, that is all.
    expect(h.kubeWrites().slice(before)).toMatchObject([{ verb: 'applyStatus' }]);
  });

  test('a service that does not answer leaves what runs as it is', async () => {
    await h.createRunning();
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

  test('a table that is deleted is never made anew, also not by an operator that starts later', async () => {
    await h.createRunning();
    h.tables.tables.clear();
    const created = () => h.tables.steps.filter(({ step }) => step.do === 'create').length;
    expect(created()).toBe(1);
    h.restart();
    for (let hour = 0; hour < 3; hour += 1) {
      await h.converge();
      await h.clock.advance(3_600_000);
    }
    h.restart();
    await h.converge();
    expect(created()).toBe(1);
    expect(await h.condition('TableReady')).toBe('False TableGone');
    expect(await h.condition('Stalled')).toBe('True TableGone');
    expect(await h.message('TableReady')).toContain('Restore the table from a backup');
  });
});

describe('the claim', () => {
  test('of a resource that is gone is taken over', async () => {
    claimBy('cluster-1', 'old-uid');
    h.create();
    await h.converge();
    expect(await h.condition('GroupClaimed')).toBe('True Claimed');
  });

  test('of another cluster is taken over when the annotation names it', async () => {
    claimBy('cluster-2', 'x');
    h.create({}, { annotations: { 'kcg.dev/take-over': 'cluster-2' } }); // a claim without a time
    await h.converge();
    expect(await h.condition('GroupClaimed')).toBe('True Claimed');
    expect(await h.replicas()).toBe(3);
  });

  test('of a resource that lives is respected, and its workers go on', async () => {
    h.create();
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
    h.create();
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

  test('of a stream that was deleted and created again before anything was read is of the new one', async () => {
    h.create();
    await h.converge();
    h.kinesis.deleteStream('orders');
    await h.clock.advance(10_000);
    const createdAt = h.clock.now();
    h.kinesis.createStream({ name: 'orders', shardCount: 3 });
    await h.clock.advance(60_000);
    await h.converge();
    expect(await h.condition('GroupClaimed')).toBe('True Claimed');
    const claim = await h.table().get('group#claim', { consistent: true });
    expect(claim).toMatchObject({ stream_created_at: createdAt });
    expect(await h.replicas()).toBe(3);
  });
});

function claimBy(cluster: string, uid: string): void {
  h.table().store('group#claim', { shard_id: 'group#claim', cluster_id: cluster, resource_uid: uid });
}

function foreignTable(): void {
  h.foreignTable();
}
