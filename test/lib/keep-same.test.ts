import fc from 'fast-check';
import { expect, test } from 'vitest';
import { keepSame } from '../../src/lib/keep-same.ts';

test('what stays the same is the one that was there', () => {
  const previous = { spec: { a: [1, { b: 2 }] }, status: { is: 'old', list: [{ x: 1 }, { y: 2 }] } };
  const next = { status: { is: 'new', list: [{ x: 1 }, { y: 3 }] }, spec: { a: [1, { b: 2 }] } };
  const kept = keepSame(previous, next);
  expect(kept).toEqual(next);
  expect(kept.spec).toBe(previous.spec);
  expect(kept.status.list[0]).toBe(previous.status.list[0]);
  expect(kept.status.list[1]).toEqual({ y: 3 });
  expect(keepSame(previous, structuredClone(previous))).toBe(previous);
});

const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.constantFrom(null, true, 0, 1, '', 'a'),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', '__proto__', 'length', '0'), tie('value'), { maxKeys: 3 }),
  ),
})).value;

test('nothing but identity is another', () => {
  fc.assert(
    fc.property(json, json, (previous, next) => {
      const [before, after] = [JSON.stringify(previous), JSON.stringify(next)];
      expect(JSON.stringify(keepSame(previous, next))).toBe(after);
      expect([JSON.stringify(previous), JSON.stringify(next)]).toEqual([before, after]);
      const copy: unknown = JSON.parse(after);
      if (typeof copy === 'object') expect(keepSame(next, copy)).toBe(next);
    }),
  );
});
