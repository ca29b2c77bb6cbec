import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatRef, isEnded, type Lease } from '../../src/leases/lease.ts';
import { planLeases, readableLeases, type Move } from '../../src/leases/plan-leases.ts';
import type { WorkerRow, WorkerState } from '../../src/leases/worker-row.ts';
import { aLease, aWorker, refOf } from '../support/builders.ts';

interface GroupOf {
  leases: Lease[];
  workers: WorkerRow[];
}

const states: WorkerState[] = ['live', 'live', 'live', 'starting', 'draining', 'dead'];

const rollout = ({ revision, restartedAt }: WorkerRow) => revision * 10_000 + restartedAt;

/** Random groups: workers in every state and of up to three revisions, shards owned by anybody, nobody or the dead. */
const groups: fc.Arbitrary<GroupOf> = fc
  .record({
    workers: fc.array(
      fc.record({
        state: fc.constantFrom(...states),
        revision: fc.constantFrom(1, 1, 1, 2, 3),
        restartedAt: fc.constantFrom(0, 0, 0, 1_000),
        maxLeases: fc.constantFrom(0, 0, 0, 2, 5),
      }),
      { minLength: 0, maxLength: 8 },
    ),
    owners: fc.array(fc.integer({ min: -3, max: 7 }), { maxLength: 40 }),
    ended: fc.array(fc.boolean(), { maxLength: 40 }),
    parents: fc.array(fc.integer({ min: -10, max: 39 }), { maxLength: 40 }),
  })
  .map(({ workers: specs, owners, ended, parents }) => {
    const workers = specs.map((spec, i) => aWorker({ worker: `worker-${i}`, ...spec }));
    const leases = owners.map((owner, i) => {
      const holder = workers[owner];
      const parent = parents[i];
      return aLease({
        shardId: `shardId-${String(i).padStart(12, '0')}`,
        owner: owner === -1 ? 'gone/old' : owner === -2 ? 'worker-0/old' : holder && refOf(holder),
        checkpoint: ended[i] ? { at: 'SHARD_END' } : { at: 'TRIM_HORIZON' },
        parents:
          parent !== undefined && parent >= 0 && parent < i
            ? [`shardId-${String(parent).padStart(12, '0')}`]
            : [],
      });
    });
    return { workers, leases };
  });

function execute({ leases, workers }: GroupOf, moves: readonly Move[]): GroupOf {
  const to = new Map(moves.map((move) => [move.shardId, move.to]));
  return {
    workers,
    leases: leases.map((lease) => {
      const owner = to.get(lease.shardId);
      return owner === undefined ? lease : { ...lease, owner, epoch: lease.epoch + 1 };
    }),
  };
}

const plan = ({ leases, workers }: GroupOf) => planLeases(leases, workers);
const key = (moves: readonly Move[]) => moves.map((move) => `${move.shardId} → ${move.to}`).sort();
const check = (property: (group: GroupOf) => void) =>
  fc.assert(fc.property(groups, property), { numRuns: 1_000 });

function counts({ leases, workers }: GroupOf, among: readonly WorkerRow[]): number[] {
  const readable = readableLeases(leases, new Map(leases.map((lease) => [lease.shardId, lease])));
  void workers;
  return among.map((worker) => readable.filter((lease) => lease.owner === formatRef(worker)).length);
}

