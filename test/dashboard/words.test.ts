import { expect, it } from 'vitest';
import { loadWords, untorn, widthWords } from '../../src/dashboard/page/words.ts';

it.each([
  ['11s, 99 % of the retention left', '11s, 99\u00a0% of the retention left'],
  ['keeps 24 h (UPDATING)', 'keeps 24\u00a0h (UPDATING)'],
  ['waits 10 minutes for 3 shards', 'waits 10\u00a0minutes for 3 shards'],
  ['2 hot keys, 1 silent worker', '2 hot keys, 1 silent worker'],
])('%s: a figure stays with its unit, and only with that', (text, expected) => {
  expect(untorn(text)).toBe(expected);
});

it('writes figures of more than four digits in groups of three, and no percent without its figure', () => {
  expect([loadWords(9_999.4), loadWords(70_672), loadWords(1_234_567)]).toEqual([
    '9999/s',
    '70,672/s',
    '1,234,567/s',
  ]);
  expect([widthWords(1), widthWords(0.05)]).toEqual(['100.0\u00a0%', '5.00\u00a0%']);
});
