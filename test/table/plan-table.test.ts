import { describe, expect, it } from 'vitest';
import type { DesiredTable } from '../../src/table/desired-table.ts';
import { planTable, stepKey } from '../../src/table/plan-table.ts';
import { tagsOfNew } from '../../src/table/table-tags.ts';
import {
  NATIVE_KEY_SCHEMA,
  SHARD_ID_KEY_SCHEMA,
  type ObservedTable,
  type TableStep,
} from '../../src/table/table-admin.ts';

const OURS = { 'kcg.dev/created-by': 'kcg', 'kcg.dev/group-id': 'shop.orders' };
/** The tag that lists the tags with these keys as set for the group, in any order. */
const listOf = (...keys: string[]) => {
  const asked = Object.fromEntries(keys.map((key) => [key, '']));
  const [list] = Object.entries(tagsOfNew(asked, OURS)).filter(([key]) => key.startsWith('kcg.dev/tags-'));
  return Object.fromEntries(list ? [list] : []);
};
const LIST = Object.keys(listOf('a'))[0]!;
const KEY = 'arn:aws:kms:eu-west-1:123456789012:key/1';

/** Nothing but what must be. */
const aDesired = (changes: Partial<DesiredTable> = {}): DesiredTable => ({
  name: 't',
  management: 'Managed',
  adoption: 'IfOurs',
  ownershipTags: OURS,
  tags: undefined,
  billing: undefined,
  deletionProtection: undefined,
  defaultDeletionProtection: true,
  pointInTimeRecovery: undefined,
  kmsKeyArn: undefined,
  tableClass: undefined,
  ...changes,
});

/** A table as kcg created it. */
const aTable = (changes: Partial<ObservedTable> = {}): ObservedTable => ({
  name: 't',
  arn: 'arn:aws:dynamodb:eu-west-1:123456789012:table/t',
  status: 'ACTIVE',
  keySchema: NATIVE_KEY_SCHEMA,
  createdAt: 0,
  billing: { mode: 'OnDemand' },
  ttlAttribute: 'ttl',
  tags: OURS,
  pointInTimeRecovery: false,
  deletionProtection: true,
  kmsKeyArn: undefined,
  tableClass: 'Standard',
  ...changes,
});

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
            kmsKeyArn: undefined,
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
      kmsKeyArn: KEY,
      tableClass: 'StandardInfrequentAccess' as const,
    };
    const { steps } = planTable(aDesired({ ...asked, tags: { team: 'shop' } }), undefined);
    expect(steps).toEqual([
      { do: 'create', table: { ...asked, tags: { team: 'shop', ...OURS, ...listOf('team') } } },
    ]);
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

  it('never gives an adopted table the tags that mark it as ours', () => {
    const desired = aDesired({ adoption: 'Always', tags: { team: 'shop' } });
    const tags = { team: 'shop', ...listOf('team') };
    expect(planTable(desired, aTable({ tags: {} })).steps).toEqual([{ do: 'tag', tags }]);
  });

  it('asks nobody whose the table is when it is External', () => {
    const plan = planTable(aDesired({ management: 'External' }), aTable({ tags: {}, ttlAttribute: '' }));
    expect(plan).toEqual({ steps: [], problem: undefined, isBusy: false, notes: [], inVain: [] });
  });
});

