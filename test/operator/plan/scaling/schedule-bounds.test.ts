import { describe, expect, test } from 'vitest';
import { scheduleBounds } from '../../../../src/operator/plan/scaling/schedule-bounds.ts';

const DAY = {
  name: 'day',
  timeZone: 'Europe/Berlin',
  start: '0 8 * * MON-FRI',
  end: '0 18 * * MON-FRI',
  minReplicas: 4,
};
const NIGHT = {
  name: 'night',
  timeZone: 'Europe/Berlin',
  start: '0 22 * * *',
  end: '30 5 * * *',
  minReplicas: 0,
  maxReplicas: 2,
};
const SALE = {
  name: 'sale',
  timeZone: 'UTC',
  start: '0 0 27 11 *',
  end: '0 0 1 12 *',
  minReplicas: 10,
  maxReplicas: 50,
};
const spec = { minReplicas: 1, maxReplicas: 20 };

describe('what bounds hold when', () => {
  test.each<
    [
      string,
      string,
      (typeof NIGHT | typeof DAY)[],
      { min: number; max: number; minBy?: string; maxBy?: string },
    ]
  >([
    ['without schedules', '2026-11-30T09:00:00+01:00', [], { min: 1, max: 20 }],
    ['a moment before a window opens', '2026-11-30T07:59:59.999+01:00', [DAY], { min: 1, max: 20 }],
    ['at the moment it opens', '2026-11-30T08:00:00+01:00', [DAY], { min: 4, max: 20, minBy: 'day' }],
    ['in it', '2026-11-30T12:00:00+01:00', [DAY, NIGHT], { min: 4, max: 20, minBy: 'day' }],
    ['at the moment it closes', '2026-11-30T18:00:00+01:00', [DAY], { min: 1, max: 20 }],
    ['on a day that it leaves out', '2026-11-29T12:00:00+01:00', [DAY], { min: 1, max: 20 }],
    ['by the time of the zone in summer', '2026-06-30T06:30:00Z', [DAY], { min: 4, max: 20, minBy: 'day' }],
    [
      'over midnight',
      '2026-11-30T01:00:00+01:00',
      [DAY, NIGHT],
      { min: 0, max: 2, minBy: 'night', maxBy: 'night' },
    ],
    [
      'of two, the greatest floor and the least ceiling',
      '2026-11-30T12:00:00+01:00',
      [DAY, SALE],
      { min: 10, max: 50, minBy: 'sale', maxBy: 'sale' },
    ],
    [
      'of a floor above a ceiling, the ceiling',
      '2026-11-30T23:00:00+01:00',
      [SALE, NIGHT],
      { min: 2, max: 2, minBy: 'sale', maxBy: 'night' },
    ],
    [
      'when the clock is put forward over the start, from then on',
      '2026-03-29T03:00:00+02:00',
      [{ ...DAY, start: '30 2 * * *', end: '0 4 * * *' }],
      { min: 4, max: 20, minBy: 'day' },
    ],
    [
      'when the clock is put back, until the end comes for the first time',
      '2026-10-25T02:30:00+01:00',
      [{ ...DAY, start: '0 1 * * *', end: '30 2 * * *' }],
      { min: 1, max: 20 },
    ],
    [
      'an end that never comes opens nothing',
      '2026-11-30T12:00:00+01:00',
      [{ ...DAY, end: '0 0 30 2 *' }],
      { min: 1, max: 20 },
    ],
  ])('%s', (_, time, schedules, bounds) => {
    const { min, max, minBy, maxBy } = scheduleBounds({ ...spec, schedules }, Date.parse(time));
    expect({ min, max, minBy, maxBy }).toEqual({ minBy: undefined, maxBy: undefined, ...bounds });
  });

  test('tells when that changes', () => {
    const at = (time: string) => scheduleBounds({ ...spec, schedules: [DAY] }, Date.parse(time)).changesInMs;
    expect(at('2026-11-30T07:59:00+01:00')).toBe(60_000);
    expect(at('2026-11-30T08:00:00+01:00')).toBe(10 * 3_600_000);
    expect(scheduleBounds(spec, 0).changesInMs).toBeUndefined();
  });
});
