import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import type { ObservedTable, TableAdmin, TableStep } from '../../src/table/table-admin.ts';
import { Harness } from './reconcile-harness.ts';

const TABLE = 'kinesis-checkpoints-shop-orders';
let h: Harness;
beforeEach(() => {
  h = new Harness();
  h.kinesis.createStream({ name: 'orders', shardCount: 3 });
});
afterEach(() => h.close());

/** The schema refuses it; another default of the operator, or another endpoint, comes to the same. */
const moveTo = (name: string, table: Record<string, unknown> = {}) =>
  h.setGroup((spec) => (spec['checkpoints'] = { table: { name, ...table } }));

describe('a group whose table is another one now', () => {
  beforeEach(async () => {
    await h.createRunning();
    h.foreignTable('payroll');
  });

  test('keeps its workers at the old one while the new one is not its own', async () => {
    moveTo('payroll');
    await h.converge();
    expect(await h.condition('TableReady')).toBe('False TableNotAdopted');
    expect(await h.condition('GroupClaimed')).toBe('Unknown ClaimUnknown');
    expect((await h.workerConfig())?.table).toBe(TABLE);
    expect(await h.replicas()).toBe(3);
  });

  test('keeps them also when the operator has just started, and the new one cannot be looked at', async () => {
    moveTo('payroll');
    h.tables.fault = new KcgError('AccessDenied', 'may not call dynamodb:DescribeTable on table payroll');
    h.restart();
    await h.converge();
    expect((await h.workerConfig())?.table).toBe(TABLE);
    expect(await h.replicas()).toBe(3);
  });

  test('asks for the claim of the new one, whatever it had of the old one', async () => {
    const claim = { shard_id: 'group#claim', cluster_id: 'cluster-2', resource_uid: 'x' };
    h.table('shop.orders', 'payroll').store('group#claim', claim);
    moveTo('payroll', { adoption: 'Always' });
    await h.converge();
    expect(await h.condition('GroupClaimed')).toBe('False ClaimedByOtherCluster');
    expect((await h.workerConfig())?.table).toBe(TABLE);
    expect(await h.replicas()).toBe(0);
  });

  test('shows nothing of the old rows', async () => {
    moveTo('payroll', { adoption: 'Always' });
    h.rowFault = new KcgError('Unavailable', 'DynamoDB did not answer');
    await h.converge();
    expect(await h.condition('ShardsCovered')).toBe('Unknown ShardsUnknown');
  });

  test('can be stopped all the same, and goes on where it was when it comes back', async () => {
    moveTo('payroll');
    h.setGroup((spec) => (spec['desiredState'] = 'Stopped'));
    await h.converge();
    expect(await h.replicas()).toBe(0);
    h.setGroup((spec) => {
      delete spec['checkpoints'];
      delete spec['desiredState'];
    });
    await h.converge();
    expect(await h.replicas()).toBe(3);
    expect((await h.workerConfig())?.table).toBe(TABLE);
  });

  test('rolls its workers over once the claim there is its own', async () => {
    moveTo('payroll', { adoption: 'Always' });
    await h.converge();
    expect(await h.condition('GroupClaimed')).toBe('True Claimed');
    expect((await h.workerConfig())?.table).toBe('payroll');
  });
});

/** Until what it returns is called. */
const refuse = (refused: TableStep['do'], error: KcgError) => {
  const admin = h.tables.admin.bind(h.tables);
  h.tables.admin = (name) => {
    const real = admin(name);
    const apply: TableAdmin['apply'] = async (step, options) => {
      if (step.do === refused) throw error;
      return real.apply(step, options);
    };
    return { ...real, apply };
  };
  return () => (h.tables.admin = admin);
};

