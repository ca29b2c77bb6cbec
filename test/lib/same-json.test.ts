import { expect, test } from 'vitest';
import { isSameJson } from '../../src/lib/same-json.ts';

test.each<[string, unknown, unknown]>([
  ['nothing', undefined, undefined],
  ['fields in another order', { a: 1, b: { c: [1, 'x', null] } }, { b: { c: [1, 'x', null] }, a: 1 }],
  ['a field that is undefined and none', { a: { b: undefined, c: 1 } }, { a: { c: 1 }, d: undefined }],
  ['no fields and only undefined ones', {}, { a: undefined }],
  ['empty lists', { a: [] }, { a: [] }],
])('the same: %s', (_, a, b) => {
  expect(isSameJson(a, b)).toBe(true);
  expect(isSameJson(b, a)).toBe(true);
});

test.each<[string, unknown, unknown]>([
  ['something and nothing', {}, undefined],
  ['null and no field', { a: null }, {}],
  ['a number and its digits', { a: 1 }, { a: '1' }],
  ['a field more, within', { a: [{ b: 1 }] }, { a: [{ b: 1, c: 0 }] }],
  ['other fields, as many', { a: undefined, b: 1 }, { a: 1, b: undefined }],
  ['fields of other names, as many', { a: 1 }, { b: 1 }],
  ['a field that is there by nature', { toString: 1 }, { a: 1 }],
  ['an item more', [1, 2], [1, 2, 3]],
  ['a list and nothing', [], null],
  ['items in another order', [1, 2], [2, 1]],
  ['a list and an object', [], {}],
])('not the same: %s', (_, a, b) => {
  expect(isSameJson(a, b)).toBe(false);
  expect(isSameJson(b, a)).toBe(false);
});
