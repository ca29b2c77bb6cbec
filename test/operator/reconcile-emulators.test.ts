import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import type { ObservedTable, TableStep } from '../../src/table/table-admin.ts';
import { Harness, NAME } from './reconcile-harness.ts';

/** DynamoDBs that are not quite DynamoDB: what they lack is left out and told, and the group works. */

const TABLE = 'kinesis-checkpoints-shop-orders';
let h: Harness;
beforeEach(() => {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: 3 });
});
afterEach(() => h.close());

interface Emulator {
  /** Calls for these are answered with "unknown operation". */
  unknown?: readonly TableStep['do'][];
  /** What it shows of a table. */
  shows: (table: ObservedTable) => ObservedTable;
}

function imitate({ unknown = [], shows }: Emulator): void {
  const admin = h.tables.admin.bind(h.tables);
  h.tables.admin = (name) => {
    const real = admin(name);
    return {
      ...real,
      describe: async (options) => {
        const table = await real.describe(options);
        return table && shows(table);
      },
      apply: async (step, options) => (unknown.includes(step.do) ? 'unknown' : real.apply(step, options)),
    };
  };
}

const withoutTagCalls: Emulator = {
  unknown: ['tag', 'untag'],
  shows: (table) => ({ ...table, tags: {}, unread: { tags: 'dynamodb:ListTagsOfResource is not known' } }),
};
const withoutTags: Emulator = { shows: (table) => ({ ...table, tags: {} }) };

/** Looks at the table as often as drift is looked for in an hour. */
async function anHour(): Promise<TableStep['do'][]> {
  const before = h.tables.steps.length;
  for (let look = 0; look < 6; look += 1) {
    await h.clock.advance(660_000);
    await h.converge();
  }
  return h.tables.steps.slice(before).map(({ step }) => step.do);
}

describe.each([
  ['that answers tag calls with an error', withoutTagCalls],
  ['that drops tags', withoutTags],
])('a DynamoDB %s', (_, emulator) => {
  beforeEach(() => imitate(emulator));

  test('serves a group with tags, and tells that they are left out', async () => {
    await h.createRunning({ checkpoints: { table: { tags: { team: 'a' } } } });
    await anHour();
    expect(await anHour()).toEqual([]);
    expect(await h.condition('TableReady')).toBe('True TableActive');
    expect(await h.message('TableReady')).toMatch(/tags are left alone|left out, .*: tag$/);
    expect(await h.condition('GroupClaimed')).toBe('True Claimed');
    expect((await h.status()).table).toMatchObject({ created: true });
    expect(await h.replicas()).toBe(3);
  });

  test('is known to hold the table of the group after a restart, before and after the claim', async () => {
    h.create();
    h.faults.set('claim group', new KcgError('Unavailable', 'away'));
    await expect(h.reconcile()).rejects.toThrow('away');
    h.faults.clear();
    h.restart();
    await h.converge();
    expect(await h.condition('GroupClaimed')).toBe('True Claimed');
    h.restart();
    await h.converge();
    expect((await h.status()).table).toMatchObject({ created: true });
  });

  test('is known to hold it by a claim that is made anew while the table cannot be described', async () => {
    await h.createRunning();
    const claim = () => h.table().get('group#claim', { consistent: true });
    const { table_made_at: madeAt } = (await claim())!;
    expect(madeAt).toBe(h.tables.tables.get(TABLE)?.createdAt);
    h.table().store('group#claim', undefined);
    h.restart();
    h.tables.fault = new KcgError('Unavailable', 'away');
    await h.reconcile();
    expect(await claim()).toMatchObject({ table_made_at: madeAt });
  });

  test('is known to by the next resource of that group, and by a group that shares it', async () => {
    const checkpoints = { table: { name: 'shared' } };
    await h.createRunning({ checkpoints });
    h.create({ checkpoints }, { name: 'other' });
    await h.converge('shop/other');
    expect(await h.condition('GroupClaimed', { namespace: 'shop', name: 'other' })).toBe('True Claimed');
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await h.reconcile();
    const adopting = { table: { name: 'shared', adoption: 'Always' } };
    h.create({ checkpoints: adopting });
    await h.converge();
    expect(await h.condition('GroupClaimed')).toBe('True Claimed');
    expect((await h.status()).table).toMatchObject({ created: true });
  });

  test('is known to by a group that shares it with ten others', async () => {
    const checkpoints = { table: { name: 'shared' } };
    for (let index = 0; index < 10; index += 1)
      h.table(`shop.${index}`, 'shared').store('group#claim', { shard_id: 'group#claim' });
    await h.createRunning({ checkpoints });
    h.create({ checkpoints }, { name: 'other' });
    await h.converge('shop/other');
    expect(await h.condition('GroupClaimed', { namespace: 'shop', name: 'other' })).toBe('True Claimed');
  });

  test('has the table deleted with the group that made it', async () => {
    await h.createRunning({ checkpoints: { deletionPolicy: 'Delete' } });
    h.cluster.remove(KINDS.consumerGroup, NAME);
    await h.reconcile();
    for (const pod of await h.cluster.list(KINDS.pod)) h.cluster.remove(KINDS.pod, pod.metadata as never);
    await h.reconcile();
    expect(h.tables.tables.size).toBe(0);
  });

  test('has no table taken that somebody else made, also after one of ours under that name', async () => {
    h.foreignTable();
    h.table().store('group#claim', {
      shard_id: 'group#claim',
      cluster_id: 'cluster-1',
      resource_uid: 'gone',
      table_made_at: 5,
    });
    h.create();
    await h.converge();
    expect(await h.condition('TableReady')).toMatch(/^False Table(NotAdopted|AccessDenied)$/);
  });
});