describe('drift', () => {
  const provisioned = (read: number) =>
    ({ mode: 'Provisioned', readCapacityUnits: read, writeCapacityUnits: 1 }) as const;
  const tags = (more: Record<string, string>) => ({ tags: { ...OURS, ...more } });

  it.each<[string, Partial<DesiredTable>, Partial<ObservedTable>, TableStep[]]>([
    ['nothing is done when all is as asked', {}, {}, []],
    ['ttl off', {}, { ttlAttribute: '' }, [{ do: 'enable ttl', attribute: 'ttl' }]],
    ['ttl on another attribute', {}, { ttlAttribute: 'expires' }, []],
    ['ttl off, rows of async-kinesis', {}, { ttlAttribute: '', keySchema: SHARD_ID_KEY_SCHEMA }, []],
    ['a tag is missing', { tags: { a: '1' } }, {}, [{ do: 'tag', tags: { a: '1', ...listOf('a') } }]],
    [
      'a tag differs',
      { tags: { a: '1', b: '2' } },
      tags({ a: '0', b: '2', ...listOf('a', 'b') }),
      [{ do: 'tag', tags: { a: '1' } }],
    ],
    ['a tag of others stays', { tags: {} }, tags({ theirs: 'x' }), []],
    [
      'a tag of ours goes, and is listed until it is gone',
      { tags: { b: '1' } },
      tags({ a: '1', b: '1', theirs: 'x', ...listOf('a', 'b') }),
      [{ do: 'untag', keys: ['a'] }],
    ],
    [
      'a tag of ours is gone already',
      { tags: { b: '1' } },
      tags({ b: '1', ...listOf('a', 'b') }),
      [{ do: 'tag', tags: listOf('b') }],
    ],
    ['a tag of ours that is still asked for', { tags: { a: '1' } }, tags({ a: '1', ...listOf('a') }), []],
    [
      'tags are no longer asked for at all',
      {},
      tags({ a: '1', theirs: 'x', ...listOf('a') }),
      [{ do: 'untag', keys: ['a', LIST] }],
    ],
    [
      'tags of kcg and AWS are never removed',
      {},
      tags({ 'aws:x': '1', ...listOf('kcg.dev/created-by', 'aws:x') }),
      [{ do: 'untag', keys: [LIST] }],
    ],
    ['backups unset are left alone', {}, { pointInTimeRecovery: true }, []],
    ['backups on', { pointInTimeRecovery: true }, {}, [{ do: 'set point-in-time recovery', enabled: true }]],
    [
      'backups off',
      { pointInTimeRecovery: false },
      { pointInTimeRecovery: true },
      [{ do: 'set point-in-time recovery', enabled: false }],
    ],
    ['protection unset is left alone', {}, { deletionProtection: false }, []],
    [
      'protection on',
      { deletionProtection: true },
      { deletionProtection: false },
      [{ do: 'set deletion protection', enabled: true }],
    ],
    [
      'protection off',
      { deletionProtection: false },
      {},
      [{ do: 'set deletion protection', enabled: false }],
    ],
    ['billing unset is left alone', {}, { billing: provisioned(5) }, []],
    [
      'billing mode',
      { billing: { mode: 'OnDemand' } },
      { billing: provisioned(5) },
      [{ do: 'set billing', billing: { mode: 'OnDemand' } }],
    ],
    [
      'capacity',
      { billing: provisioned(5) },
      { billing: provisioned(4) },
      [{ do: 'set billing', billing: provisioned(5) }],
    ],
    ['capacity is the same', { billing: provisioned(5) }, { billing: provisioned(5) }, []],
    ['class unset is left alone', {}, { tableClass: 'StandardInfrequentAccess' }, []],
    [
      'class',
      { tableClass: 'StandardInfrequentAccess' },
      {},
      [{ do: 'set table class', tableClass: 'StandardInfrequentAccess' }],
    ],
    ['key unset is left alone', {}, { kmsKeyArn: KEY }, []],
    ['key', { kmsKeyArn: KEY }, {}, [{ do: 'set encryption', kmsKeyArn: KEY }]],
    ['another key', { kmsKeyArn: KEY }, { kmsKeyArn: `${KEY}2` }, [{ do: 'set encryption', kmsKeyArn: KEY }]],
    ['an alias on an encrypted table', { kmsKeyArn: KEY.replace('key/', 'alias/') }, { kmsKeyArn: KEY }, []],
  ])('%s', (_, desired, observed, steps) => {
    const plan = planTable(aDesired(desired), aTable(observed));
    expect(plan).toMatchObject({ steps, problem: undefined, isBusy: false });
  });

  it('takes off no tag that another group has set', () => {
    const ownershipTags = { ...OURS, 'kcg.dev/group-id': 'b' };
    const desired = aDesired({ ownershipTags, adoption: 'Always' });
    expect(planTable(desired, aTable({ tags: { a: '1', ...listOf('a') } })).steps).toEqual([]);
  });

  it('of a key that was given by an alias cannot be seen, which is told', () => {
    const alias = KEY.replace('key/', 'alias/');
    const { steps, notes } = planTable(aDesired({ kmsKeyArn: alias }), aTable({ kmsKeyArn: KEY }));
    expect(steps).toEqual([]);
    expect(notes).toEqual([expect.stringContaining(`whether ${alias} stands for that key cannot be seen`)]);
    expect(planTable(aDesired({ kmsKeyArn: KEY }), aTable({ kmsKeyArn: KEY })).notes).toEqual([]);
  });

  it('that a table does not take on is left out and named, and keeps no other change waiting', () => {
    const desired = aDesired({ billing: provisioned(5), tableClass: 'StandardInfrequentAccess' });
    const [billing] = planTable(desired, aTable()).steps;
    const plan = planTable(desired, aTable(), { inVain: new Set([stepKey(billing!)]) });
    expect(plan.steps.map((step) => step.do)).toEqual(['set table class']);
    expect(plan.inVain).toEqual([billing]);
    expect(plan.notes).toEqual([
      expect.stringContaining('left out, as this DynamoDB does not take it on: set billing'),
    ]);
  });

  it('changes what UpdateTable changes one at a time, protection first', () => {
    const everything = aDesired({
      deletionProtection: true,
      billing: provisioned(5),
      tableClass: 'StandardInfrequentAccess',
      kmsKeyArn: KEY,
    });
    let table = aTable({ deletionProtection: false });
    const done: string[] = [];
    for (let look = 0; look < 10; look += 1) {
      const { steps } = planTable(everything, table);
      if (steps.length === 0) break;
      expect(steps).toHaveLength(1);
      done.push(steps[0]!.do);
      const [step] = steps;
      if (step?.do === 'set deletion protection') table = { ...table, deletionProtection: step.enabled };
      if (step?.do === 'set billing') table = { ...table, billing: step.billing };
      if (step?.do === 'set table class') table = { ...table, tableClass: step.tableClass };
      if (step?.do === 'set encryption') table = { ...table, kmsKeyArn: step.kmsKeyArn };
    }
    expect(done).toEqual(['set deletion protection', 'set billing', 'set table class', 'set encryption']);
  });

  it('changes nothing of a table that is External', () => {
    const desired = aDesired({ management: 'External', tags: { a: '1' }, deletionProtection: false });
    expect(planTable(desired, aTable({ ttlAttribute: '' })).steps).toEqual([]);
  });
});

