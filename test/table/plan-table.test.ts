import { describe, expect, it } from 'vitest';
import { planTable } from '../../src/table/plan-table.ts';
import { NATIVE_KEY_SCHEMA, SHARD_ID_KEY_SCHEMA, type TableStep } from '../../src/table/table-admin.ts';
import { aDesired, aTable, KEY, listOf, OURS } from '../support/table-builders.ts';

describe('a table that does not exist', () => {
  it('is created with the defaults of creation', () => {
    expect(planTable(aDesired(), undefined)).toEqual({
      steps: [
        {
          do: 'create',
          table: {
            billing: { mode: 'OnDemand' },
            tags: OURS,
            deletionProtection: true,
            key: undefined,
            tableClass: 'Standard',
          },
        },
      ],
      problem: undefined,
      isBusy: true,
      notes: [],
      inVain: [],
    });
  });

  it('is created as the group says', () => {
    const billing = { mode: 'Provisioned' as const, readCapacityUnits: 5, writeCapacityUnits: 6 };
    const asked = {
      billing,
      deletionProtection: false,
      key: { kmsKeyArn: KEY },
      tableClass: 'StandardInfrequentAccess' as const,
    };
    const { steps } = planTable(aDesired({ ...asked, tags: { team: 'shop' } }), undefined);
    expect(steps).toEqual([
      { do: 'create', table: { ...asked, tags: { team: 'shop', ...OURS, ...listOf('team') } } },
    ]);
  });

  it('is created without a ceiling to take away', () => {
    const billing = { mode: 'OnDemand' as const, maxReadRequestUnits: -1, maxWriteRequestUnits: 9 };
    const { steps } = planTable(aDesired({ billing }), undefined);
    expect(steps).toMatchObject([{ table: { billing: { mode: 'OnDemand', maxWriteRequestUnits: 9 } } }]);
    expect(steps).not.toMatchObject([{ table: { billing: { maxReadRequestUnits: -1 } } }]);
  });

  it('is not protected by default when the group will delete it', () => {
    const { steps } = planTable(aDesired({ defaultDeletionProtection: false }), undefined);
    expect(steps).toMatchObject([{ table: { deletionProtection: false } }]);
  });

  it('is not created again when it was there before: its positions are lost', () => {
    expect(planTable(aDesired(), undefined, { existed: true })).toMatchObject({
      steps: [],
      problem: { reason: 'Gone' },
    });
  });

  it('is a problem when somebody else manages it', () => {
    const plan = planTable(aDesired({ management: 'External' }), undefined);
    expect(plan).toMatchObject({ steps: [], problem: { reason: 'NotFound' } });
    expect(plan.problem?.message).toContain('group_id HASH, shard_id RANGE');
  });
});

describe('a table that changes', () => {
  it.each(['CREATING', 'UPDATING', 'DELETING', 'OTHER'] as const)('is left alone while %s', (status) => {
    const observed = aTable({ status, ttlAttribute: '', deletionProtection: false });
    const plan = planTable(aDesired({ deletionProtection: true }), observed);
    expect(plan).toMatchObject({ steps: [], isBusy: true, problem: undefined });
  });

  it.each(['CREATING', 'DELETING'] as const)('need not show key and tags while %s', (status) => {
    const plan = planTable(aDesired(), aTable({ status, keySchema: '', tags: {} }));
    expect(plan).toMatchObject({ isBusy: true, problem: undefined });
  });
});

describe('a KMS key that cannot be used', () => {
  it.each([
    ['INACCESSIBLE_ENCRYPTION_CREDENTIALS', 'enable the key'],
    ['ARCHIVING', 'restore the backup'],
    ['ARCHIVED', 'restore the backup'],
  ] as const)('%s: %s', (status, words) => {
    const plan = planTable(aDesired(), aTable({ status, kmsKeyArn: KEY }));
    expect(plan).toMatchObject({ steps: [], isBusy: false, problem: { reason: 'KeyInaccessible' } });
    expect(plan.problem?.message).toContain(words);
    expect(plan.problem?.message).toContain(KEY);
  });
});

describe('a global table', () => {
  const replicated = aTable({ replicas: ['us-east-1', 'eu-central-1'], ttlAttribute: '', tags: {} });

  it.each(['Managed', 'External'] as const)(
    'is refused in words, and nothing of it changed: %s',
    (management) => {
      const asked = aDesired({ management, adoption: 'Always', deletionProtection: false });
      const plan = planTable(asked, replicated, { existed: true });
      expect(plan).toMatchObject({ steps: [], isBusy: false, problem: { reason: 'Replicated' } });
      expect(plan.problem?.message).toContain('is a global table, with replicas in us-east-1, eu-central-1');
      expect(plan.problem?.message).toContain('Remove the replicas');
    },
  );

  it('is a table like any other once its replicas are gone', () => {
    expect(planTable(aDesired(), aTable({ replicas: [] })).problem).toBeUndefined();
  });
});

describe('the key', () => {
  it.each([
    [NATIVE_KEY_SCHEMA, true],
    [SHARD_ID_KEY_SCHEMA, true],
    ['leaseKey HASH', false],
    ['shard_id HASH, group_id RANGE', false],
    ['shard_id HASH, ts RANGE', false],
    ['', false],
  ])('%s: usable %s', (keySchema, usable) => {
    for (const management of ['Managed', 'External'] as const) {
      const { problem, steps } = planTable(aDesired({ management }), aTable({ keySchema, ttlAttribute: '' }));
      expect(problem?.reason).toBe(usable ? undefined : 'WrongKeySchema');
      if (!usable) {
        expect(steps).toEqual([]);
        expect(problem?.message).toContain(`has the key ${keySchema}`);
        expect(problem?.message).toContain(NATIVE_KEY_SCHEMA);
      }
    }
  });
});

