import { expect, it } from 'vitest';
import { nextReadDelay, type LastRead } from '../../src/kinesis/next-read-delay.ts';

const MB = 1024 * 1024;

it.each<[string, LastRead | undefined, number, number]>([
  ['reads at once first', undefined, 1000, 0],
  ['waits for the poll interval when caught up', { bytes: 0, millisBehindLatest: 0 }, 1000, 1000],
  ['also when the last read brought records', { bytes: 500, millisBehindLatest: 0 }, 1000, 1000],
  ['reads five times a second when behind', { bytes: 100, millisBehindLatest: 1 }, 1000, 200],
  ['also when the last read was empty', { bytes: 0, millisBehindLatest: 60_000 }, 1000, 200],
  ['never reads more often, whatever the poll interval', { bytes: 0, millisBehindLatest: 0 }, 50, 200],
  ['keeps to 2 MB a second behind', { bytes: MB, millisBehindLatest: 1 }, 1000, 500],
  ['rests five seconds after 10 MB', { bytes: 10 * MB, millisBehindLatest: 1 }, 1000, 5000],
  ['and after a large read that reached the tip', { bytes: 4 * MB, millisBehindLatest: 0 }, 1000, 2000],
])('%s', (_, last, pollIntervalMs, expected) => {
  expect(nextReadDelay(last, pollIntervalMs)).toBe(expected);
});
