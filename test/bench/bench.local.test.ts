import { expect, test } from 'vitest';
import { byOperation, total, type Counts } from '../../bench/count-requests.ts';
import { drain } from '../../bench/drain.ts';
import { operatorRequests } from '../../bench/operator-requests.ts';
import { observe } from '../../bench/requests-on-servers.ts';
import { baseline, measure } from '../../bench/requests.ts';

/* That the benchmarks work and count; what they find depends on the machine and is asserted nowhere. */

test('requests are counted by what they are for, and beats grow with workers, not with shards', async () => {
  const few = await measure({ shards: 4, workers: 2, isBusy: false });
  const many = await measure({ shards: 16, workers: 2, isBusy: false });
  const beats = (counts: Counts) => counts.get('UpdateItem beat') ?? 0;
  expect(beats(few.dynamodb)).toBeGreaterThan(0);
  expect(beats(few.dynamodb)).toBeCloseTo(4 * beats(many.dynamodb), 1);
  expect(many.dynamodb.has('UpdateItem checkpoint')).toBe(false);
  expect(many.kinesis.get('GetRecords')).toBeGreaterThan(0);
});

test('the read after each beat grows with workers, not with shards; the full read with both', async () => {
  const bytes = async (shards: number, workers: number) =>
    (await measure({ shards, workers, isBusy: false })).bytes;
  const [small, wide, tall] = [await bytes(4, 2), await bytes(16, 2), await bytes(16, 4)];
  expect(wide.look / small.look).toBeCloseTo(1, 1);
  expect(tall.look / wide.look).toBeCloseTo(2, 1);
  expect(wide.full).toBeGreaterThan(2 * small.full);
});

test('checkpoints of a busy shard are coalesced, and still it costs less than a heartbeat per lease', async () => {
  const setting = { shards: 8, workers: 2, isBusy: true };
  const { dynamodb } = await measure(setting);
  const theirs = await baseline(setting);
  expect(dynamodb.get('UpdateItem checkpoint')).toBeGreaterThan(0);
  expect(dynamodb.get('UpdateItem checkpoint')).toBeLessThan(theirs.get('UpdateItem checkpoint')!);
  expect(total(dynamodb)).toBeLessThan(total(theirs));
});

test('the baseline renews each lease by itself, whoever holds how many', async () => {
  const setting = { isBusy: false, leaseMs: 10_000 };
  const renewals = async (shards: number, workers: number) =>
    (await baseline({ ...setting, shards, workers })).get('UpdateItem renew lease');
  // KCL 3 with failoverTimeMillis 10,000: every 3,308 ms.
  expect(await renewals(16, 2)).toBeCloseTo(60_000 / 3_308, 0);
  expect(await renewals(16, 2)).toBe(await renewals(4, 1));
});

test('the operator reads the rows of a calm group and writes none', async () => {
  expect([...(await operatorRequests(4)).keys()]).toEqual(['Query all rows']);
});

test('on the servers, what each client is counted to send is what the server sees', async () => {
  const setting = { shards: 4, workers: 2, isBusy: true, leaseMs: 15_000 };
  const { ours, theirs } = await observe(setting, { warmUpMs: 1_000, windowMs: 1_000 });
  for (const { sent, served, failed, dynamodb } of [ours, theirs]) {
    expect([...byOperation(dynamodb).keys()]).toEqual([...sent.keys()]);
    for (const operation of new Set([...sent.keys(), ...served.keys()])) {
      // A call that a busy machine lets run out of time may or may not have arrived.
      const unseen = (sent.get(operation) ?? 0) - (served.get(operation) ?? 0);
      expect(Math.abs(unseen), operation).toBeLessThanOrEqual(failed);
    }
    expect(total(served)).toBeGreaterThan(failed);
  }
  expect(ours.kinesis.get('GetRecords')).toBeGreaterThan(0);
});

test('the drain benchmark reads through the worker and through the bare loop', async () => {
  const lines: string[] = [];
  await drain(1, (line) => lines.push(line), 0.05);
  const medians = lines.filter((line) => line.includes('median'));
  // Rate and memory of each of three readers in three cases, and the ratio of the two that are not the bare loop.
  expect(medians).toHaveLength(3 * (3 + 3 + 2));
  for (const line of medians) expect(Number(/median ([\d.]+)/.exec(line)?.[1])).toBeGreaterThan(0);
});