describe('a setting that is refused', () => {
  test.each<[TableStep['do'], KcgError, Partial<ObservedTable>]>([
    [
      'tag',
      new KcgError('AccessDenied', 'may not call dynamodb:TagResource', { fix: 'Allow it.' }),
      { pointInTimeRecovery: true, deletionProtection: false, tableClass: 'StandardInfrequentAccess' },
    ],
    [
      'set deletion protection',
      new KcgError('LimitExceeded', 'too many changes'),
      { pointInTimeRecovery: true, tableClass: 'StandardInfrequentAccess' },
    ],
    [
      'set point-in-time recovery',
      new KcgError('Throttled', 'Rate exceeded'),
      { deletionProtection: false, tableClass: 'StandardInfrequentAccess' },
    ],
  ])(
    '%s: the others are set, the group stays Ready and says what is missing',
    async (step, error, others) => {
      await h.createRunning();
      refuse(step, error);
      const table = {
        tags: { a: 'b' },
        pointInTimeRecovery: true,
        deletionProtection: false,
        tableClass: 'StandardInfrequentAccess',
      };
      h.setGroup((spec) => (spec['checkpoints'] = { table }));
      for (let look = 0; look < 3; look += 1) {
        await h.converge();
        await h.runPods();
        await h.clock.advance(60_000);
      }
      await h.converge();
      expect(h.tables.tables.get(TABLE)).toMatchObject(others);
      expect(await h.condition('TableReady')).toBe('True TableChangeRefused');
      expect(await h.message('TableReady')).toContain(error.message);
      expect(await h.condition('Ready')).toBe('True Available');
      expect(await h.condition('Stalled')).toBe('False NotStalled');
    },
  );

  test('is not refused for ever', async () => {
    await h.createRunning({ checkpoints: { table: { tags: { a: 'b' } } } });
    const allow = refuse('tag', new KcgError('AccessDenied', 'may not call dynamodb:TagResource'));
    h.setGroup((spec) => (spec['checkpoints'] = { table: { tags: { a: 'c' } } }));
    await h.converge();
    expect(await h.condition('TableReady')).toBe('True TableChangeRefused');
    allow();
    await h.clock.advance(40_000);
    await h.converge();
    expect(await h.condition('TableReady')).toBe('True TableActive');
    expect(h.tables.tables.get(TABLE)?.tags).toMatchObject({ a: 'c' });
  });
});

describe('a tag that is taken off the spec', () => {
  const ask = (tags?: Record<string, string>, table: Record<string, unknown> = {}) =>
    h.setGroup((spec) => (spec['checkpoints'] = { table: { ...(tags ? { tags } : {}), ...table } }));
  const tagsOf = () => {
    const { tags } = h.tables.tables.get(TABLE)!;
    return Object.fromEntries(Object.entries(tags).filter(([key]) => !key.startsWith('kcg.dev/')));
  };
  const changeTable = (change: Partial<ObservedTable>) =>
    h.tables.tables.set(TABLE, { ...h.tables.tables.get(TABLE)!, ...change });

  let allow = () => {};
  const troubles: [string, () => Promise<void>, () => void][] = [
    [
      'its removal fails once',
      async () => {
        allow = refuse('untag', new KcgError('Throttled', 'Rate exceeded'));
        ask({ keep: '1' });
      },
      () => allow(),
    ],
    [
      'the table is UPDATING',
      async () => {
        changeTable({ status: 'UPDATING' });
        ask({ keep: '1' });
      },
      () => changeTable({ status: 'ACTIVE' }),
    ],
    [
      'tags cannot be read',
      async () => {
        changeTable({ unread: { tags: 'denied' } });
        ask({ keep: '1' });
      },
      () => changeTable({ unread: {} }),
    ],
    [
      'the table is External for a while',
      async () => {
        ask({ keep: '1', gone: '1' }, { management: 'External' });
        await h.converge();
        ask({ keep: '1' });
      },
      () => {},
    ],
  ];

  test.each(troubles)('goes later when %s, also after a restart', async (_, meanwhile, end) => {
    await h.createRunning({ checkpoints: { table: { tags: { keep: '1', gone: '1' } } } });
    h.tables.tables.set(TABLE, {
      ...h.tables.tables.get(TABLE)!,
      tags: { ...h.tables.tables.get(TABLE)!.tags, theirs: 'x' },
    });
    await meanwhile();
    await h.converge();
    h.restart();
    await h.converge();
    end();
    await h.clock.advance(700_000);
    await h.converge();
    expect(tagsOf()).toEqual({ keep: '1', theirs: 'x' });
    expect((await h.status()).table?.managedTagKeys).toEqual(['keep']);
    ask();
    await h.converge();
    expect(tagsOf()).toEqual({ theirs: 'x' });
    expect((await h.status()).table).not.toHaveProperty('managedTagKeys');
  });
});

test('tags that were set on one table are not removed from another', async () => {
  await h.createRunning({ checkpoints: { table: { tags: { team: 'a' } } } });
  h.foreignTable('payroll', { tags: { team: 'payroll' } });
  moveTo('payroll', { adoption: 'Always' });
  await h.converge();
  expect(h.tables.tables.get('payroll')?.tags).toEqual({ team: 'payroll' });
});

test('tags that were set on a table of the same name elsewhere are not removed from this one', async () => {
  await h.createRunning({ checkpoints: { table: { tags: { team: 'a' } } } });
  h.foreignTable(TABLE, { tags: { team: 'payroll' } });
  h.setGroup((spec) => {
    spec['endpoints'] = { dynamodb: 'http://elsewhere' };
    spec['checkpoints'] = { table: { adoption: 'Always' } };
  });
  await h.converge();
  expect(h.tables.tables.get(TABLE)?.tags).toEqual({ team: 'payroll' });
});