describe('a setting that never shows', () => {
  test.each<[string, Record<string, unknown>, Emulator['shows'], string]>([
    [
      'table class',
      { tableClass: 'StandardInfrequentAccess' },
      (table) => ({ ...table, tableClass: 'Standard' }),
      'set table class',
    ],
    [
      'billing',
      { billing: { mode: 'OnDemand' } },
      (table) => ({
        ...table,
        billing: { mode: 'Provisioned', readCapacityUnits: 0, writeCapacityUnits: 0 },
      }),
      'set billing',
    ],
    [
      'protection',
      { deletionProtection: true },
      (table) => ({ ...table, deletionProtection: false }),
      'set deletion protection',
    ],
  ])('%s is asked for a few times, then left out and told', async (_, table, shows, step) => {
    imitate({ shows });
    await h.createRunning({ checkpoints: { table } });
    await anHour();
    expect(await anHour()).toEqual([]);
    expect(h.tables.steps.filter((asked) => asked.step.do === step).length).toBeLessThan(8);
    expect(await h.condition('TableReady')).toBe('True TableActive');
    expect(await h.message('TableReady')).toContain(
      `left out, as this DynamoDB does not take it on: ${step}`,
    );
  });

  test('is asked for again when the spec asks for another thing of the table, and forgotten once it shows', async () => {
    const hidden = { on: true };
    imitate({ shows: (table) => (hidden.on ? { ...table, tableClass: 'Standard' } : table) });
    await h.createRunning({ checkpoints: { table: { tableClass: 'StandardInfrequentAccess' } } });
    await anHour();
    expect(await h.message('TableReady')).toContain('left out');
    const asks = () => h.tables.steps.filter(({ step }) => step.do === 'set table class').length;
    const before = asks();
    h.setGroup((spec) => (spec['scaling'] = { mode: 'Fixed', replicas: 2 }));
    await h.converge();
    expect(asks()).toBe(before);
    const table = { tableClass: 'StandardInfrequentAccess', pointInTimeRecovery: true };
    h.setGroup((spec) => (spec['checkpoints'] = { table }));
    await h.converge();
    expect(asks()).toBeGreaterThan(before);
    hidden.on = false;
    await anHour();
    expect(await h.message('TableReady')).toBe(`table ${TABLE} is ACTIVE`);
  });

  test('that is not known at all is asked for once', async () => {
    imitate({ unknown: ['set point-in-time recovery'], shows: (table) => table });
    await h.createRunning({ checkpoints: { table: { pointInTimeRecovery: true } } });
    expect(await h.condition('TableReady')).toBe('True TableActive');
    expect(await h.message('TableReady')).toContain('left out, as this DynamoDB');
  });
});
