import { expect, test } from 'vitest';
import { latestStart } from '../../src/leases/latest.ts';

const now = Date.UTC(2026, 0, 1);

test('Latest begins a moment before the time of the stream, whatever other clocks say', () => {
  for (const skewMs of [-240_000, 0, 240_000]) {
    expect(latestStart({ streamMs: now, nowMs: now + skewMs })).toBe(now - 2_000);
  }
});

test('Latest begins when the group was created, however long ago that was', () => {
  expect(latestStart({ streamMs: now, nowMs: now, ageMs: 3_600_000 })).toBe(now - 3_602_000);
  expect(latestStart({ streamMs: now, nowMs: now, ageMs: -5_000 })).toBe(now - 2_000);
});

test('Latest begins earlier than any clock can be wrong where the stream does not tell the time', () => {
  expect(latestStart({ streamMs: undefined, nowMs: now })).toBeLessThanOrEqual(now - 300_000);
});
