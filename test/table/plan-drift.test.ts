import { describe, expect, it } from 'vitest';
import type { DesiredTable } from '../../src/table/desired-table.ts';
import { planTable, stepKey } from '../../src/table/plan-table.ts';
import { SHARD_ID_KEY_SCHEMA, type ObservedTable, type TableStep } from '../../src/table/table-admin.ts';
import { aDesired, aTable, KEY, LIST, listOf, OURS } from '../support/table-builders.ts';

describe('drift', () => {
  const capped = (maxReadRequestUnits?: number, maxWriteRequestUnits?: number) => ({
    mode: 'OnDemand' as const,
    maxReadRequestUnits,
    maxWriteRequestUnits,
  });
  const provisioned = (read: number) =>
    ({ mode: 'Provisioned', readCapacityUnits: read, writeCapacityUnits: 1 }) as const;
  const tags = (more: Record<string, string>) => ({ tags: { ...OURS, ...more } });

  it.each<[string, Partial<DesiredTable>, Partial<ObservedTable>, TableStep[]]>([
    ['nothing is done when all is as asked', {}, {}, []],
    ['ttl off', {}, { ttlAttribute: '' }, [{ do: 'enable ttl', attribute: 'ttl' }]],
    [
      'ttl on another attribute',
      {},
      { ttlAttribute: 'expires' },
      [{ do: 'disable ttl', attribute: 'expires' }],
    ],
    ['ttl is being turned off', {}, { ttlAttribute: 'expires', isTtlEnding: true }, []],
    [
      'ttl on another attribute of a table that kcg did not make',
      { adoption: 'Always' },
      { ttlAttribute: 'expires', tags: {} },
      [],
    ],
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
    ['a ceiling unset is left alone', { billing: { mode: 'OnDemand' } }, { billing: capped(5, 6) }, []],
    ['a ceiling', { billing: capped(5) }, {}, [{ do: 'set billing', billing: capped(5) }]],
    ['one ceiling of two', { billing: capped(5) }, { billing: capped(5, 6) }, []],
    [
      'another ceiling',
      { billing: capped(5) },
      { billing: capped(4, 6) },
      [{ do: 'set billing', billing: capped(5) }],
    ],
    [
      'no ceiling',
      { billing: capped(-1, -1) },
      { billing: capped(undefined, 6) },
      [{ do: 'set billing', billing: capped(-1, -1) }],
    ],
    ['no ceiling, and there is none', { billing: capped(-1, -1) }, {}, []],
    [
      'ceilings of a table that is provisioned',
      { billing: capped(5) },
      { billing: provisioned(5) },
      [{ do: 'set billing', billing: capped(5) }],
    ],
    ['class unset is left alone', {}, { tableClass: 'StandardInfrequentAccess' }, []],
    [
      'class',
      { tableClass: 'StandardInfrequentAccess' },
      {},
      [{ do: 'set table class', tableClass: 'StandardInfrequentAccess' }],
    ],
    ['key unset is left alone', {}, { kmsKeyArn: KEY }, []],
    ['key', { key: { kmsKeyArn: KEY } }, {}, [{ do: 'set encryption', key: { kmsKeyArn: KEY } }]],
    [
      'another key',
      { key: { kmsKeyArn: KEY } },
      { kmsKeyArn: `${KEY}2` },
      [{ do: 'set encryption', key: { kmsKeyArn: KEY } }],
    ],
    [
      "DynamoDB's own key in place of another",
      { key: { awsKey: 'Owned' } },
      { kmsKeyArn: KEY },
      [{ do: 'set encryption', key: { awsKey: 'Owned' } }],
    ],
    ["DynamoDB's own key", { key: { awsKey: 'Owned' } }, {}, []],
    [
      "the account's key in place of DynamoDB's own",
      { key: { awsKey: 'Managed' } },
      {},
      [{ do: 'set encryption', key: { awsKey: 'Managed' } }],
    ],
    ["the account's key on an encrypted table", { key: { awsKey: 'Managed' } }, { kmsKeyArn: KEY }, []],
    [
      'an alias on an encrypted table',
      { key: { kmsKeyArn: KEY.replace('key/', 'alias/') } },
      { kmsKeyArn: KEY },
      [],
    ],
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
    const { steps, notes } = planTable(aDesired({ key: { kmsKeyArn: alias } }), aTable({ kmsKeyArn: KEY }));
    expect(steps).toEqual([]);
    expect(notes).toEqual([expect.stringContaining(`whether ${alias} stands for that key cannot be seen`)]);
    expect(planTable(aDesired({ key: { kmsKeyArn: KEY } }), aTable({ kmsKeyArn: KEY })).notes).toEqual([]);
  });

  it("of the account's own key cannot be seen, which is told", () => {
    const { notes } = planTable(aDesired({ key: { awsKey: 'Managed' } }), aTable({ kmsKeyArn: KEY }));
    expect(notes).toEqual([
      expect.stringContaining("whether that is the account's aws/dynamodb cannot be seen"),
    ]);
    expect(planTable(aDesired({ key: { awsKey: 'Owned' } }), aTable({ kmsKeyArn: KEY })).notes).toEqual([]);
  });

  it('of a table that is being encrypted anew is looked for later: it may still show the key before', () => {
    const asked = aDesired({ key: { kmsKeyArn: KEY }, deletionProtection: false });
    const plan = planTable(asked, aTable({ isReencrypting: true }));
    expect(plan).toMatchObject({ steps: [], isBusy: true, problem: undefined });
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
      key: { kmsKeyArn: KEY },
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
      if (step?.do === 'set encryption') table = { ...table, kmsKeyArn: KEY };
    }
    expect(done).toEqual(['set deletion protection', 'set billing', 'set table class', 'set encryption']);
  });

  it('changes nothing of a table that is External', () => {
    const desired = aDesired({ management: 'External', tags: { a: '1' }, deletionProtection: false });
    expect(planTable(desired, aTable({ ttlAttribute: '' })).steps).toEqual([]);
  });
});
