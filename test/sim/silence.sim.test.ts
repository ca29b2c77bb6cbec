import { describe, expect, test } from 'vitest';
import { Scenario } from './scenario.ts';
import { CALM } from './sim-handler.ts';

/*
 * How long a shard is without a reader when it changes hands, in the time of the simulation. Eventually consistent reads
 * lag behind each write, as they do in DynamoDB: a nudge that comes before the row would leave the shard unread for a minute.
 */

const MOST_MS = 1_000;
const LAGS = [0, 20, 50, 200];
const SEEDS = [1, 2, 3];

/** From each give after `sinceMs` until its receiver, or whoever was given it on, reads the shard. */
function silences(group: Scenario, sinceMs: number): string[] {
  const started = group.trace.events().filter(({ event }) => event.type === 'ShardStarted');
  return group.trace
    .writes('give')
    .filter(({ atMs }) => atMs > sinceMs)
    .flatMap(({ atMs, write }) => {
      const next = started.find(
        (other) => other.atMs >= atMs && 'shardId' in other.event && other.event.shardId === write.key,
      );
      const silentMs = (next?.atMs ?? Infinity) - atMs;
      return silentMs <= MOST_MS ? [] : [`${write.key} given at ${atMs} is unread for ${silentMs} ms`];
    });
}

async function aGroup(options: { shards: number; workers: number; seed: number; lagMs: number }) {
  const group = new Scenario(options);
  group.readLagMs = options.lagMs;
  await group.settle(300_000);
  return { group, sinceMs: group.time.nowMs };
}

describe.each(LAGS)('with reads that lag by %i ms, a shard is read again at once when', (lagMs) => {
  test.each(SEEDS)('it is given to a worker that joins (seed %i)', async (seed) => {
    const { group, sinceMs } = await aGroup({ shards: 16, workers: 1, seed, lagMs });
    group.deployment.scaleTo(2);
    await group.pass(120_000);
    expect(group.counts()).toEqual([8, 8]);
    expect(silences(group, sinceMs)).toEqual([]);
  });

  test.each(SEEDS)('its owner stops (seed %i)', async (seed) => {
    const { group, sinceMs } = await aGroup({ shards: 16, workers: 4, seed, lagMs });
    group.deployment.scaleTo(3);
    await group.pass(120_000);
    expect(group.counts()).toEqual([5, 5, 6]);
    expect(silences(group, sinceMs)).toEqual([]);
  });

  test.each(SEEDS)('its parent has ended (seed %i)', async (seed) => {
    const { group, sinceMs } = await aGroup({ shards: 6, workers: 3, seed, lagMs });
    group.updateShardCount(12);
    await group.pass(120_000);
    const times = (name: string) =>
      group.trace.writes(name).flatMap(({ atMs }) => (atMs > sinceMs ? [atMs] : []));
    const ends = times('end shard');
    const takes = times('take');
    expect(takes.length).toBeGreaterThanOrEqual(12);
    expect(Math.max(...takes) - Math.max(...ends)).toBeLessThan(MOST_MS);
    expect(silences(group, sinceMs)).toEqual([]);
  });
});

describe('a shard that is given to a worker which begins to stop itself', () => {
  test.each([0, 10, 20, 40, 60])('is passed on at once (%i ms apart)', async (apartMs) => {
    const config = { handoffTimeoutMs: 30_000, batchSize: 1 };
    const group = new Scenario({ shards: 9, workers: 3, seed: 1, config });
    await group.settle();
    const [first, second] = group.alive();
    group.rate = 0;
    second!.mood = { ...CALM, hangs: 1 };
    for (let i = 0; i < 60; i += 1) group.produce(1);
    await group.pass(3_000);
    const sinceMs = group.time.nowMs;
    group.terminate(first!, 60_000);
    await group.time.advance(apartMs);
    group.terminate(second!, 60_000);
    group.everyStep = () => {};
    await group.pass(20_000);
    // Those that its hanging handler has are waited for; what it was given meanwhile is not among them.
    expect(silences(group, sinceMs)).toEqual([]);
    await group.pass(100_000);
  });
});

test('a worker whose row somebody removed has its lease to find out: nobody delivers beside it', async () => {
  for (const seed of [1, 2, 3, 4, 5]) {
    const group = new Scenario({ shards: 4, workers: 2, seed, config: { batchSize: 1 } });
    await group.settle();
    group.rate = 50;
    group.mood = { ...CALM, slow: 0.3 };
    await group.pass(3_000);
    const [victim] = group.alive();
    const key = `worker#${victim!.pod}`;
    await group.table.write({ name: 'by hand', key, kind: 'delete', when: [], proof: [] });
    for (const worker of group.alive()) worker.worker.nudged();
    await group.advance(30_000);
    // The table knows no better than that it is dead; what counts is that it is alone.
    expect(group.checker.violations.filter((line) => !line.endsWith('though it is dead'))).toEqual([]);
    expect(group.counts()).toEqual([2, 2]);
  }
});
