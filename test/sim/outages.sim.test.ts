import { describe, expect, it } from 'vitest';
import { parseRef } from '../../src/leases/lease.ts';
import type { WorkerEvent } from '../../src/runtime/worker-event.ts';
import { Scenario } from './scenario.ts';
import { CALM } from './sim-handler.ts';

const MINUTE = 60_000;

describe('when DynamoDB is away for five minutes', () => {
  it('everybody fences himself, nothing is delivered, and then all goes on without a loss', async () => {
    const group = new Scenario({ shards: 12, workers: 4 });
    await group.settle();
    const before = group.trace.events().length;
    for (const worker of group.alive()) worker.cut.table = true;
    await group.pass(group.config.leaseDurationMs);
    const { deliveries } = group.checker;
    await group.pass(5 * MINUTE);
    expect(group.checker.deliveries).toBe(deliveries);
    const fenced = group.trace
      .events()
      .slice(before)
      .filter(({ event }) => event.type === 'WorkerSelfFenced');
    expect(new Set(fenced.map(({ who }) => parseRef(who).worker)).size).toBe(4);
    const owners = group.checker
      .rows()
      .map((row) => row['ref'])
      .filter(Boolean);
    for (const worker of group.alive()) worker.cut.table = false;
    const changes = await group.settle();
    expect(changes.filter(({ from }) => owners.includes(from))).toHaveLength(12);
    await group.deliverAll();
  });
});

describe('a worker that is cut off', () => {
  it('from DynamoDB has stopped its handlers before anybody takes its shards', async () => {
    const group = new Scenario({ shards: 6, workers: 3 });
    await group.settle();
    group.mood = { ...CALM, hangs: 0.5 };
    await group.pass(4_000);
    const [victim] = group.alive();
    const cut = group.checker.changes.length;
    victim!.cut.table = true;
    await group.pass(30_000);
    const isFenced = ({ who, event }: { who: string; event: WorkerEvent }) =>
      parseRef(who).worker === victim!.pod && event.type === 'WorkerSelfFenced';
    const stopped = group.trace.events().find(isFenced);
    expect(stopped!.atMs).toBeLessThan(group.trace.writes('fence')[0]!.atMs);
    const lost = group.checker.changes.slice(cut);
    expect(lost.map(({ from }) => parseRef(from!).worker)).toEqual([victim!.pod, victim!.pod]);
    victim!.cut.table = false;
    group.mood = CALM;
    await group.settle();
    await group.deliverAll();
  });

  it('from DynamoDB while it drains has stopped its handlers, too', async () => {
    const group = new Scenario({ shards: 6, workers: 3, config: { handoffTimeoutMs: 60_000 } });
    await group.settle();
    group.mood = { ...CALM, hangs: 1 };
    await group.pass(2_000);
    const [victim] = group.alive();
    group.terminate(victim!, MINUTE);
    await group.pass(100);
    victim!.cut.table = true;
    await group.pass(30_000);
    group.mood = CALM;
    victim!.cut.table = false;
    await group.settle();
    await group.deliverAll();
  });

  it.each([0, 0.05])('from DynamoDB delivers nothing that others own, clocks off by %d', async (rate) => {
    for (let phase = 0; phase < 2_000; phase += 125) {
      const group = new Scenario({ shards: 2, workers: 0, seed: phase });
      // The margin is to cover both: a slow clock here, a fast one there.
      const owner = group.startPod({ clock: { rate: 1 - rate, skewMs: 0 } });
      await group.pass(10_000);
      const others = [1, 2].map(() => group.startPod({ clock: { rate: 1 + rate, skewMs: 0 } }));
      // The answers to its beats are slow: what counts is when they were sent.
      group.fate = (worker, operation) =>
        worker === owner && operation === 'beat' ? { backMs: 1_900 } : undefined;
      await group.pass(20_000 + phase);
      owner.cut.table = true;
      group.rate = 20;
      for (let ms = 0; ms < 20_000; ms += 50) {
        group.produce(2);
        await group.time.advance(50);
      }
      group.expectSound();
      expect(group.trace.writes('fence')).not.toEqual([]);
      expect(others.every((worker) => worker.isLive)).toBe(true);
    }
  });

  it('from Kinesis keeps its shards, and goes on where it was', async () => {
    const group = new Scenario({ shards: 6, workers: 3 });
    await group.settle();
    const [victim] = group.alive();
    victim!.cut.stream = true;
    await group.pass(3 * MINUTE);
    victim!.cut.stream = false;
    expect(await group.settle()).toEqual([]);
    await group.deliverAll();
    expect(group.checker.duplicates).toBe(0);
  });

  it('from the others learns by its beats what it has to know', async () => {
    const group = new Scenario({ shards: 6, workers: 2 });
    await group.settle();
    for (const worker of group.alive()) worker.cut.peers = true;
    group.deployment.scaleTo(3);
    await group.pass(100);
    for (const worker of group.alive()) worker.cut.peers = true;
    expect(await group.settle(2_500 + 3 * group.config.leaseDurationMs)).toHaveLength(2);
    await group.deliverAll();
    expect(group.checker.duplicates).toBe(0);
  });
});

