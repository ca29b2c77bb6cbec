import { expect, test } from 'vitest';
import type { Lease } from '../../src/leases/lease.ts';
import { planLeases } from '../../src/leases/plan-leases.ts';
import type { WorkerRow } from '../../src/leases/worker-row.ts';
import { aLease, aWorker, refOf } from '../support/builders.ts';

/*
 * KCL's own cases of who takes what (DynamoDBLeaseTakerIntegrationTest), asked of planLeases. Each worker is written with
 * how many shards it holds; the answer is how many it holds once the plan is executed, and how many had to move.
 */

const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((worker) => aWorker({ worker })) as [
  WorkerRow,
  WorkerRow,
  WorkerRow,
  WorkerRow,
];

function after(held: readonly [WorkerRow | undefined, number][]): Record<string, number> & { moved: number } {
  let next = 0;
  const leases: Lease[] = held.flatMap(([worker, count]) =>
    Array.from({ length: count }, () =>
      aLease({ shardId: `s${String((next += 1)).padStart(2, '0')}`, owner: worker && refOf(worker) }),
    ),
  );
  const workers = held.flatMap(([worker]) => worker ?? []);
  const moves = planLeases(leases, workers);
  const to = new Map(moves.map((move) => [move.shardId, move.to]));
  const owners = leases.map((lease) => to.get(lease.shardId) ?? lease.owner);
  const counts = workers.map((worker) => [
    worker.worker,
    owners.filter((ref) => ref === refOf(worker)).length,
  ]);
  return { ...(Object.fromEntries(counts) as Record<string, number>), moved: moves.length };
}

test('three free shards and one that another worker holds are shared fairly', () => {
  expect(
    after([
      [undefined, 3],
      [a, 0],
      [b, 1],
    ]),
  ).toEqual({ a: 2, b: 2, moved: 3 });
});

test('holdings of 2, 2 and 1 are level: nothing moves', () => {
  expect(
    after([
      [a, 2],
      [b, 2],
      [c, 1],
    ]),
  ).toEqual({ a: 2, b: 2, c: 1, moved: 0 });
});

test('of holdings of 1, 5 and 0 only what is above the level moves, and only from the one with 5', () => {
  expect(
    after([
      [a, 1],
      [b, 5],
      [c, 0],
    ]),
  ).toEqual({ a: 2, b: 2, c: 2, moved: 3 });
});

test('one free shard beside three workers with the same number is all that moves', () => {
  const result = after([
    [undefined, 1],
    [a, 2],
    [b, 2],
    [c, 2],
  ]);
  expect(result.moved).toBe(1);
  expect([result['a'], result['b'], result['c']].toSorted((x = 0, y = 0) => x - y)).toEqual([2, 2, 3]);
});

test('no shards make no moves', () => {
  expect(
    after([
      [a, 0],
      [d, 0],
    ]),
  ).toEqual({ a: 0, d: 0, moved: 0 });
});
