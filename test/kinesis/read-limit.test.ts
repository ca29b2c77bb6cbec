import { expect, it, test } from 'vitest';
import { nextReadLimit, limitWithin, type FinishedRead } from '../../src/kinesis/read-limit.ts';

it.each<[string, number, FinishedRead | 'failed', number]>([
  ['is kept when the shard had less', 10_000, { records: 12, tookMs: 80 }, 10_000],
  ['grows with full reads', 100, { records: 100, tookMs: 80 }, 150],
  ['grows from one', 1, { records: 1, tookMs: 80 }, 2],
  ['never grows above what is configured', 9_000, { records: 9_000, tookMs: 80 }, 10_000],
  ['shrinks to what the line carries in time', 10_000, { records: 800, tookMs: 8_000 }, 500],
  [
    'shrinks by half at most, for the line may have been busy with others',
    10_000,
    { records: 40, tookMs: 60_000 },
    20,
  ],
  ['is kept when a slow read brought nothing', 10_000, { records: 0, tookMs: 60_000 }, 10_000],
  ['shrinks much when a read fails', 10_000, 'failed', 1_250],
  ['is never nothing', 1, 'failed', 1],
  ['is never nothing when slow', 1, { records: 1, tookMs: 60_000 }, 1],
])('the size asked for %s', (_, limit, read, expected) => {
  expect(nextReadLimit(limit, 10_000, read)).toBe(expected);
});

test('a line that cuts what is long is found in a few reads, and mostly used', () => {
  const carries = 700;
  let limit = 10_000;
  const asked = Array.from({ length: 40 }, () => {
    const before = limit;
    const isCut = before > carries;
    limit = nextReadLimit(before, 10_000, isCut ? 'failed' : { records: before, tookMs: 1_000 });
    return isCut ? 0 : before;
  });
  expect(asked.slice(0, 4).some((records) => records > 0)).toBe(true);
  expect(asked.filter((records) => records === 0).length).toBeLessThan(10);
});

test('a read is asked for no more than there is room for, and one record at least', () => {
  const room = 1024 * 1024;
  expect(limitWithin(room, 10_000, 874)).toBe(1_024);
  expect(limitWithin(room, 10, 874)).toBe(10);
  expect(limitWithin(room, 10_000, 5_000_000)).toBe(1);
});

test('small records count with what they cost beside their data', () => {
  expect(limitWithin(100_000, 10_000, 50)).toBe(500);
});

test('while nobody knows what the records weigh, a read asks for few', () => {
  expect(limitWithin(4 * 1024 * 1024, 10_000, undefined)).toBe(1_000);
  expect(limitWithin(64 * 1024, 10_000, undefined)).toBe(64);
});
