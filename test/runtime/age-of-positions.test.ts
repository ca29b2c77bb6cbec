import { expect, test } from 'vitest';
import { KcgError } from '../../src/lib/errors.ts';
import { AGroup, type OneWorker } from './a-group.ts';

/* A position that is old is one thing, records that nobody read are another. */

const HOUR = 3_600_000;
/** So that days go by in few steps. */
const config = { leaseDurationMs: 900_000, pollIntervalMs: 60_000 };
const SHARD = 'shardId-000000000000';

const lostOf = ({ events }: OneWorker) => events.filter(({ type }) => type === 'CheckpointsAtRisk');

async function aQuietGroup() {
  const group = new AGroup(1);
  group.put('one');
  const worker = group.start('a', { config });
  await group.clock.advance(5.5 * HOUR);
  return { group, worker };
}

test.each<[string, (group: AGroup, worker: OneWorker) => unknown]>([
  ['is stopped', (group, worker) => group.until(worker.stop())],
  ['crashes', (_, worker) => worker.crash()],
])('a quiet shard whose worker %s for less than the retention has lost nothing', async (_, end) => {
  const { group, worker } = await aQuietGroup();
  await end(group, worker);
  await group.clock.advance(19 * HOUR);
  const next = group.start('b', { config });
  await group.clock.advance(HOUR);
  expect(next.worker.lag()).toEqual([[SHARD, 0]]);
  expect(lostOf(next)).toEqual([]);
  await group.until(next.stop());
});

test('one that is stopped for longer may have', async () => {
  const { group, worker } = await aQuietGroup();
  await group.until(worker.stop());
  await group.clock.advance(25 * HOUR);
  const next = group.start('b', { config });
  await group.clock.advance(HOUR);
  expect(lostOf(next)).toHaveLength(1);
  await group.until(next.stop());
});

test('reads that are denied for a day are told as a loss once', async () => {
  const { group, worker } = await aQuietGroup();
  group.kinesis.faults = (operation) =>
    operation.startsWith('Get') ? new KcgError('AccessDenied', 'no') : undefined;
  await group.clock.advance(27 * HOUR);
  expect(lostOf(worker)).toHaveLength(1);
  group.kinesis.faults = undefined;
  await group.clock.advance(HOUR);
  expect(lostOf(worker)).toHaveLength(1);
  await group.until(worker.stop());
});

test('a row of async-kinesis that nobody has read for longer than the retention is told', async () => {
  const group = new AGroup(1);
  const { sequence } = group.kinesis.putRecord('orders', { partitionKey: 'a', data: Buffer.from('1') });
  const ts = Math.floor(group.clock.now() / 1_000);
  const set = { sequence, ts };
  await group.table.write({ name: 'row', key: SHARD, kind: 'put', when: [], proof: [], set });
  for (let hour = 0; hour < 30; hour += 1) {
    await group.clock.advance(HOUR);
    group.put('x');
  }
  const worker = group.start('a', { config });
  await group.clock.advance(HOUR);
  expect(lostOf(worker)).toHaveLength(1);
  await group.until(worker.stop());
});

test('a loss is told once, with the time that is gone, though its worker crashes before anything is processed', async () => {
  const { group, worker } = await aQuietGroup();
  await group.until(worker.stop());
  for (let hour = 0; hour < 30; hour += 1) {
    await group.clock.advance(HOUR);
    group.put('x');
  }
  const error = new KcgError('HandlerFailed', 'no');
  const handler = { handle: async () => ({ outcome: 'failed', error }) as const };
  const first = group.start('b', { config, handler });
  await group.clock.advance(60_000);
  const hours = (worker: OneWorker) =>
    lostOf(worker).map((event) => 'lostSeconds' in event && Math.round(event.lostSeconds / 360) / 10);
  expect(hours(first)).toEqual([6]);
  first.crash();
  const next = group.start('c', { config, handler });
  await group.clock.advance(HOUR);
  // No more than has expired since.
  for (const hour of hours(next)) expect(hour).toBeLessThan(1);
  await group.until(next.stop());
});

test('a new owner is as far behind as the old one was, until it has read', async () => {
  const group = new AGroup(1);
  const error = new KcgError('HandlerFailed', 'no');
  const fails = { handle: async () => ({ outcome: 'failed', error }) as const };
  group.put('one');
  await group.clock.advance(3 * HOUR);
  const first = group.start('a', { config, handler: fails });
  await group.clock.advance(60_000);
  expect(first.worker.lag()[0]![1]).toBeGreaterThan(3 * HOUR);
  group.kinesis.faults = (operation) =>
    operation.startsWith('Get') ? new KcgError('AccessDenied', 'no') : undefined;
  await group.until(first.stop());
  const next = group.start('b', { config });
  const seen: number[] = [];
  for (let minute = 0; minute < 60; minute += 1) {
    await group.clock.advance(60_000);
    seen.push(...next.worker.lag().map(([, ms]) => ms));
  }
  expect(seen.length).toBeGreaterThan(10);
  expect(Math.min(...seen)).toBeGreaterThan(3 * HOUR);
  group.kinesis.faults = undefined;
  await group.until(next.stop());
});
