import { beforeEach, describe, expect, it } from 'vitest';
import type { LeaseTable } from '../../src/leases/lease-table.ts';
import { texts, type AttributeValue } from '../../src/leases/row.ts';
import type { RowWrite } from '../../src/leases/row-write.ts';

/** What every `LeaseTable` makes of single attributes, on an empty group made by `create`. */
export function leaseRowContract(create: () => Promise<LeaseTable>): void {
  let table: LeaseTable;
  beforeEach(async () => {
    table = await create();
  });
  const row = () => table.get('shardId-1', { consistent: true });

  describe('values', () => {
    const put = (set: Readonly<Record<string, AttributeValue>>) =>
      table.write({ name: 'test', key: 'shardId-1', kind: 'put', when: [], set, proof: [] });
    const update = (change: Partial<RowWrite>) =>
      table.write({ name: 'test', key: 'shardId-1', kind: 'update', when: [], proof: [], ...change });

    it.each([
      ['empty text', ''],
      ['text', 'ä "quoted" \n'],
      ['zero', 0],
      ['a large whole number', Number.MAX_SAFE_INTEGER],
      ['a fraction', -0.25],
      ['an empty map', {}],
      ['a map', { 'shardId-1': 5, '': 0 }],
      ['a set', ['a', 'b']],
    ])('%s comes back as it was put, and as it was set', async (_, value) => {
      await put({ value });
      expect(await row()).toEqual({ shard_id: 'shardId-1', value });
      await put({ value: 'other' });
      expect((await update({ set: { value } })).row).toEqual({ shard_id: 'shardId-1', value });
    });

    it('an empty set reads as no set', async () => {
      await put({ parents: [], epoch: 1 });
      expect(texts((await row())!, 'parents')).toEqual([]);
      await update({ set: { parents: ['a'] } });
      await update({ set: { parents: [] } });
      expect(texts((await row())!, 'parents')).toEqual([]);
    });

    it('words that DynamoDB reserves are names like any other', async () => {
      const set = { name: 'a', status: 'b', 'with.dot': 'c', size: 1 };
      await put(set);
      const when = Object.entries(set).map(([attribute, value]) => ({
        attribute,
        is: 'equal' as const,
        value,
      }));
      const result = await update({ when, set: { 'with.dot': 'd' }, remove: ['name'], add: { size: 1 } });
      expect(result).toEqual({
        outcome: 'done',
        row: { shard_id: 'shardId-1', status: 'b', 'with.dot': 'd', size: 2 },
      });
    });

    it('what is both set and removed is removed', async () => {
      await put({ a: 1 });
      expect((await update({ set: { a: 2 }, remove: ['a'] })).row).toEqual({ shard_id: 'shardId-1' });
    });

    it('a number that is added to starts at 0', async () => {
      await update({ add: { knock: 2 } });
      expect((await update({ add: { knock: -5 } })).row).toMatchObject({ knock: -3 });
    });

    it.each([
      ['absent', 'a', 'lost'],
      ['absent', 'b', 'done'],
      ['present', 'a', 'done'],
      ['present', 'b', 'lost'],
    ] as const)('%s on attribute %s: %s', async (is, attribute, outcome) => {
      await put({ a: 1 });
      expect((await update({ when: [{ attribute, is }], set: { c: 1 } })).outcome).toBe(outcome);
    });

    it.each([
      [{ is: 'equal', value: 1 }, 'done'],
      [{ is: 'equal', value: '1' }, 'lost'],
      [{ is: 'not equal', value: 1 }, 'lost'],
      [{ is: 'not equal', value: '1' }, 'done'],
    ] as const)('%o on the number 1: %s', async (condition, outcome) => {
      await put({ a: 1 });
      const when = [{ attribute: 'a', ...condition }];
      expect((await update({ when, set: { c: 1 } })).outcome).toBe(outcome);
    });

    it('an attribute that is missing is not equal to anything', async () => {
      await put({ a: 1 });
      const when = [{ attribute: 'b', is: 'not equal' as const, value: 1 }];
      expect((await update({ when, set: { c: 1 } })).outcome).toBe('done');
    });
  });
}
