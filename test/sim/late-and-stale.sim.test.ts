import { describe, expect, it } from 'vitest';
import { workerKey } from '../../src/leases/row.ts';
import { announceWorker, fenceWorker } from '../../src/leases/transitions.ts';
import { aWorker } from '../support/builders.ts';
import { Scenario } from './scenario.ts';
import { CALM } from './sim-handler.ts';
import type { SimWorker } from './sim-worker.ts';

/** The next such call of this worker has its effect only when its caller has given it up. */
function delayNext(group: Scenario, worker: SimWorker, operation: string, thereMs: number): void {
  let isDone = false;
  group.fate = (caller, called) => {
    if (isDone || caller !== worker || called !== operation) return undefined;
    isDone = true;
    return { thereMs };
  };
}

describe('a write that has its effect after its caller gave it up', () => {
  it('sets no checkpoint back', async () => {
    const group = new Scenario({ shards: 1, workers: 1 });
    await group.settle();
    delayNext(group, group.alive()[0]!, 'checkpoint', 5_000);
    await group.pass(20_000);
    await group.deliverAll();
    expect(group.checker.duplicates).toBe(0);
  });

  it('does not reopen an ended shard', async () => {
    const group = new Scenario({ shards: 1, workers: 1 });
    await group.settle();
    delayNext(group, group.alive()[0]!, 'checkpoint', 5_000);
    await group.pass(2_500);
    group.reshard();
    await group.settle();
    await group.deliverAll();
    expect(group.checker.duplicates).toBe(0);
  });

  it('does not turn a heartbeat back, which would hide a death', async () => {
    const group = new Scenario({ shards: 2, workers: 2 });
    await group.settle();
    const [victim] = group.alive();
    delayNext(group, victim!, 'beat', 5_000);
    const beats: unknown[] = [];
    for (let ms = 0; ms < 8_000; ms += 10) {
      await group.time.advance(10);
      beats.push(group.checker.row(`worker#${victim!.pod}`)!['beat']);
    }
    expect(beats).toEqual(beats.toSorted((a, b) => Number(a) - Number(b)));
    group.crash(victim!);
    await group.settle();
    await group.deliverAll();
  });

  it('does not put a process back that has a successor', async () => {
    const group = new Scenario({ shards: 4, workers: 1 });
    await group.settle();
    group.deployment.scaleTo(2);
    let announcements = 0;
    group.fate = (_, operation) =>
      operation === 'announce' && announcements++ === 0 ? { thereMs: 8_000 } : undefined;
    await group.pass(4_000);
    const victim = group.alive().at(-1)!;
    expect(victim.incarnation).not.toBe('');
    group.crash(victim);
    const successor = group.restart(victim);
    group.rate = 20;
    await group.settle();
    expect(group.checker.row(`worker#${victim.pod}`)).toMatchObject({ incarnation: successor.incarnation });
    await group.deliverAll();
  });
});

describe('a handoff', () => {
  it('that is cancelled forgets nothing that was not written yet', async () => {
    const config = { checkpointIntervalMs: 60_000, handoffTimeoutMs: 60_000 };
    let cancelled = 0;
    for (const seed of [1, 2, 3, 4, 5]) {
      const group = new Scenario({ shards: 2, workers: 0, seed, config });
      const owner = group.startPod();
      await group.pass(5_000);
      group.rate = 0;
      await group.pass(2_000);
      // One last batch is at work while the receiver comes and goes.
      group.mood = { ...CALM, slow: 1 };
      group.produce(8);
      await group.pass(1_100);
      const receiver = group.startPod();
      await group.advance(10_000, () => receiver.isLive);
      await group.pass(100);
      group.terminate(receiver, 60_000);
      await group.pass(30_000);
      cancelled += group.trace.events().filter(({ event }) => event.type === 'HandoffCancelled').length;
      group.mood = CALM;
      group.startPod();
      await group.pass(10_000);
      expect(group.held()).toMatchObject({ [owner.pod]: 1 });
      await group.deliverAll();
      expect(group.checker.duplicates).toBe(0);
    }
    expect(cancelled).toBeGreaterThan(0);
  });

  it('does not wait for a handler that hangs', async () => {
    const group = new Scenario({ shards: 4, workers: 2 });
    await group.settle();
    const [leaving] = group.alive();
    group.mood = { ...CALM, hangs: 1, stubborn: 1 };
    await group.pass(1_000);
    group.mood = CALM;
    group.terminate(leaving!, 60_000);
    await group.pass(group.config.handoffTimeoutMs + 1_000);
    expect(leaving!.isAlive).toBe(false);
    expect(group.held()['-']).toBeUndefined();
    await group.pass(60_000);
    await group.deliverAll();
  });
});

