import { expect, test } from 'vitest';
import { count, figure } from '../../src/lib/count.ts';

test.each([
  [0, '0 shards'],
  [1, '1 shard'],
  [2, '2 shards'],
  [12_345, '12,345 shards'],
])('%d: %s', (n, expected) => {
  expect(count(n, 'shard')).toBe(expected);
});

test.each([
  [9_999, '9999'],
  [10_000, '10,000'],
  [-1_234_567, '-1,234,567'],
  [12_345.6789, '12,345.6789'],
])('%d as a figure: %s', (n, expected) => {
  expect(figure(n)).toBe(expected);
});
