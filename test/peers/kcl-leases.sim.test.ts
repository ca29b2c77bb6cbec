import { describe, expect, it } from 'vitest';
import { parseRef } from '../../src/leases/lease.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { Scenario } from '../sim/scenario.ts';
import type { SimWorker } from '../sim/sim-worker.ts';

/*
 * KCL: DynamoDBLeaseTakerIntegrationTest, DynamoDBLeaseRenewerIntegrationTest and LeaseAssignmentManagerTest, where a
 * scenario needs workers that live: who takes what of whom, and when.
 */

const happened = (group: Scenario, since = 0) =>
  group.trace.events().flatMap(({ atMs, event }) => (atMs >= since ? [event.type] : []));
const owners = (group: Scenario) => Object.keys(group.held()).filter((pod) => (group.held()[pod] ?? 0) > 0);

describe('the leases of a worker that beats', () => {
  // DynamoDBLeaseTakerIntegrationTest: owned, renewed between scans, the failover time passes: not taken
  it('are not taken, however long it lasts and however seldom a beat succeeds in time', async () => {
    const group = new Scenario({ shards: 4, workers: 2 });
    await group.settle();
    const [changes, since] = [group.checker.changes.length, group.time.nowMs];
    // Every other beat is lost; those that arrive renew for the whole duration.
    let beats = 0;
    group.fate = (_, operation) =>
      operation === 'beat' && (beats += 1) % 2 === 0
        ? { refusal: new KcgError('Throttled', 'injected: beat') }
        : undefined;
    await group.pass(180_000);
    expect(group.checker.changes).toHaveLength(changes);
    expect(happened(group)).not.toContain('WorkerFenced');
    expect(happened(group, since)).not.toContain('ShardStopped');
  });

  // DynamoDBLeaseRenewerIntegrationTest: throttled renewals are retried, and leases kept until the failover time
  it('are kept through throttling that is shorter than the lease', async () => {
    const group = new Scenario({ shards: 4, workers: 2 });
    await group.settle();
    const since = group.time.nowMs;
    group.fate = () => ({ refusal: new KcgError('Throttled', 'injected') });
    await group.pass(group.config.leaseDurationMs / 3);
    group.fate = () => undefined;
    await group.pass(60_000);
    expect(happened(group)).not.toContain('WorkerSelfFenced');
    expect(happened(group, since)).not.toContain('ShardStopped');
    await group.deliverAll();
    expect(group.checker.duplicates).toBe(0);
  });

  // async-kinesis 3a W23: a claimant whose wall clock is ten minutes ahead steals a live lease
  it.each([-600_000, 600_000])('are not taken by one whose clock is %i ms off', async (skewMs) => {
    const group = new Scenario({ shards: 4, workers: 0 });
    const owner = group.startPod();
    await group.pass(10_000);
    const before = group.checker.changes.length;
    group.startPod({ clock: { rate: 1, skewMs } });
    await group.pass(120_000);
    const changes = group.checker.changes.slice(before);
    expect(changes.map(({ by, from }) => `${by} ${parseRef(from!).worker}`)).toEqual(
      Array(2).fill(`give ${owner.pod}`),
    );
    expect(happened(group)).not.toContain('WorkerFenced');
    await group.deliverAll();
    expect(group.checker.duplicates).toBe(0);
  });
});

describe('the leases of a worker that is silent', () => {
  /** A worker that has just come, and one that was silent before it came. */
  async function aSilentOwner(): Promise<{ group: Scenario; owner: SimWorker; newcomer: SimWorker }> {
    const group = new Scenario({ shards: 2, workers: 0 });
    const owner = group.startPod();
    await group.pass(10_000);
    group.crash(owner);
    await group.pass(3_600_000);
    return { group, owner, newcomer: group.startPod() };
  }

  // DynamoDBLeaseTakerIntegrationTest: owned by another, first scan: not taken; after the failover time unchanged: taken
  it('are taken by a newcomer after it has watched them for the duration, not at first sight', async () => {
    const { group, owner, newcomer } = await aSilentOwner();
    await group.pass(group.config.leaseDurationMs - 500);
    expect(owners(group)).toEqual([owner.pod]);
    await group.pass(10_000);
    expect(owners(group)).toEqual([newcomer.pod]);
    await group.deliverAll();
  });

  // … own expired lease: taken again
  it('are taken again by itself, when it was cut off alone', async () => {
    const group = new Scenario({ shards: 3, workers: 1 });
    await group.settle();
    const [worker] = group.alive();
    worker!.cut.table = true;
    await group.pass(120_000);
    worker!.cut.table = false;
    await group.settle();
    expect(group.held()).toEqual({ [worker!.pod]: 3 });
    expect(group.trace.writes('fence')).toEqual([]);
    await group.deliverAll();
  });

  // LeaseAssignmentManagerTest: the leader is gone; and ours: owner deleted, operator away
  it('are taken by the others without anybody who leads', async () => {
    const group = new Scenario({ shards: 6, workers: 3 });
    await group.settle();
    const [first] = group.alive(); // the smallest name, which syncs shards
    group.crash(first!);
    group.reshard();
    await group.settle();
    await group.deliverAll();
  });
});

// DynamoDBLeaseTakerIntegrationTest: slow listing with a lease duration of 0: re-read before the take, no failure
describe('a listing that is old when it arrives', () => {
  it('takes nothing that somebody else has taken meanwhile', async () => {
    for (let seed = 1; seed <= 10; seed += 1) {
      const group = new Scenario({ shards: 8, workers: 3, seed });
      group.fate = (_, operation) => (operation.startsWith('query') ? { backMs: 1_900 } : undefined);
      await group.settle();
      group.crash(group.alive()[0]!);
      await group.settle();
      group.fate = () => undefined;
      await group.deliverAll();
    }
  });
});
