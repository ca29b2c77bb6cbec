import { describe, expect, it } from 'vitest';
import type { DesiredTable } from '../../src/table/desired-table.ts';
import { planTable } from '../../src/table/plan-table.ts';
import type { ObservedTable } from '../../src/table/table-admin.ts';
import { aDesired, aTable, OURS } from '../support/table-builders.ts';

const REFUNDS = { ...OURS, 'kcg.dev/group-id': 'shop.refunds' };
const HELD = 'kcg.dev/settings-by';
const asked = {
  tags: { team: 'a' },
  pointInTimeRecovery: true,
  deletionProtection: false,
  tableClass: 'StandardInfrequentAccess' as const,
};

describe('a table that another group made', () => {
  const theirs = { tags: { ...REFUNDS, team: 'b' } };

  it.each<[string, Partial<DesiredTable>, Partial<ObservedTable>, string[]]>([
    ['nothing is asked for', {}, {}, []],
    ['what is asked for is so', { tags: { team: 'b' } }, {}, []],
    ['a tag differs', { tags: { team: 'a' } }, {}, ['left to group shop.refunds', 'tags[team]: b → a.']],
    [
      'much differs',
      asked,
      {},
      [
        'tags[team]: b → a, pointInTimeRecovery: off → on, deletionProtection: on → off, tableClass: Standard → StandardInfrequentAccess. Set these in group shop.refunds',
      ],
    ],
    [
      'billing differs',
      { billing: { mode: 'OnDemand', maxReadRequestUnits: 10 } },
      { billing: { mode: 'Provisioned', readCapacityUnits: 1, writeCapacityUnits: 2 } },
      ['billing: Provisioned (1 read, 2 write) → OnDemand (at most 10 read)'],
    ],
    ['it was adopted', { ...asked, adoption: 'Always' }, {}, ['left to group shop.refunds']],
  ])('keeps the settings of that group: %s', (_, desired, observed, words) => {
    const { steps, notes, problem, heldBy } = planTable(
      aDesired(desired),
      aTable({ ...theirs, ...observed }),
    );
    expect(problem).toBeUndefined();
    expect(steps).toEqual([]);
    expect(heldBy).toBe(words.length > 0 ? 'shop.refunds' : undefined);
    expect(notes).toHaveLength(Math.min(1, words.length));
    for (const word of words) expect(notes[0]).toContain(word);
  });

  it('gets its time to live from any group, as they all need the same', () => {
    const { steps } = planTable(aDesired(asked), aTable({ ...theirs, ttlAttribute: '' }));
    expect(steps).toEqual([{ do: 'enable ttl', attribute: 'ttl' }]);
  });

  it('is taken over once that group is known to be gone, by its tag first and alone', () => {
    const { steps, heldBy } = planTable(aDesired(asked), aTable(theirs), { gone: 'shop.refunds' });
    expect(steps).toEqual([{ do: 'tag', tags: { [HELD]: 'shop.orders' } }]);
    expect(heldBy).toBeUndefined();
    const taken = aTable({ tags: { ...theirs.tags, [HELD]: 'shop.orders' } });
    const next = planTable(aDesired(asked), taken, { gone: 'shop.refunds' });
    expect(next.steps.map((step) => step.do)).toEqual([
      'tag',
      'set point-in-time recovery',
      'set deletion protection',
    ]);
  });

  it('stays as it is while another than its holder is gone, or tags cannot be set', () => {
    const taken = aTable({ tags: { ...theirs.tags, [HELD]: 'shop.third' } });
    expect(planTable(aDesired(asked), taken, { gone: 'shop.refunds' }).heldBy).toBe('shop.third');
    const blind = aTable({ tags: {}, maker: 'shop.refunds', unread: { tags: 'denied' } });
    expect(planTable(aDesired(asked), blind, { gone: 'shop.refunds' })).toMatchObject({
      steps: [],
      heldBy: 'shop.refunds',
    });
  });

  it('is not deleted as the own table of the group that has taken its settings over', () => {
    const taken = aTable({ tags: { ...REFUNDS, [HELD]: 'shop.orders' } });
    const { steps } = planTable(aDesired({ ...asked, adoption: 'Always' }), taken);
    expect(steps).not.toContainEqual(
      expect.objectContaining({ tags: expect.objectContaining({ 'kcg.dev/group-id': 'shop.orders' }) }),
    );
  });

  it('goes back to whoever asks when the group that holds it asks for nothing any more', () => {
    const taken = aTable({ tags: { ...REFUNDS, [HELD]: 'shop.orders' } });
    expect(planTable(aDesired({ adoption: 'Always' }), taken).steps).toEqual([{ do: 'untag', keys: [HELD] }]);
  });
});

describe('a table that kcg did not make', () => {
  const adopt = (changes: Partial<DesiredTable>) => aDesired({ adoption: 'Always', ...changes });

  it('is held by the first group that asks for what is not so', () => {
    expect(planTable(adopt({}), aTable({ tags: {} })).steps).toEqual([]);
    expect(planTable(adopt({ deletionProtection: true }), aTable({ tags: {} })).steps).toEqual([]);
    expect(planTable(adopt({ deletionProtection: false }), aTable({ tags: {} })).steps).toEqual([
      { do: 'tag', tags: { [HELD]: 'shop.orders' } },
    ]);
  });

  it('is set without a holder where tags are not known', () => {
    const table = aTable({ tags: {}, unread: { tags: 'no such operation' } });
    expect(planTable(adopt({ deletionProtection: false }), table).steps).toEqual([
      { do: 'set deletion protection', enabled: false },
    ]);
  });
});
