import { afterEach, beforeEach, expect, test } from 'vitest';
import { KINDS, type KubeObject, type ObjectCache } from '../../src/kubernetes/cluster.ts';
import { ANY_TABLE, tablesOf } from '../../src/operator/observe/group-indexes.ts';
import { groupObject, Harness } from './reconcile-harness.ts';

let h: Harness;
/** Objects of groups that were looked at. */
let looked = 0;
beforeEach(() => {
  looked = 0;
  h = new Harness({}, (caches) => ({ ...caches, groups: counted(caches.groups) }));
  h.kinesis.createStream({ name: 'orders', shardCount: 1 });
});
afterEach(() => h.close());

function counted(cache: ObjectCache): ObjectCache {
  const count = <T>(objects: T[]): T[] => {
    looked += objects.length;
    return objects;
  };
  return {
    hasSynced: true,
    whenSynced: () => cache.whenSynced(),
    stopped: cache.stopped,
    get: (key) => count([cache.get(key)])[0],
    list: (namespace) => count(cache.list(namespace)),
    by: (index, key) => count(cache.by(index, key)),
  };
}

test.for([
  { name: 'that keeps its table', checkpoints: {} },
  { name: 'whose table goes with it', checkpoints: { deletionPolicy: 'Delete' } },
])('deleting a group $name costs as much among 200 as among 2', async ({ checkpoints }) => {
  const costOf = async (name: string): Promise<number> => {
    const key = `shop/${name}`;
    h.create({ checkpoints }, { name });
    await h.converge(key);
    h.cluster.remove(KINDS.consumerGroup, { namespace: 'shop', name });
    looked = 0;
    for (let pass = 0; pass < 4; pass += 1) await h.reconcile(key);
    expect(await h.cluster.get(KINDS.consumerGroup, { namespace: 'shop', name })).toBeUndefined();
    return looked;
  };
  const alone = await costOf('first');
  expect(alone).toBeGreaterThan(0);
  for (let index = 0; index < 200; index += 1) {
    h.create({}, { name: `other-${index}` });
  }
  expect(await costOf('second')).toBe(alone);
});

test('a look at a table whose settings another group holds costs as much among 200 as among 3', async () => {
  const checkpoints = { table: { name: 'shared', pointInTimeRecovery: true } };
  const costOf = async (name: string): Promise<number> => {
    h.create({ checkpoints }, { name });
    looked = 0;
    await h.converge(`shop/${name}`);
    expect(await h.condition('TableReady', { namespace: 'shop', name })).toBe('True TableSettingsHeld');
    return looked;
  };
  const settings = { name: 'shared', pointInTimeRecovery: false };
  h.cluster.create(
    KINDS.consumerGroup,
    groupObject({ checkpoints: { table: settings } }, { name: 'holder' }),
  );
  await h.converge('shop/holder');
  const alone = await costOf('second');
  expect(alone).toBeGreaterThan(0);
  for (let index = 0; index < 200; index += 1) h.create({ checkpoints }, { name: `other-${index}` });
  expect(await costOf('third')).toBe(alone);
});

test('a stream is asked for as long as one group reads it', async () => {
  const describes = () => h.calls.filter((call) => call === 'describe stream').length;
  for (const name of ['one', 'two']) {
    h.create({}, { name });
    await h.reconcile(`shop/${name}`);
  }
  expect(describes()).toBe(1);
  h.cluster.remove(KINDS.consumerGroup, { namespace: 'shop', name: 'one' });
  await h.reconcile('shop/one');
  await h.reconcile('shop/two');
  expect(describes()).toBe(1);
  h.cluster.remove(KINDS.consumerGroup, { namespace: 'shop', name: 'two' });
  await h.reconcile('shop/two');
  h.create({}, { name: 'three' });
  await h.reconcile('shop/three');
  expect(describes()).toBe(2);
});

test.for<[string, unknown, string]>([
  ['by name', { checkpoints: { table: { name: 'mine' } } }, 'mine'],
  ['by the group id', { groupId: 'a.b', checkpoints: { table: {} } }, 'kinesis-checkpoints-a-b'],
  ['by default', {}, 'kinesis-checkpoints-shop-orders'],
  ['by default, where all is empty', { groupId: null, checkpoints: null }, 'kinesis-checkpoints-shop-orders'],
  [
    'by default, where the table is empty',
    { checkpoints: { table: null } },
    'kinesis-checkpoints-shop-orders',
  ],
  ['of no spec', undefined, ANY_TABLE],
  ['of a spec that cannot be read', { checkpoints: 'none' }, ANY_TABLE],
  ['of a table that is none', { checkpoints: { table: ['mine'] } }, ANY_TABLE],
  ['of a group id that is none', { groupId: 7 }, ANY_TABLE],
  ['of a name that is none', { checkpoints: { table: { name: 7 } } }, ANY_TABLE],
])('the table of a group is known %s', ([, spec, table]) => {
  const group: KubeObject = { ...groupObject(), spec };
  expect(tablesOf({ ...group, metadata: { ...group.metadata, uid: 'u', resourceVersion: '1' } })).toEqual([
    table,
  ]);
});
