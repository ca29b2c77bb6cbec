import { expect, it } from 'vitest';
import { Restarts } from '../../../src/runtime/delivery/restarts.ts';

const records = (...sequences: string[]) =>
  sequences.map((sequence) => ({ sequence, partitionKey: '', data: new Uint8Array(0), arrivedAt: 0 }));
const most = () => 1;

it('waits longer after each failure, up to half a minute', () => {
  const restarts = new Restarts();
  const waits = Array.from({ length: 10 }, () => restarts.failed(undefined, 1_000, most));
  expect(waits.slice(0, 3)).toEqual([200, 400, 800]);
  expect(waits.at(-1)).toBe(30_000);
  expect(restarts.failures).toBe(10);
  expect(restarts.waitMs(1_000)).toBe(30_000);
  expect(restarts.waitMs(40_000)).toBe(0);
});

it('is over a batch only with what comes to its end', () => {
  const restarts = new Restarts();
  restarts.failed(records('8', '9'), 0, most);
  restarts.succeeded(records('6', '7'));
  restarts.succeeded(records('8'));
  expect(restarts.failures).toBe(1);
  restarts.succeeded(records('9', '10'));
  expect(restarts.failures).toBe(0);
});

it('is over a bad start with any batch, and over a bad end with none', () => {
  const restarts = new Restarts();
  restarts.failed(undefined, 0, most);
  restarts.succeeded(records('1'));
  expect(restarts.failures).toBe(0);
  restarts.failed('end', 0, most);
  restarts.succeeded(records('1'));
  expect(restarts.failures).toBe(1);
});
