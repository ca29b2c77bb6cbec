import { describe, expect, it } from 'vitest';
import { pathOf, roundUp, roundUpSeconds, runsOf } from '../../src/dashboard/page/chart-points.ts';

describe('a line over the last hour', () => {
  it('goes over short gaps, and not over a time in which nobody looked', () => {
    const runs = runsOf([1, null, 2, null, null, 3, 4], 1);
    expect(runs.map(({ points }) => points.map(({ value }) => value))).toEqual([
      [1, 2],
      [3, 4],
    ]);
    expect(pathOf(runs, 4)).toBe('M0 3L2 2M5 1L6 0');
  });

  it('shows a value that stands alone, and nothing where nothing is known', () => {
    expect(pathOf(runsOf([null, 5], 1), 10)).toBe('M1 5h0.001');
    expect(pathOf(runsOf([null, null], 1), 10)).toBe('');
  });

  it.each([
    [0, 1],
    [1, 1],
    [3, 5],
    [0.4, 0.5],
    [826, 1_000],
    [1_001, 2_000],
  ])('of at most %s has a scale up to %s', (value, top) => expect(roundUp(value)).toBeCloseTo(top));

  it.each([
    [0, 1],
    [11, 20],
    [45, 60],
    [1_234, 1_800],
    [90_000, 172_800],
  ])('of at most %s seconds has one up to %s', (value, top) => expect(roundUpSeconds(value)).toBe(top));
});
