import { expect, test } from 'vitest';
import type { NewCondition } from '../../src/api/conditions.ts';
import { setConditions } from '../../src/api/set-conditions.ts';

const AT = Date.parse('2026-11-23T08:00:00.900Z');
const ready: NewCondition = { type: 'Ready', status: 'True', reason: 'Available', message: 'all is well' };
const waiting: NewCondition = { type: 'Ready', status: 'False', reason: 'TableCreating', message: 'wait' };

test('a new condition is added with the time of now in whole seconds', () => {
  expect(setConditions([], [ready], AT)).toEqual([{ ...ready, lastTransitionTime: '2026-11-23T08:00:00Z' }]);
});

test('another message or reason keeps the transition time', () => {
  const before = setConditions([], [waiting], AT);
  const after = setConditions(
    before,
    [{ ...waiting, reason: 'Progressing', message: 'wait more' }],
    AT + 60_000,
  );
  expect(after).toEqual([
    { ...waiting, reason: 'Progressing', message: 'wait more', lastTransitionTime: '2026-11-23T08:00:00Z' },
  ]);
});

test('a flip of the status takes the time of now and keeps the place in the list', () => {
  const claimed: NewCondition = { type: 'GroupClaimed', status: 'True', reason: 'Claimed', message: '' };
  const before = setConditions([], [waiting, claimed], AT);
  const after = setConditions(before, [ready], AT + 60_000);
  expect(after.map(({ type, lastTransitionTime }) => [type, lastTransitionTime])).toEqual([
    ['Ready', '2026-11-23T08:01:00Z'],
    ['GroupClaimed', '2026-11-23T08:00:00Z'],
  ]);
});

test('nothing that was handed in is changed', () => {
  const before = Object.freeze(setConditions([], [waiting], AT).map((each) => Object.freeze(each)));
  expect(() => setConditions(before, [ready], AT)).not.toThrow();
});
