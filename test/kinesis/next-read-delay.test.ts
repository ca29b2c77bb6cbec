import { expect, it } from 'vitest';
import { nextReadDelay, type LastRead } from '../../src/kinesis/next-read-delay.ts';

const MB = 1024 * 1024;
const aRead = (bytes: number, millisBehindLatest: number) => ({ bytes, millisBehindLatest });

it.each<[string, LastRead | undefined, number, number]>([
  ['reads at once first', undefined, 1000, 0],
  ['waits for the poll interval when caught up', aRead(0, 0), 1000, 1000],
  ['also when the last read brought records', aRead(500, 0), 1000, 1000],
  ['reads five times a second when behind', aRead(100, 1), 1000, 200],
  ['also when the last read was empty', aRead(0, 60_000), 1000, 200],
  ['never reads more often, whatever the poll interval', aRead(0, 0), 50, 200],
  ['keeps to 2 MB a second behind', aRead(MB, 1), 1000, 500],
  ['rests five seconds after 10 MB', aRead(10 * MB, 1), 1000, 5000],
  ['and after a large read that reached the tip', aRead(4 * MB, 0), 1000, 2000],
])('%s', (_, last, pollIntervalMs, expected) => {
  expect(nextReadDelay(last, pollIntervalMs)).toBe(expected);
});
