import { afterEach, describe, expect, test, vi } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import type { ObservedTable } from '../../src/table/table-admin.ts';
import { CREATED_BY_TAG, GROUP_TAG } from '../../src/table/table-tags.ts';
import { Harness } from './reconcile-harness.ts';

let h: Harness;
afterEach(() => h.close());

function open(settings: ConstructorParameters<typeof Harness>[0] = {}): void {
  h = new Harness(settings);
  h.kinesis.createStream({ name: 'orders', shardCount: 3 });
}
/** kcg made it for this group a while ago. */
const makeTable = () =>
  h.foreignTable(undefined, { tags: { [CREATED_BY_TAG]: 'kcg', [GROUP_TAG]: 'shop.orders' } });
const claimRow = () => h.table().get('group#claim', { consistent: true });

/** The next write of this name fails. */
function failOnce(name: string): void {
  const table = h.table();
  const write = table.write.bind(table);
  table.write = async (row, options) => {
    if (row.name !== name) return write(row, options);
    table.write = write;
    throw new KcgError('Throttled', 'Rate exceeded');
  };
}

/** Within the few seconds that `Latest` may begin earlier. */
async function expectStart(atMs: number): Promise<void> {
  const startAt = Number((await claimRow())?.['start_at']);
  expect(startAt).toBeLessThanOrEqual(atMs);
  expect(startAt).toBeGreaterThan(atMs - 5_000);
}

describe('what Latest means', () => {
  test.each([-45_000, 45_000])(
    'is the creation of the group by the clock of the stream, with an API server ahead by %i ms',
    async (skewMs) => {
      open();
      h.clusterSkewMs = skewMs;
      const createdAt = h.clock.now();
      h.create({ initialPosition: { type: 'Latest' } });
      await h.clock.advance(20_000);
      await h.converge();
      await expectStart(createdAt);
    },
  );

  test('is pinned by a later look when the claim was written and the pin was not', async () => {
    open();
    h.create({ initialPosition: { type: 'Latest' } });
    failOnce('pin start');
    await expect(h.reconcile()).rejects.toMatchObject({ code: 'Throttled' });
    expect(await claimRow()).not.toHaveProperty('start_at');
    expect(await h.deployment()).toBeUndefined();
    await h.clock.advance(3_600_000);
    await h.converge();
    await expectStart(Date.parse((await h.group()).metadata.creationTimestamp!));
    expect(await h.replicas()).toBe(3);
  });

  test('is not pinned where positions are already', async () => {
    open();
    h.create({ initialPosition: { type: 'TrimHorizon' } });
    await h.converge();
    await h.runWorkers();
    h.setGroup((spec) => (spec['initialPosition'] = { type: 'Latest' }));
    await h.converge();
    expect(await claimRow()).not.toHaveProperty('start_at');
  });
});

test('a group that nobody has claimed is claimed by one consistent read of its rows', async () => {
  open();
  makeTable();
  h.create();
  const get = vi.spyOn(h.table(), 'get');
  const query = vi.spyOn(h.table(), 'query');
  await h.converge();
  expect(get).not.toHaveBeenCalled();
  const [first, ...later] = query.mock.calls.map(([, { consistent }]) => consistent);
  expect(first).toBe(true);
  expect(later).not.toContain(true);
  expect(await claimRow()).toHaveProperty('resource_uid');
});