describe('adoption', () => {
  const byOther = { ...OURS, 'kcg.dev/group-id': 'shop.refunds' };
  it.each([
    ['IfOurs', OURS, undefined],
    ['IfOurs', byOther, undefined],
    ['IfOurs', {}, 'NotOurs'],
    ['IfOurs', { 'kcg.dev/created-by': 'me' }, 'NotOurs'],
    ['Always', OURS, undefined],
    ['Always', byOther, undefined],
    ['Always', {}, undefined],
    ['Never', OURS, undefined],
    ['Never', byOther, 'NotOurs'],
    ['Never', {}, 'NotOurs'],
  ] as const)('%s, tags %o: %s', (adoption, tags, reason) => {
    const plan = planTable(aDesired({ adoption }), aTable({ tags }));
    expect(plan.problem?.reason).toBe(reason);
    expect(plan.steps).toEqual([]);
  });

  it('says who created the table, and the way out', () => {
    const { problem } = planTable(aDesired({ adoption: 'Never' }), aTable({ tags: byOther }));
    expect(problem?.message).toContain('was created by group shop.refunds');
    expect(problem?.message).toContain('adoption to Always');
  });

  it('never gives an adopted table the tags that mark it as made by kcg', () => {
    const desired = aDesired({ adoption: 'Always', tags: { team: 'shop' } });
    const held = { 'kcg.dev/settings-by': 'shop.orders' };
    expect(planTable(desired, aTable({ tags: {} })).steps).toEqual([{ do: 'tag', tags: held }]);
    const tags = { team: 'shop', ...listOf('team') };
    expect(planTable(desired, aTable({ tags: held })).steps).toEqual([{ do: 'tag', tags }]);
  });

  it('asks nobody whose the table is when it is External', () => {
    const plan = planTable(aDesired({ management: 'External' }), aTable({ tags: {}, ttlAttribute: '' }));
    expect(plan).toEqual({ steps: [], problem: undefined, isBusy: false, notes: [], inVain: [] });
  });
});

describe('a step that the service has just refused', () => {
  it.each<[readonly TableStep['do'][], readonly TableStep['do'][]]>([
    [[], ['tag', 'set point-in-time recovery', 'set deletion protection']],
    [['tag'], ['set point-in-time recovery', 'set deletion protection']],
    [['set deletion protection'], ['tag', 'set point-in-time recovery', 'set table class']],
    [['tag', 'set point-in-time recovery', 'set deletion protection', 'set table class'], []],
  ])('%o: the others come', (refused, steps) => {
    const desired = aDesired({
      tags: { a: '1' },
      pointInTimeRecovery: true,
      deletionProtection: false,
      tableClass: 'StandardInfrequentAccess',
    });
    const plan = planTable(desired, aTable(), { refused: new Set(refused) });
    expect(plan.steps.map((step) => step.do)).toEqual(steps);
  });
});

describe('what cannot be read', () => {
  const why = 'dynamodb:X was denied. Allow dynamodb:X on table t.';

  it('tags decide whose the table is, so Managed tables need them', () => {
    const { problem, steps } = planTable(aDesired(), aTable({ tags: {}, unread: { tags: why } }));
    expect(problem).toMatchObject({ reason: 'Unreadable', message: expect.stringContaining(why) });
    expect(steps).toEqual([]);
  });

  it('keeps no group from a table that it made, or has worked with', () => {
    const observed = aTable({ tags: {}, unread: { tags: why } });
    expect(planTable(aDesired(), { ...observed, maker: 'shop.orders' })).toMatchObject({
      problem: undefined,
      steps: [],
      notes: [expect.stringContaining('its rows say that group shop.orders made it')],
    });
    expect(planTable(aDesired(), observed, { existed: true }).problem).toBeUndefined();
  });

  it('is left alone, and told where the group asks for it', () => {
    const unread = { tags: why, ttl: why, pointInTimeRecovery: why };
    const observed = aTable({ tags: {}, ttlAttribute: '', unread });
    const quiet = planTable(aDesired({ adoption: 'Always' }), observed);
    expect(quiet).toMatchObject({
      steps: [],
      problem: undefined,
      notes: [expect.stringContaining('expire')],
    });
    const asking = aDesired({ adoption: 'Always', tags: { a: '1' }, pointInTimeRecovery: true });
    const { steps, notes } = planTable(asking, observed);
    expect(steps).toEqual([]);
    expect(notes).toHaveLength(3);
  });

  it('does not matter when the table is External', () => {
    const observed = aTable({ tags: {}, ttlAttribute: '', unread: { tags: why, ttl: why } });
    const plan = planTable(aDesired({ management: 'External' }), observed);
    expect(plan).toEqual({ steps: [], problem: undefined, isBusy: false, notes: [], inVain: [] });
  });

  it.each([
    ['expires', NATIVE_KEY_SCHEMA, 'on for expires'],
    ['', SHARD_ID_KEY_SCHEMA, 'time to live is off'],
  ])('a ttl on "%s" of a table with %s is told', (ttlAttribute, keySchema, words) => {
    const { notes } = planTable(aDesired(), aTable({ ttlAttribute, keySchema }));
    expect(notes).toEqual([expect.stringContaining(words)]);
  });
});
