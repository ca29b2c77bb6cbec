import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import { Harness } from './reconcile-harness.ts';

const FIRST = { namespace: 'shop', name: 'orders' };
const OTHER = { namespace: 'shop', name: 'other' };
let h: Harness;
beforeEach(() => {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: 1 });
});
afterEach(() => h.close());

const asking = (table: Record<string, unknown>) => ({ checkpoints: { table: { name: 'shared', ...table } } });
const STANDARD = asking({ tags: { team: 'a' }, tableClass: 'Standard' });
const INFREQUENT = asking({ tags: { team: 'b' }, tableClass: 'StandardInfrequentAccess' });
const shared = () => h.tables.tables.get('shared');

async function look(times = 1): Promise<void> {
  for (let time = 0; time < times; time += 1) {
    await h.clock.advance(600_000);
    for (const { metadata } of await h.cluster.list(KINDS.consumerGroup))
      await h.converge(`shop/${metadata.name}`);
  }
}

async function both(adoption: Record<string, unknown> = {}): Promise<void> {
  const of = (spec: typeof STANDARD) => asking({ ...spec.checkpoints.table, ...adoption });
  h.create(of(STANDARD));
  await h.converge();
  h.create(of(INFREQUENT), { name: 'other' });
  await h.converge('shop/other');
}

const messageOf = async (key: typeof OTHER) =>
  (await h.status(key)).conditions?.find(({ type }) => type === 'TableReady')?.message;

describe('groups that ask for different settings of one table', () => {
  test('the second is told which differ and who holds them, and changes nothing', async () => {
    await both();
    const before = h.tables.steps.length;
    await look(4);
    expect(h.tables.steps.slice(before)).toEqual([]);
    expect(shared()).toMatchObject({ tags: { team: 'a' }, tableClass: 'Standard' });
    expect(await h.condition('TableReady')).toBe('True TableActive');
    expect(await h.condition('TableReady', OTHER)).toBe('True TableSettingsHeld');
    expect(await messageOf(OTHER)).toContain(
      'left to group shop.orders, which holds the settings of this table; is → asked for: tags[team]: a → b, tableClass: Standard → StandardInfrequentAccess.',
    );
    expect((await h.status(OTHER)).table).not.toHaveProperty('managedTagKeys');
    expect((await h.status(OTHER)).table).not.toHaveProperty('lastDrift');
  });

  test('the second has them once the first is deleted, and the table is never its own to delete', async () => {
    await both();
    h.cluster.remove(KINDS.consumerGroup, FIRST);
    await h.reconcile();
    await look(2);
    expect(shared()).toMatchObject({
      tags: { team: 'b', 'kcg.dev/group-id': 'shop.orders', 'kcg.dev/settings-by': 'shop.other' },
      tableClass: 'StandardInfrequentAccess',
    });
    expect(await h.condition('TableReady', OTHER)).toBe('True TableActive');
    expect((await h.status(OTHER)).table).toMatchObject({ created: false, managedTagKeys: ['team'] });
    expect(h.cluster.events.map(({ reason }) => reason)).not.toContain('TableDrift');
  });

  test('the first, applied again, is told that the second has them now', async () => {
    await both();
    h.cluster.remove(KINDS.consumerGroup, FIRST);
    await h.reconcile();
    await look(2);
    h.create(STANDARD);
    await look(2);
    expect(await h.condition('TableReady')).toBe('True TableSettingsHeld');
    expect(shared()).toMatchObject({ tags: { team: 'b' } });
  });

  test('of a table that kcg did not make, the first that asks holds them', async () => {
    h.foreignTable('shared', { tags: { owner: 'me' } });
    await both({ adoption: 'Always' });
    await look(4);
    expect(shared()).toMatchObject({
      tags: { owner: 'me', team: 'a', 'kcg.dev/settings-by': 'shop.orders' },
      tableClass: 'Standard',
    });
    expect(await h.condition('TableReady', OTHER)).toBe('True TableSettingsHeld');
    expect((await h.status()).table?.created).toBe(false);
  });

  test('the second has them once the first, which had them by its tag, leaves the table to somebody else', async () => {
    h.foreignTable('shared', { tags: { owner: 'me' } });
    await both({ adoption: 'Always' });
    await look(2);
    h.setGroup((spec) => Object.assign(spec, asking({ adoption: 'Always', management: 'External' })));
    await look(2);
    expect(shared()).toMatchObject({
      tags: { team: 'b', 'kcg.dev/settings-by': 'shop.other' },
      tableClass: 'StandardInfrequentAccess',
    });
    expect(await h.condition('TableReady', OTHER)).toBe('True TableActive');
  });

  test('the first keeps those of the table that it made, though it leaves them to somebody else', async () => {
    await both();
    h.setGroup((spec) => Object.assign(spec, asking({ management: 'External' })));
    await look(2);
    expect(shared()).toMatchObject({ tags: { team: 'a' }, tableClass: 'Standard' });
    expect(await h.condition('TableReady', OTHER)).toBe('True TableSettingsHeld');
  });
});