describe('planLeases, over random groups', () => {
  it('gives the same plan whatever the order of the rows', () => {
    check((group) => {
      const shuffled = { leases: group.leases.toReversed(), workers: group.workers.toReversed() };
      expect(key(plan(shuffled))).toEqual(key(plan(group)));
    });
  });

  it('moves each shard at most once, never to where it is, never an ended or waiting one', () => {
    check((group) => {
      const moves = plan(group);
      expect(new Set(moves.map((move) => move.shardId)).size).toBe(moves.length);
      for (const move of moves) {
        const lease = group.leases.find((l) => l.shardId === move.shardId)!;
        expect(move.to).not.toBe(lease.owner);
        expect(isEnded(lease)).toBe(false);
        for (const parent of lease.parents) {
          expect(isEnded(group.leases.find((l) => l.shardId === parent)!)).toBe(true);
        }
      }
    });
  });

  it('plans only to live workers of the newest live rollout, within their capacity', () => {
    check((group) => {
      const live = group.workers.filter((worker) => worker.state === 'live');
      const newest = Math.max(...live.map(rollout));
      const moves = plan(group);
      for (const move of moves) {
        const receiver = live.find((worker) => formatRef(worker) === move.to);
        expect(receiver && rollout(receiver)).toBe(newest);
      }
      const after = execute(group, moves);
      const receivers = live.filter(
        (worker) => worker.maxLeases > 0 && moves.some((m) => m.to === formatRef(worker)),
      );
      counts(after, receivers).forEach((count, i) =>
        expect(count).toBeLessThanOrEqual(receivers[i]!.maxLeases),
      );
    });
  });

  it('is confluent: after any part of it is executed, the new plan is the rest', () => {
    fc.assert(
      fc.property(groups, fc.infiniteStream(fc.boolean()), (group, coin) => {
        const moves = plan(group);
        const done = moves.filter(() => coin.next().value);
        const rest = moves.filter((move) => !done.includes(move));
        expect(key(plan(execute(group, done)))).toEqual(key(rest));
      }),
      { numRuns: 1_000 },
    );
  });

  it('is complete: after it is executed, nothing is left to do', () => {
    check((group) => {
      expect(plan(execute(group, plan(group)))).toEqual([]);
    });
  });

  it('balances a fleet of one revision without bounds to within one shard', () => {
    check((group) => {
      const workers = group.workers.map((worker) => ({
        ...worker,
        revision: 1,
        restartedAt: 0,
        maxLeases: 0,
      }));
      const live = workers.filter((worker) => worker.state === 'live');
      if (live.length === 0) return;
      const after = counts(execute({ ...group, workers }, planLeases(group.leases, workers)), live);
      expect(Math.max(...after) - Math.min(...after)).toBeLessThanOrEqual(1);
    });
  });

  it('is minimal: a balanced fleet gives away no more than what is above the level', () => {
    check((group) => {
      const workers = group.workers.map((worker) => ({
        ...worker,
        revision: 1,
        restartedAt: 0,
        maxLeases: 0,
      }));
      const live = workers.filter((worker) => worker.state === 'live');
      if (live.length === 0) return;
      const before = counts({ ...group, workers }, live);
      const moves = planLeases(group.leases, workers);
      const orphans = moves.filter((move) => move.reason !== 'Balance').length;
      const total = before.reduce((sum, n) => sum + n, 0) + orphans;
      const [floor, extra] = [Math.floor(total / live.length), total % live.length];
      const levels = before.toSorted((a, b) => b - a).map((_, i) => floor + (i < extra ? 1 : 0));
      const least = before
        .toSorted((a, b) => b - a)
        .reduce((sum, n, i) => sum + Math.max(0, n - levels[i]!), 0);
      expect(moves.filter((move) => move.reason === 'Balance').length).toBe(least);
    });
  });

  it('during a rollout leaves what a live worker holds alone', () => {
    check((group) => {
      const live = group.workers.filter((worker) => worker.state === 'live');
      if (new Set(live.map(rollout)).size < 2) return;
      expect(plan(group).filter((move) => move.reason === 'Balance')).toEqual([]);
    });
  });
});

describe('planLeases, worked examples', () => {
  const [a, b, c] = ['a', 'b', 'c'].map((worker) => aWorker({ worker })) as [WorkerRow, WorkerRow, WorkerRow];
  const shard = (id: string, owner?: WorkerRow | string, more: Partial<Lease> = {}) =>
    aLease({ shardId: id, owner: typeof owner === 'object' ? refOf(owner) : owner, ...more });
  const lines = (leases: Lease[], workers: WorkerRow[]) =>
    planLeases(leases, workers).map((m) => `${m.kind} ${m.shardId} ${m.to.split('/')[0]} ${m.reason}`);

  it('spreads the shards of a new group', () => {
    expect(lines([shard('s1'), shard('s2'), shard('s3')], [a, b])).toEqual([
      'take s1 a Unowned',
      'take s2 a Unowned',
      'take s3 b Unowned',
    ]);
  });

  it('has the owner give to a worker that joins', () => {
    expect(lines([shard('s1', a), shard('s2', a), shard('s3', a)], [a, b])).toEqual(['give s3 b Balance']);
  });

  it('returns the shards of a restarted worker to it', () => {
    expect(lines([shard('s1', 'a/old'), shard('s2', b)], [a, b])).toEqual(['take s1 a OwnerDead']);
  });

  it('spreads the shards of a dead worker over the rest', () => {
    const dead = { ...c, state: 'dead' as const };
    expect(lines([shard('s1', a), shard('s2', b), shard('s3', c), shard('s4', c)], [a, b, dead])).toEqual([
      'take s3 a OwnerDead',
      'take s4 b OwnerDead',
    ]);
  });

  it('has a draining owner give its own', () => {
    const draining = { ...b, state: 'draining' as const };
    expect(lines([shard('s1', a), shard('s2', b)], [a, draining])).toEqual(['give s2 a OwnerDraining']);
  });

  it('gives children to the last owner of their parent', () => {
    const parent = shard('s1', b, { checkpoint: { at: 'SHARD_END' } });
    const children = [
      shard('s2', undefined, { parents: ['s1'] }),
      shard('s3', undefined, { parents: ['s1'] }),
    ];
    expect(lines([parent, ...children, shard('s4', a)], [a, b])).toEqual([
      'take s2 b ChildOfOwner',
      'take s3 a ChildOfOwner',
    ]);
  });

  it('plans nothing to a starting worker, and nothing at all when nobody is live', () => {
    const starting = { ...a, state: 'starting' as const };
    expect(lines([shard('s1')], [starting])).toEqual([]);
  });
});
