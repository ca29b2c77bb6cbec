import { describe, expect, it } from 'vitest';
import { parseRef } from '../../src/leases/lease.ts';
import { randomInt } from '../../src/lib/random.ts';
import type { OwnerChange } from './delivery-checker.ts';
import type { Deployment } from './deployment.ts';
import { Scenario } from './scenario.ts';
import { CALM } from './sim-handler.ts';

const perShard = (changes: readonly OwnerChange[]) =>
  [...Map.groupBy(changes, ({ shardId }) => shardId).values()].map((each) => each.length);

describe('a rolling update', () => {
  it.each<[string, number, number, (deployment: Deployment) => void]>([
    ['template', 1, 1, (deployment) => deployment.rollOut()],
    ['template', 8, 3, (deployment) => deployment.rollOut()],
    ['template', 12, 12, (deployment) => deployment.rollOut()],
    ['template', 40, 16, (deployment) => deployment.rollOut()],
    ['template', 3, 5, (deployment) => deployment.rollOut()],
    ['restart', 40, 16, (deployment) => deployment.rolloutRestart()],
    ['restart', 3, 5, (deployment) => deployment.rolloutRestart()],
  ])(
    'for a new %s, of a group with %i shards and %i workers, moves each shard once, to the new pods',
    async (_, shards, workers, change) => {
      const group = new Scenario({ shards, workers });
      await group.settle();
      change(group.deployment);
      const changes = await group.settle(600_000);
      expect(perShard(changes)).toEqual(Array(shards).fill(1));
      expect(changes.every(({ by }) => by === 'give')).toBe(true);
      const old = new Set(group.workers.filter((worker) => !worker.isAlive).map((worker) => worker.ref));
      expect(changes.filter(({ to }) => old.has(to!))).toEqual([]);
      await group.deliverAll();
      expect(group.checker.duplicates).toBe(0);
    },
  );

  it('that is rolled back half way delivers nothing twice', async () => {
    const group = new Scenario({ shards: 12, workers: 4 });
    await group.settle();
    group.deployment.rollOut();
    await group.pass(3_000);
    group.deployment.rollOut();
    await group.settle();
    await group.deliverAll();
    expect(group.checker.duplicates).toBe(0);
  });
});

describe('a clean stop', () => {
  it.each([
    [4, 32],
    [16, 64],
  ])('of one of %i workers on %i shards makes nobody but that one read all rows', async (workers, shards) => {
    const group = new Scenario({ shards, workers });
    await group.settle();
    const readers: string[] = [];
    group.fate = (worker, operation) => {
      if (operation === 'query all') readers.push(worker.pod);
      return undefined;
    };
    group.deployment.scaleTo(workers - 1);
    await group.pass(2_000);
    expect(group.unplaced()).toEqual([]);
    const stopped = group.workers.find((worker) => !worker.isAlive)!;
    expect(readers).toEqual([stopped.pod, stopped.pod]);
    await group.deliverAll();
    expect(group.checker.duplicates).toBe(0);
  });
});

describe('workers that come one upon the other', () => {
  // Ten seconds on an idle core; a busy machine may take its time.
  it(
    'share the shards within three leases, whoever plans on rows of whichever moment',
    { timeout: 300_000 },
    async () => {
      for (let seed = 1; seed <= 150; seed += 1) {
        const group = new Scenario({ shards: 6, workers: 0, seed, config: { batchSize: 1 } });
        group.mood = { ...CALM, slow: 0.1 };
        group.startPod();
        const windowMs = [100, 300, 1_000][seed % 3]!;
        for (let more = 1; more <= 3; more += 1) {
          group.time.after(200 + randomInt(group.random, windowMs), () => group.startPod());
        }
        await group.pass(3 * group.config.leaseDurationMs);
        const held = Object.values(group.held()).toSorted((a, b) => a - b);
        expect(held, `seed ${seed}\n${group.trace.lines(60).join('\n')}`).toEqual([1, 1, 2, 2]);
      }
    },
  );
});

