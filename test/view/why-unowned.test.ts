import { expect, test } from 'vitest';
import { whyUnowned } from '../../src/view/why-unowned.ts';
import { aWorker } from '../support/builders.ts';

const aWorkerView = (shards: number, row: Parameters<typeof aWorker>[0] = {}) => ({
  worker: 'w',
  row: aWorker(row),
  said: 'live' as const,
  pod: undefined,
  alive: row.state !== 'dead',
  shards,
  lagMs: undefined,
});
const full = aWorkerView(2, { maxLeases: 2 });

test('shards stay without an owner when each worker has as many as it may', () => {
  const told = whyUnowned({ workers: [full, full, aWorkerView(0, { state: 'dead' })] });
  expect(told?.why).toBe('2 workers have as many as leases.maxPerWorker allows');
  expect(told?.next).toContain('Raise leases.maxPerWorker or the number of workers');
});

test('shards stay without an owner while no worker has begun', () => {
  const told = whyUnowned({ workers: [aWorkerView(0, { state: 'starting' })] });
  expect(told?.why).toBe('1 worker has not begun: one takes shards once its handler answers');
});

test.each([
  ['nobody lives', [aWorkerView(0, { state: 'dead' })]],
  ['there is no limit', [aWorkerView(2)]],
  ['one has room', [full, aWorkerView(1, { maxLeases: 2 })]],
  ['one that comes will have room', [full, aWorkerView(0, { maxLeases: 2, state: 'starting' })]],
  ['one gives its shards away', [full, aWorkerView(2, { maxLeases: 2, state: 'draining' })]],
])('nothing is said of it when %s', (_, workers) => {
  expect(whyUnowned({ workers })).toBeUndefined();
});