describe('a worker that sleeps through its lease', () => {
  it('delivers nothing when it wakes', async () => {
    for (let seed = 1; seed <= 20; seed += 1) {
      const group = new Scenario({ shards: 4, workers: 2, seed, config: { batchSize: 1 } });
      await group.settle();
      const [victim] = group.alive();
      group.rate = 100;
      group.mood = { ...CALM, slow: 0.1 };
      await group.pass(3_000);
      victim!.process.pause();
      await group.pass(20_000);
      expect(group.held()[victim!.pod]).toBe(0);
      victim!.process.resume();
      await group.pass(2_000);
      expect(victim!.worker.state).toBe('live');
    }
  });
});

describe('a fleet that is restarted as a whole', () => {
  it('after a crash goes on where everything was accepted and written', async () => {
    const group = new Scenario({ shards: 12, workers: 4 });
    await group.settle();
    const before = group.alive();
    for (const worker of before) group.crash(worker);
    await group.time.advance(2_000);
    for (const worker of before) group.restart(worker);
    await group.settle();
    expect(group.trace.writes('fence')).toEqual([]);
    await group.deliverAll();
  });

  it('delivers nothing twice when it was told to stop', async () => {
    const group = new Scenario({ shards: 12, workers: 4 });
    await group.settle();
    group.deployment.scaleTo(0);
    await group.pass(20_000);
    expect(group.checker.unwritten()).toEqual([]);
    expect(group.held()).toEqual({ '-': 12 });
    group.deployment.scaleTo(3);
    await group.settle();
    await group.deliverAll();
    expect(group.checker.duplicates).toBe(0);
  });
});

describe('a worker that is killed', () => {
  it('keeps its shards until its lease lapses, or until the operator says that it is dead', async () => {
    const tookMs = async (operator: boolean) => {
      const group = new Scenario({ shards: 6, workers: 3 });
      await group.settle();
      const [victim] = group.alive();
      group.crash(victim!);
      const at = group.time.nowMs;
      if (operator) void group.terminationOf(victim!)();
      await group.advance(MINUTE, () => !Object.hasOwn(group.held(), victim!.pod));
      await group.settle();
      const taken = group.trace.writes('take').filter(({ atMs }) => atMs > at);
      return taken[0]!.atMs - at;
    };
    expect(await tookMs(false)).toBeGreaterThan(6_000 - 2_000);
    expect(await tookMs(true)).toBeLessThan(500);
  });

  it('leaves shards to many, who all hear of it from whoever has fenced it', async () => {
    for (let seed = 1; seed <= 5; seed += 1) {
      const group = new Scenario({ shards: 20, workers: 5, seed });
      await group.settle();
      const [victim] = group.alive();
      group.crash(victim!);
      await group.settle();
      const [fenced] = group.trace.writes('fence');
      const taken = group.trace.writes('take').filter(({ atMs }) => atMs > fenced!.atMs);
      expect(new Set(taken.map(({ write }) => write.set!['ref'])).size).toBe(4);
      // By its own beats each would see it within 2 s.
      expect(taken.at(-1)!.atMs - fenced!.atMs).toBeLessThan(500);
    }
  });

  it('is not fenced for the end of the process before it', async () => {
    const group = new Scenario({ shards: 6, workers: 0 });
    const [victim] = [group.startPod(), group.startPod()] as const;
    await group.pass(10_000);
    group.crash(victim);
    const fence = group.terminationOf(victim);
    await group.pass(1_500);
    const again = group.restart(victim);
    await group.pass(1_000);
    await fence();
    await group.pass(20_000);
    expect(group.trace.writes('fence')).toEqual([]);
    expect(group.held()).toEqual({ 'pod-000': 3, 'pod-001': 3 });
    expect(again.isLive).toBe(true);
    await group.deliverAll();
  });

  it('and comes back in the same pod is waited for by nobody, and has its shards in the end', async () => {
    const group = new Scenario({ shards: 6, workers: 3 });
    await group.settle();
    const [victim] = group.alive();
    group.crash(victim!);
    const again = group.restart(victim!);
    const changes = await group.settle();
    // Others may have them while it starts.
    expect(changes.map(({ to }) => to).slice(-2)).toEqual([again.ref, again.ref]);
    expect(group.trace.writes('fence')).toEqual([]);
    await group.deliverAll();
  });
});

describe('an idle group', () => {
  it('reads worker rows once per beat, and shard rows about once a minute', async () => {
    const group = new Scenario({ shards: 50, workers: 5, config: { pollIntervalMs: 5_000 } });
    await group.settle();
    group.rate = 0;
    await group.pass(MINUTE);
    group.calls.clear();
    await group.pass(10 * MINUTE);
    const beats = group.calls.get('beat')!;
    expect(group.calls.get('query workers')).toBeLessThanOrEqual(beats);
    expect(group.calls.get('query all')).toBeLessThan(5 * 10 * 1.5 + 10);
    // One last of each shard, that its load is gone.
    expect(group.calls.get('checkpoint') ?? 0).toBeLessThanOrEqual(50);
  });
});
