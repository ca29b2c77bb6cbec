import { expect, test } from 'vitest';
import { drain } from '../../bench/drain.ts';
import { baseline, measure, total } from '../../bench/requests.ts';

/* That the benchmarks work and count; what they find depends on the machine and is asserted nowhere. */

test('requests are counted by what they are for, and beats grow with workers, not with shards', async () => {
  const few = await measure({ shards: 4, workers: 2, isBusy: false });
  const many = await measure({ shards: 16, workers: 2, isBusy: false });
  const beats = (counts: ReadonlyMap<string, number>) => counts.get('UpdateItem beat') ?? 0;
  expect(beats(few.dynamodb)).toBeCloseTo(4 * beats(many.dynamodb), 1);
  expect(many.dynamodb.has('UpdateItem checkpoint')).toBe(false);
  expect(many.kinesis.get('GetRecords')).toBeGreaterThan(0);
});

test('checkpoints of a busy shard are coalesced, and still it costs less than a heartbeat per lease', async () => {
  const setting = { shards: 8, workers: 2, isBusy: true };
  const { dynamodb } = await measure(setting);
  expect(dynamodb.get('UpdateItem checkpoint')).toBeGreaterThan(0);
  expect(total(dynamodb)).toBeLessThan(total(await baseline(setting)));
});

test('the drain benchmark reads through the worker and through the bare loop', async () => {
  const lines: string[] = [];
  await drain(1, (line) => lines.push(line), 0.1);
  const figures = lines.filter((line) => line.includes('median'));
  expect(figures).toHaveLength(6);
  for (const line of figures) expect(Number(/median (\d+)/.exec(line)?.[1])).toBeGreaterThan(0);
}, 120_000);
