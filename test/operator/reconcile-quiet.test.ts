import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AttributeValue } from '../../src/leases/row.ts';
import { Tellers } from '../../src/operator/observe/tellers.ts';
import { Harness, KEY } from './reconcile-harness.ts';

const SHARD = 'shardId-000000000000';

let h: Harness;
let say: (line: string) => void;
let changes: number;
let beat: number;
beforeEach(() => {
  h = new Harness();
  changes = 0;
  beat = 1;
  say = () => {};
  h.tellers = new Tellers({
    clock: h.clock,
    listen: (_, { onLine }) => {
      say = onLine;
      return () => void (say = () => {});
    },
    onChange: () => (changes += 1),
  });
  h.restart();
  h.kinesis.createStream({ name: 'orders', shardCount: 2 });
});
afterEach(() => h.close());

/** Ready, and the worker has told for a while. */
async function atRest(spec: Record<string, unknown> = {}): Promise<void> {
  h.create(spec);
  await h.converge();
  await h.runWorkers();
  for (const shard of [0, 1])
    await change(`shardId-00000000000${shard}`, { behind_ms: 0, read_at: h.clock.now() });
  await h.converge();
  await told(2);
}

async function change(key: string, attributes: Record<string, AttributeValue>): Promise<void> {
  const row = await h.table().get(key, { consistent: true });
  h.table().store(key, { ...row!, ...attributes });
}

/** So many looks, as they are asked for; workers beat, and one of them tells. */
async function told(looks: number, digest = 'same'): Promise<number[]> {
  const waits: number[] = [];
  for (let look = 0; look < looks; look += 1) {
    const inMs = (await h.reconcile()) ?? Infinity;
    waits.push(inMs);
    for (let ms = 0; ms < inMs; ms += 5_000) {
      beat += 1;
      for (const row of h.table().rows()) if ('beat' in row) h.table().store(row.shard_id, { ...row, beat });
      for (const shard of [0, 1]) await change(`shardId-00000000000${shard}`, { read_at: h.clock.now() });
      say(`a ${beat} ${digest}`);
      await h.clock.advance(5_000);
    }
  }
  return waits;
}

describe('a group in which nothing happens', () => {
  test('is read each one and a half minutes when a worker tells of changes', async () => {
    await atRest();
    const before = h.writeCount();
    const waits = await told(20);
    // The table is looked at, too, each ten minutes.
    expect(waits.filter((wait) => wait < 70_000).length).toBeLessThanOrEqual(4);
    expect(h.writeCount()).toBe(before);
    expect(changes).toBe(0);
    expect(await h.condition('Ready')).toMatch(/^True/);
  });

  test('is read every few seconds when nobody tells', async () => {
    h.tellers = undefined;
    h.restart();
    await atRest();
    for (const wait of await told(5)) expect(wait).toBeLessThan(7_000);
  });

  test('is read more often where records may be given up, which only their worker knows', async () => {
    await atRest({ handler: { log: {}, retry: { maxAttempts: 3 } } });
    for (const wait of await told(3)) {
      expect(wait).toBeGreaterThan(20_000);
      expect(wait).toBeLessThan(40_000);
    }
  });

  test('has it told within half a minute that it has caught up', async () => {
    await atRest();
    const lag = async () => (await h.status()).summary?.lag;
    const shard = async (behindMs: number) =>
      change(SHARD, { behind_ms: behindMs, read_at: h.clock.now(), ref: 'orders-worker-0/a' });
    await shard(4_000);
    await change('worker#orders-worker-0', { lagging: { [SHARD]: 4_000 } });
    for (await h.reconcile(); (await lag()) === '0s'; await h.reconcile()) await h.clock.advance(5_000);
    await shard(0);
    await change('worker#orders-worker-0', { lagging: {} });
    const [waitMs] = await told(1);
    expect(waitMs).toBeLessThanOrEqual(40_000);
    await h.reconcile();
    expect(await lag()).toBe('0s');
  });

  test.each([0, 60_000])('sees a window open in time, %i ms later', async (laterMs) => {
    const schedules = [{ name: 'first-half', start: '0 * * * *', end: '30 * * * *', minReplicas: 2 }];
    await atRest({ scaling: { shardsPerWorker: 2, schedules } });
    await h.clock.advance(laterMs);
    const hourMs = 3_600_000;
    const opensMs = Math.ceil(h.clock.now() / hourMs) * hourMs;
    while (h.clock.now() < opensMs) await told(1);
    expect(h.clock.now() - opensMs).toBeLessThan(5_000);
  });

  test('asks for the stream seldom, and at once when the rows know of a reshard', async () => {
    await atRest();
    const describes = () => h.calls.filter((call) => call === 'describe stream').length;
    const before = describes();
    await told(8);
    expect(describes() - before).toBeLessThanOrEqual(6);
  });
});

describe('a group in which something happens is read as ever', () => {
  test.each<[string, string, Record<string, AttributeValue>]>([
    ['a shard falls behind', 'worker#orders-worker-0', { lagging: { [SHARD]: 60_000 } }],
    ['a shard is owned by nobody', SHARD, { ref: 'gone/b' }],
    ['a worker stops', 'worker#orders-worker-0', { state: 'draining' }],
    ['reads fail', 'worker#orders-worker-0', { unread_why: 'AccessDenied' }],
  ])('when %s', async (_, key, attributes) => {
    await atRest();
    await change(key, attributes);
    expect(await h.reconcile()).toBeLessThan(7_000);
  });

  test('when its scaling goes by lag', async () => {
    await atRest({ scaling: { mode: 'Lag', targetLagSeconds: 60 } });
    for (const wait of await told(3)) expect(wait).toBeLessThan(16_000);
  });

  test('when another word is told', async () => {
    await atRest();
    say(`a ${beat + 1} other`);
    expect(changes).toBe(1);
    expect(await h.reconcile(KEY)).toBeLessThan(7_000);
  });
});