describe('in a table that the operator has just made for it, a group', () => {
  /** Whether each read of the rows was consistent. */
  const reads = () => {
    const query = vi.spyOn(h.table(), 'query');
    return () => query.mock.calls.map(([, { consistent }]) => consistent);
  };

  test('is claimed without a read', async () => {
    open();
    h.create();
    const consistent = reads();
    await h.reconcile();
    expect(await claimRow()).toHaveProperty('resource_uid');
    expect(consistent()).toEqual([]);
    await h.reconcile();
    expect(consistent()).toEqual([false]);
  });

  test('that another has claimed meanwhile is not claimed', async () => {
    open();
    h.table().store('group#claim', {
      shard_id: 'group#claim',
      cluster_id: 'cluster-2',
      resource_uid: 'b',
      claimed_at: 1,
    });
    h.create();
    const consistent = reads();
    await h.reconcile();
    expect(await h.condition('GroupClaimed')).toBe('False ClaimedByOtherCluster');
    expect(consistent()).toEqual([true]);
    expect(await claimRow()).toMatchObject({ resource_uid: 'b' });
  });

  test('that could not be claimed for a minute is read before that', async () => {
    open();
    h.create();
    const consistent = reads();
    h.faults.set('claim group', new KcgError('Throttled', 'Rate exceeded'));
    await expect(h.reconcile()).rejects.toMatchObject({ code: 'Throttled' });
    await h.clock.advance(59_000);
    await expect(h.reconcile()).rejects.toMatchObject({ code: 'Throttled' });
    expect(consistent()).toEqual([]);
    await h.clock.advance(1_000);
    h.faults.clear();
    await h.reconcile();
    expect(consistent()).toEqual([true]);
  });

  test('is read when the table is another by now', async () => {
    open();
    h.create();
    const consistent = reads();
    h.faults.set('claim group', new KcgError('Throttled', 'Rate exceeded'));
    await expect(h.reconcile()).rejects.toMatchObject({ code: 'Throttled' });
    h.faults.clear();
    const [[name, table]] = [...h.tables.tables] as [[string, ObservedTable]];
    h.tables.tables.set(name, { ...table, createdAt: table.createdAt + 1 });
    // Asked for, as what was seen of a table serves for minutes.
    h.setGroup((_, { metadata }) => (metadata.annotations = { 'kcg.dev/reconcile': '1' }));
    await h.reconcile();
    expect(consistent()).toEqual([true]);
  });
});

describe('rows that were to expire', () => {
  const ttl = 1_900_000_000;
  const expiring = () =>
    h.table().store('shardId-000000000000', {
      shard_id: 'shardId-000000000000',
      epoch: 1,
      sequence: '7',
      ttl,
    });

  test('live when the group is claimed', async () => {
    open();
    makeTable();
    expiring();
    h.create({ desiredState: 'Stopped' });
    await h.reconcile();
    const row = await h.table().get('shardId-000000000000', { consistent: true });
    expect(row).toEqual({ shard_id: 'shardId-000000000000', epoch: 1, sequence: '7' });
  });

  test('are not forgotten when one of the writes fails', async () => {
    open();
    makeTable();
    expiring();
    h.create({ desiredState: 'Stopped' });
    failOnce('keep shard');
    await expect(h.reconcile()).rejects.toMatchObject({ code: 'Throttled' });
    expect(await claimRow()).toBeUndefined();
    await h.clock.advance(1_000);
    await h.converge();
    expect(await h.table().get('shardId-000000000000', { consistent: true })).not.toHaveProperty('ttl');
  });
});

describe('a claim of this cluster whose resource is not seen', () => {
  const EXPLICIT = { groupId: 'shop.orders' };
  const some = (namespace: string | undefined): boolean => namespace === 'shop' || namespace === 'web';
  test.each<[string, typeof some, Record<string, unknown>, string | undefined, string]>([
    ['all namespaces are watched', () => true, {}, undefined, 'True Claimed'],
    ['some are, and its is', some, {}, 'shop', 'True Claimed'],
    ['some are, and its is, by an explicit id', some, EXPLICIT, 'shop', 'True Claimed'],
    ['some are, and its is another of them', some, EXPLICIT, 'web', 'True Claimed'],
    ['some are, and its is none of them', some, {}, 'pay', 'False ClaimedByOtherResource'],
    ['some are, and its is not known', some, {}, undefined, 'False ClaimedByOtherResource'],
    ['the same by an explicit id', some, EXPLICIT, undefined, 'False ClaimedByOtherResource'],
  ])('%s', async (_, sees, spec, namespace, expected) => {
    open({ sees });
    h.table().store('group#claim', {
      shard_id: 'group#claim',
      cluster_id: 'cluster-1',
      resource_uid: 'not-seen',
      ...(namespace === undefined ? {} : { resource_namespace: namespace }),
    });
    h.create(spec);
    await h.converge();
    expect(await h.condition('GroupClaimed')).toBe(expected);
  });

  test('is of this group when it comes back under its name', async () => {
    open({ sees: some });
    h.create();
    await h.converge();
    expect(await claimRow()).toMatchObject({ resource_namespace: 'shop' });
    h.cluster.remove(KINDS.consumerGroup, { namespace: 'shop', name: 'orders' });
    await h.reconcile();
    h.create();
    await h.converge();
    expect(await h.condition('GroupClaimed')).toBe('True Claimed');
  });
});
