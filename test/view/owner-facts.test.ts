import { expect, test } from 'vitest';
import type { WorkerRow } from '../../src/leases/worker-row.ts';
import { troubleOf } from '../../src/view/owner-facts.ts';
import { aLease, aWorker } from '../support/builders.ts';

const fails = { shards: 1, error: 'no' };

test.each<[string, Partial<WorkerRow>, string | undefined]>([
  ['nothing', {}, undefined],
  ['a handler that fails', { handlerTrouble: fails }, 'HandlerFails'],
  ['a destination that is away', { handlerTrouble: { ...fails, destination: true } }, 'DestinationFails'],
  ['a handler that does not answer', { handlerTrouble: { ...fails, hangs: true } }, 'HandlerHangs'],
  ['reads that are denied', { readTrouble: 'AccessDenied' }, 'ReadDenied'],
  ['reads without credentials', { readTrouble: 'Credentials' }, 'ReadDenied'],
  ['reads that are throttled', { readTrouble: 'Throttled' }, 'ReadThrottled'],
  ['reads that fail', { readTrouble: 'Timeout' }, 'ReadFails'],
  ['what it said before it died', { handlerTrouble: fails, state: 'dead' }, undefined],
])('of its owner a row tells %s', (_, change, expected) => {
  const worker = aWorker({ worker: 'w', incarnation: 'a', ...change });
  expect(troubleOf(aLease({ owner: 'w/a' }), new Map([['w', worker]]))).toBe(expected);
});