const GROUPS = [FIRST, OTHER];
const loseRows = () => {
  for (const { name } of GROUPS) {
    const rows = h.table(`shop.${name}`, 'shared');
    for (const { shard_id } of rows.rows()) rows.store(shard_id, undefined);
  }
};
const createBoth = async () => {
  for (const { name } of GROUPS) {
    h.create(asking({}), { name });
    await h.converge(`shop/${name}`);
  }
};

test('a table that tells another creation time at each look is the same while the claim is in it, and costs no write', async () => {
  await createBoth();
  const before = h.writeCount();
  for (let time = 0; time < 3; time += 1) {
    h.tables.tables.set('shared', { ...shared()!, createdAt: h.clock.now() });
    await look();
  }
  expect(await h.condition('TableReady')).toBe('True TableActive');
  expect(h.writeCount()).toBe(before);
});

test('a table that is lost and made anew between two looks is told to be gone, not begun anew', async () => {
  await createBoth();
  await h.clock.advance(5_000);
  h.tables.tables.set('shared', { ...shared()!, createdAt: h.clock.now() });
  loseRows();
  for (let time = 0; time < 3; time += 1) {
    await h.reconcile();
    await h.clock.advance(5_000);
  }
  expect(await h.condition('TableReady')).toBe('False TableGone');
  expect(h.table('shop.orders', 'shared').rows()).toEqual([]);
});

test('a table that is lost and made anew is begun anew by who makes it alone; the others tell that theirs is gone', async () => {
  await createBoth();
  h.tables.tables.delete('shared');
  loseRows();
  await look();
  for (const key of GROUPS) expect(await h.condition('TableReady', key)).toBe('False TableGone');
  h.cluster.remove(KINDS.consumerGroup, OTHER);
  await h.reconcile('shop/other');
  h.create(asking({}), { name: 'other' });
  for (let time = 0; time < 2; time += 1) {
    await look(2);
    expect(await h.condition('TableReady', OTHER)).toBe('True TableActive');
    expect(await h.condition('TableReady')).toBe('False TableGone');
    expect(h.table('shop.orders', 'shared').rows()).toEqual([]);
    h.restart();
  }
  expect(await messageOf(FIRST)).toContain('Nothing is read, since it would begin anew');
});

describe('whether the group that holds the settings is gone', () => {
  const gone = async (change: Record<string, string> | undefined) => {
    await both();
    h.cluster.remove(KINDS.consumerGroup, FIRST);
    await h.reconcile();
    const rows = h.table('shop.orders', 'shared');
    const row = (await rows.get('group#claim', { consistent: true }))!;
    rows.store('group#claim', change && { ...row, ...change });
    await look(2);
    return shared()?.tags['kcg.dev/settings-by'] === 'shop.other';
  };

  test('is so when its resource is gone from this cluster', async () => {
    expect(await gone({})).toBe(true);
  });
  test('is not so when another cluster has claimed its id', async () => {
    expect(await gone({ cluster_id: 'cluster-2' })).toBe(false);
  });
  test('is so when its rows are gone, and the table is not new', async () => {
    expect(await gone(undefined)).toBe(true);
  });
  test('is not so when its resource may be where this operator does not look', async () => {
    h.close();
    h = new Harness({ sees: () => false });
    h.kinesis.createStream({ name: 'orders', shardCount: 1 });
    expect(await gone({ resource_namespace: 'elsewhere' })).toBe(false);
  });
  test('is not so while the resource is there and has no claim yet', async () => {
    await both();
    h.table('shop.orders', 'shared').store('group#claim', undefined);
    await h.clock.advance(600_000);
    await h.converge('shop/other');
    expect(shared()?.tags['kcg.dev/settings-by']).toBeUndefined();
  });
});
