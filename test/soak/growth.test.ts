import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/lib/random.ts';
import { growthOf } from './growth.ts';

const random = seededRandom(1);
/** One sample a second for four minutes. */
const samples = (valueAt: (second: number) => number) =>
  Array.from({ length: 241 }, (_, second) => ({ atMs: second * 1_000, value: valueAt(second) }));

describe('growth over the second half', () => {
  it.each<[string, (second: number) => number, number]>([
    ['stands still', () => 100, 0],
    ['grows at the beginning only', (second) => Math.min(second, 100), 0],
    ['goes up and down with garbage', (second) => 100 + (second % 17), 0],
    ['jumps for a while', (second) => (second > 150 && second < 180 ? 900 : 100), 0],
    ['grows', (second) => 100 + second, 120],
    ['grows under the garbage', (second) => 100 + second + 50 * random(), 120],
    ['falls', (second) => 500 - second, -120],
  ])('is known of what %s', (_, valueAt, growth) => {
    expect(growthOf(samples(valueAt))).toSatisfy((value: number) => Math.abs(value - growth) <= 15);
  });

  it('is not told from samples that are too few', () => {
    expect(growthOf([])).toBeUndefined();
    expect(growthOf(samples(() => 1).slice(0, 10))).toBeUndefined();
  });
});
