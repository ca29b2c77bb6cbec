import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { laneOf } from '../../../src/runtime/delivery/lane-of.ts';

describe('the lane of a partition key', () => {
  test('is one of the lanes, and always the same', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 10 }), (key, lanes) => {
        const lane = laneOf(key, lanes);
        expect(lane).toBe(laneOf(key, lanes));
        expect(Number.isInteger(lane) && lane >= 0 && lane < lanes).toBe(true);
      }),
    );
  });

  test('does not change from release to release: what was given up is found again by it', () => {
    const keys = ['', 'a', 'order-1', 'order-2', 'ключ', '3f0c6a52-7a07-4d0e-9f53-6a4f4e3a2d10'];
    expect(keys.map((key) => laneOf(key, 10))).toEqual([3, 5, 2, 4, 2, 9]);
  });

  test.each([2, 3, 7, 10])('is each of %i about as often, also for keys that count up', (lanes) => {
    const counts = Array.from({ length: lanes }, () => 0);
    for (let i = 0; i < 10_000; i += 1) counts[laneOf(`customer-${i}`, lanes)]! += 1;
    for (const count of counts) expect(Math.abs(count - 10_000 / lanes)).toBeLessThan(1_500 / lanes);
  });
});