describe('scaling', () => {
  it('up, worker by worker, gives each newcomer its share and moves nothing else', async () => {
    const group = new Scenario({ shards: 16, workers: 1 });
    await group.settle();
    for (let workers = 2; workers <= 8; workers += 1) {
      group.deployment.scaleTo(workers);
      const changes = await group.settle();
      const newcomer = group.alive().at(-1)!.ref;
      expect(changes).toHaveLength(Math.floor(16 / workers));
      expect(changes.every(({ by, to }) => by === 'give' && to === newcomer)).toBe(true);
    }
    await group.deliverAll();
    expect(group.checker.duplicates).toBe(0);
  });

  it('1 → 2 → 4 → 8 ends even, and no shard comes back to where it was', async () => {
    const group = new Scenario({ shards: 64, workers: 1 });
    await group.settle();
    const moves: number[] = [];
    for (const workers of [2, 4, 8]) {
      const veterans = new Set(group.alive().map((worker) => worker.ref));
      group.deployment.scaleTo(workers);
      const changes = await group.settle();
      moves.push(changes.length);
      expect(group.counts()).toEqual(Array(workers).fill(64 / workers));
      expect(changes.filter(({ to }) => veterans.has(to!))).toEqual([]);
    }
    // 32 each time when all newcomers come at once; they do not, and later ones get some from earlier ones.
    expect(moves[0]).toBe(32);
    expect(Math.max(...moves)).toBeLessThan(48);
    await group.deliverAll();
    expect(group.checker.duplicates).toBe(0);
  });

  it('down moves nothing but what the leaving workers held', async () => {
    const group = new Scenario({ shards: 16, workers: 8 });
    await group.settle();
    for (const workers of [7, 6, 3, 2, 1]) {
      const held = group.held();
      group.deployment.scaleTo(workers);
      const changes = await group.settle();
      const stays = new Set(group.alive().map((worker) => worker.pod));
      const leaving = Object.entries(held).filter(([pod]) => !stays.has(pod));
      expect(new Set(changes.map(({ shardId }) => shardId)).size).toBe(
        leaving.reduce((sum, [, count]) => sum + count, 0),
      );
      expect(changes.filter(({ from }) => stays.has(parseRef(from!).worker))).toEqual([]);
    }
    await group.deliverAll();
    expect(group.checker.duplicates).toBe(0);
  });

  it('leaves spare workers without shards until one is needed', async () => {
    const group = new Scenario({ shards: 3, workers: 5 });
    await group.settle();
    expect(group.counts()).toEqual([0, 0, 1, 1, 1]);
    const held = group.held();
    const owner = group.alive().find((worker) => held[worker.pod] === 1)!;
    const spares = group.alive().filter((worker) => held[worker.pod] === 0);
    group.crash(owner);
    const changes = await group.settle();
    expect(changes).toHaveLength(1);
    expect(spares.map((worker) => worker.ref)).toContain(changes[0]!.to);
    await group.deliverAll();
  });

  it('leaves shards alone that nobody has room for, until somebody comes', async () => {
    const group = new Scenario({ shards: 8, workers: 2, config: { maxLeases: 3 } });
    await group.pass(60_000);
    expect(group.held()).toEqual({ 'pod-000': 3, 'pod-001': 3, '-': 2 });
    group.deployment.scaleTo(3);
    expect(await group.settle()).toHaveLength(2);
    expect(group.counts()).toEqual([2, 3, 3]);
    await group.deliverAll();
  });
});

describe('resharding', () => {
  it.each([
    ['doubled', 8, 16],
    ['halved', 8, 4],
    ['changed to a number that fits no border', 6, 7],
  ])('leaves each key in order when the shard count is %s', async (_, shards, target) => {
    const group = new Scenario({ shards, workers: 3 });
    await group.settle();
    group.updateShardCount(target);
    await group.settle();
    expect(group.counts().reduce((sum, count) => sum + count)).toBe(target);
    await group.deliverAll();
    expect(group.checker.duplicates).toBe(0);
  });
});
