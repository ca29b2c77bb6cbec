import { expect, test } from 'vitest';
import { count } from '../../src/lib/count.ts';

test.each([
  [0, '0 shards'],
  [1, '1 shard'],
  [2, '2 shards'],
])('%d: %s', (n, expected) => {
  expect(count(n, 'shard')).toBe(expected);
});