describe('a table that carries the name of another group', () => {
  const theirs = { tags: { ...OURS, 'kcg.dev/group-id': 'shop.refunds', team: 'b' } };
  const asked = {
    tags: { team: 'a' },
    pointInTimeRecovery: true,
    deletionProtection: false,
    tableClass: 'StandardInfrequentAccess' as const,
  };

  it.each<[string, Partial<DesiredTable>, Partial<ObservedTable>, string | undefined]>([
    ['nothing is asked for', {}, {}, undefined],
    ['what is asked for is so', { tags: { team: 'b' } }, {}, undefined],
    ['a tag differs', { tags: { team: 'a' } }, {}, 'left to group shop.refunds, whose table it is: tag.'],
    [
      'much differs',
      asked,
      {},
      'tag, set point-in-time recovery, set deletion protection, set table class. Set these there, or set',
    ],
    ['it was adopted', { ...asked, adoption: 'Always' }, {}, 'left to group shop.refunds'],
  ])('keeps the settings of that group: %s', (_, desired, observed, note) => {
    const { steps, notes, problem } = planTable(aDesired(desired), aTable({ ...theirs, ...observed }));
    expect(problem).toBeUndefined();
    expect(steps).toEqual([]);
    expect(notes).toEqual(note === undefined ? [] : [expect.stringContaining(note)]);
  });

  it('gets its time to live from any group, as they all need the same', () => {
    const { steps } = planTable(aDesired(asked), aTable({ ...theirs, ttlAttribute: '' }));
    expect(steps).toEqual([{ do: 'enable ttl', attribute: 'ttl' }]);
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
