import { describe, expect, it } from 'vitest';
import { applyChange, changeOf } from '../../src/dashboard/page-change.ts';
import type { Page } from '../../src/dashboard/page-data.ts';

const aList = (groups: object[], more: object = {}) =>
  ({ kind: 'list', role: { leads: true }, groups, ...more }) as unknown as Page;
const [A, B, C] = ['a', 'b', 'c'].map((id) => ({ id, lag: 0 })) as [Entry, Entry, Entry];
interface Entry {
  id: string;
  lag: number;
}

/** As it comes out on the other side of the wire. */
const sent = (before: Page, after: Page) => {
  const change = changeOf(before, after);
  return change && applyChange(before, JSON.parse(JSON.stringify(change)));
};

describe('what changes of a page', () => {
  it('is nothing when it says the same', () => {
    expect(changeOf(aList([A, B]), aList([{ ...A }, { ...B }]))).toBeUndefined();
  });

  it('is the fields of entries that are other than before, and other entries stay the same objects', () => {
    const before = aList([A, { ...B, shards: '4/4' }, C]);
    const after = aList([A, { ...B, shards: '4/4', lag: 7 }, C]);
    expect(changeOf(before, after)).toEqual({
      lists: { groups: { entries: [{ id: 'b', set: { lag: 7 } }] } },
    });
    const there = sent(before, after) as unknown as { groups: Entry[] };
    expect(there).toEqual(after);
    expect(there.groups[0]).toBe(A);
  });

  it.each([
    ['an entry comes', aList([A]), aList([A, B])],
    ['an entry goes', aList([A, B, C]), aList([A, C])],
    ['an entry of nothing but its id comes', aList([A]), aList([A, { id: 'd' }])],
    ['a field of an entry goes', aList([{ ...A, owner: 'w' }, B]), aList([A, B])],
    [
      'a field of an entry is no longer known',
      aList([{ ...A, owner: 'w' }]),
      aList([{ ...A, owner: undefined }]),
    ],
    ['a list in an entry changes', aList([{ ...A, parents: ['x'] }]), aList([{ ...A, parents: ['x', 'y'] }])],
    ['another entry takes the place of one', aList([A, { ...B, owner: 'w' }]), aList([A, C])],
    ['the order changes', aList([A, B, C]), aList([C, A, B])],
    ['all go', aList([A]), aList([])],
    ['the first comes', aList([]), aList([A])],
    ['a field comes', aList([A]), aList([A], { lookedAt: 5 })],
    ['a field goes', aList([A], { lookedAt: 5 }), aList([A])],
  ])('tells when %s', (_, before, after) => {
    expect(sent(before, after)).toEqual(after);
  });
});