describe('a list of shards', () => {
  it.each([false, true])(
    'that shows children and not yet their closed parents holds the children back, with fan-out: %s',
    async (fanOut) => {
      const group = new Scenario({ shards: 4, workers: 0, fanOut });
      await group.pass(10_000);
      const parents = group.openShards().map(({ shardId }) => shardId);
      group.kinesis.updateShardCount('orders', 8);
      group.unlisted = (shardId) => parents.includes(shardId);
      group.startPod();
      await group.pass(12_000);
      expect(group.counts()).toEqual([0]);
      group.unlisted = () => false;
      await group.pass(10_000);
      await group.deliverAll();
    },
  );

  it('without parents that the stream has forgotten holds nobody back', async () => {
    const group = new Scenario({
      shards: 1,
      workers: 0,
      config: { initialPosition: { type: 'TrimHorizon' } },
    });
    group.kinesis.updateShardCount('orders', 2);
    group.rate = 0;
    await group.pass(25 * 3_600_000);
    group.rate = 2;
    group.startPod();
    await group.pass(12_000);
    expect(Object.values(group.held())).toEqual([2]);
    await group.deliverAll();
  });
});

describe('reads that show rows as they were', () => {
  /** Reads of these rows are, in turn, so many versions behind; 8 is before the row was there. */
  function goStale(group: Scenario, prefix: string, versions: readonly number[]): void {
    const reads = new Map<string, number>();
    group.staleness = (key) => {
      const count = reads.get(key) ?? 0;
      reads.set(key, count + 1);
      return key.startsWith(prefix) ? versions[count % versions.length]! : 0;
    };
  }

  it('make nobody drop what he owns', async () => {
    const group = new Scenario({ shards: 1, workers: 1, config: { checkpointIntervalMs: 60_000 } });
    group.rate = 0;
    await group.settle();
    goStale(group, 'shardId', [8, 1]);
    for (let i = 0; i < 20; i += 1) {
      group.alive()[0]!.worker.nudged();
      await group.pass(500);
    }
    expect(group.trace.events().map(({ event }) => event.type)).not.toContain('ShardStopped');
  });

  it('make nobody start what he has given away', async () => {
    const group = new Scenario({ shards: 2, workers: 1, config: { checkpointIntervalMs: 60_000 } });
    await group.settle();
    const [giver] = group.alive();
    group.rate = 0;
    await group.pass(5_000);
    group.deployment.scaleTo(2);
    await group.settle();
    goStale(group, 'shardId', [8, 1, 1]);
    const started = () => group.trace.events().filter(({ event }) => event.type === 'ShardStarted').length;
    const before = started();
    for (let i = 0; i < 20; i += 1) {
      giver!.worker.nudged();
      await group.pass(500);
    }
    expect(started()).toBe(before);
  });

  it('do not hide a death', async () => {
    const group = new Scenario({ shards: 4, workers: 2 });
    await group.settle();
    goStale(group, 'worker#', [0, 1]);
    group.crash(group.alive()[0]!);
    await group.settle();
    await group.deliverAll();
  });

  it('give nothing to who is gone: an owner looks strongly before it gives', async () => {
    const group = new Scenario({ shards: 2, workers: 0 });
    const owner = group.startPod();
    await group.pass(5_000);
    // It has lived for a moment, and all reads show it in that moment.
    goStale(group, workerKey('ghost'), [1]);
    const ghost = aWorker({ worker: 'ghost', incarnation: 'x', revision: 0 });
    await group.table.write(announceWorker(ghost, group.kinesis.clock.now()));
    await group.table.write(fenceWorker({ ...ghost, beat: 1 }));
    owner.worker.nudged();
    await group.pass(20_000);
    expect(group.trace.writes('give')).toEqual([]);
    expect(group.held()).toEqual({ [owner.pod]: 2 });
    await group.deliverAll();
  });
});
