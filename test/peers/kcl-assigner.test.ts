import { describe, expect, test } from 'vitest';
import type { Lease } from '../../src/leases/lease.ts';
import { planLeases } from '../../src/leases/plan-leases.ts';
import type { WorkerRow } from '../../src/leases/worker-row.ts';
import { aLease, aWorker, refOf } from '../support/builders.ts';

/*
 * KCL 3, LeaseAssignmentManagerTest: what its leader assigns, asked of planLeases, which every worker computes. Each test
 * names its scenario there; hosts with much and little CPU are workers with loaded and idle shards here.
 */

const workers = (...names: string[]) => names.map((worker) => aWorker({ worker }));

/** Shards of `owner` with these loads, named by the owner. */
function shards(owner: WorkerRow | undefined, ...loads: number[]): Lease[] {
  const name = owner?.worker ?? 'free';
  return loads.map((load, i) => aLease({ shardId: `${name}${i}`, owner: owner && refOf(owner), load }));
}

/** What happens until nothing is left to do, round by round. */
function moves(leases: readonly Lease[], live: readonly WorkerRow[]): string[] {
  const told: string[] = [];
  let rows = leases;
  for (let plan = planLeases(rows, live); plan.length > 0; plan = planLeases(rows, live)) {
    expect(told.length).toBeLessThan(100);
    const to = new Map(plan.map((move) => [move.shardId, move.to]));
    told.push(...plan.map((move) => `${move.shardId} → ${move.to.split('/')[0]}`));
    rows = rows.map((lease) => ({ ...lease, owner: to.get(lease.shardId) ?? lease.owner }));
  }
  return told.toSorted();
}

describe('a hot worker and a cool one', () => {
  const [hot, cool] = workers('a', 'b') as [WorkerRow, WorkerRow];

  // performAssignment_yieldsUnassignedLeaseToWorkerWithLowestUtilization
  test('with one shard free: a busy shard ends with the cool one, an idle one is nobody’s burden', () => {
    const group = (load: number) => [...shards(hot, 900), ...shards(cool, 10), ...shards(undefined, load)];
    expect(moves(group(400), [hot, cool]).at(-1)).toBe('free0 → b');
    expect(moves(group(0), [hot, cool])).toEqual(['free0 → a']);
  });

  // performAssignment_zeroThroughputLeases_assertOnlyOneLeaseMoves
  test('with ten idle shards on one of them: five move, because idle shards count too', () => {
    const group = shards(hot, ...Array<number>(10).fill(0));
    expect(moves(group, [hot, cool])).toHaveLength(5);
  });

  // The same, with counts that are level: there is nothing that moving an idle shard would relieve.
  test('with ten idle shards on each: nothing moves', () => {
    const idle = Array<number>(10).fill(0);
    expect(moves([...shards(hot, ...idle), ...shards(cool, ...idle)], [hot, cool])).toEqual([]);
  });

  // performAssignment_rebalance…: overshooting the average moves the smallest lease
  test('whose difference a small shard levels: the small one moves, not the one that would make the other hot', () => {
    const group = [...shards(hot, 600, 300), ...shards(cool, 100)];
    expect(moves(group, [hot, cool])).toEqual(['a1 → b']);
    const far = [...shards(hot, 1_000, 400), ...shards(cool, 100)];
    expect(moves(far, [hot, cool])).toEqual(['a1 → b']);
  });

  // performAssignment_…withReBalanceThreshold: a small deviation is left alone
  test('that differ by little are left alone, and by much are levelled, however often it is asked', () => {
    expect(moves([...shards(hot, 500, 80), ...shards(cool, 480, 10)], [hot, cool])).toEqual([]);
    expect(moves([...shards(hot, 900, 800), ...shards(cool, 10, 20)], [hot, cool])).toHaveLength(2);
  });
});

// performAssignment_withMaxLeasesPerWorker…: three leases, at most two each
test('of three free shards one worker that may hold two takes two, and the third stays free', () => {
  const one = [aWorker({ worker: 'a', maxLeases: 2 })];
  expect(moves(shards(undefined, 0, 0, 0), one)).toEqual(['free0 → a', 'free1 → a']);
});

// performAssignment_unAssignedLeasesBeforeExpired: room for one
test('of a free shard and one of a dead worker, with room for one, one is taken and the other stays', () => {
  const one = [aWorker({ worker: 'b', maxLeases: 1 })];
  const dead = aWorker({ worker: 'a', state: 'dead' });
  const group = [...shards(dead, 0), ...shards(undefined, 0)];
  expect(moves(group, [...one, dead])).toHaveLength(1);
});

// performAssignment_inactiveWorker…, and what has no counterpart there: a pod that starts or stops
test.each(['starting', 'draining', 'dead'] as const)(
  'a worker that is %s gets nothing, however idle it is',
  (state) => {
    const [live] = workers('a') as [WorkerRow];
    const idle = aWorker({ worker: 'b', state });
    const group = [...shards(live, 900, 900, 900), ...shards(undefined, 0, 0)];
    expect(moves(group, [live, idle])).toEqual(['free0 → a', 'free1 → a']);
  },
);

// performAssignment_mixedVersions…: workers of 3.4 and 3.5 both get leases
test('of workers of two templates the newer ones get what is free, and the older ones keep what they have', () => {
  const old = aWorker({ worker: 'a', revision: 1 });
  const fresh = aWorker({ worker: 'b', revision: 2 });
  const group = [...shards(old, 0, 0, 0), ...shards(undefined, 0, 0)];
  expect(moves(group, [old, fresh])).toEqual(['free0 → b', 'free1 → b']);
});
