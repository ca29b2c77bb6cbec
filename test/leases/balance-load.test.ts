import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatRef, type Lease } from '../../src/leases/lease.ts';
import { planLeases, type Move } from '../../src/leases/plan-leases.ts';
import { aLease, aWorker } from '../support/builders.ts';

const worker = (index: number) => aWorker({ worker: `w${index}` });
const shardId = (index: number) => `s${String(index).padStart(2, '0')}`;

/** A fleet whose counts are level: shard i belongs to worker i mod n. */
const fleets = fc
  .record({
    size: fc.integer({ min: 1, max: 6 }),
    loads: fc.array(fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 3_000 })), { maxLength: 30 }),
  })
  .map(({ size, loads }) => ({
    workers: Array.from({ length: size }, (_, i) => worker(i)),
    leases: loads.map((load, i) => aLease({ shardId: shardId(i), owner: formatRef(worker(i % size)), load })),
  }));
type Fleet = { workers: ReturnType<typeof worker>[]; leases: Lease[] };

const plan = ({ leases, workers }: Fleet) => planLeases(leases, workers);
const execute = ({ leases, workers }: Fleet, moves: readonly Move[]): Fleet => {
  const to = new Map(moves.map((move) => [move.shardId, move.to]));
  return {
    workers,
    leases: leases.map((lease) => ({ ...lease, owner: to.get(lease.shardId) ?? lease.owner })),
  };
};
const per = ({ leases, workers }: Fleet, what: (lease: Lease) => number) =>
  workers.map((each) =>
    leases.filter(({ owner }) => owner === formatRef(each)).reduce((sum, lease) => sum + what(lease), 0),
  );
const heaviest = (fleet: Fleet) => Math.max(...per(fleet, ({ load }) => load));
const check = (property: (fleet: Fleet) => void) =>
  fc.assert(fc.property(fleets, property), { numRuns: 1_000 });

describe('levelling by load, over random fleets', () => {
  it('goes on as planned when one half of a swap is done', () => {
    check((fleet) => {
      const moves = plan(fleet);
      for (const done of moves.length === 2 ? moves : []) {
        const rest = moves.filter((move) => move !== done);
        expect(plan(execute(fleet, [done])).map(({ shardId, to }) => [shardId, to])).toEqual(
          rest.map(({ shardId, to }) => [shardId, to]),
        );
      }
    });
  });

  it('comes to rest, with counts level and the heaviest worker never heavier', () => {
    check((start) => {
      let fleet = start;
      for (let rounds = 0; plan(fleet).length > 0; rounds += 1) {
        expect(rounds).toBeLessThan(200);
        const next = execute(fleet, plan(fleet));
        expect(heaviest(next)).toBeLessThanOrEqual(heaviest(fleet));
        const counts = per(next, () => 1);
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        fleet = next;
      }
    });
  });

  it('moves nothing that would help by less than 10 units', () => {
    check(({ leases, workers }) => {
      const faint = leases.map((lease) => ({ ...lease, load: lease.load % (10 / 30) }));
      expect(planLeases(faint, workers)).toEqual([]);
    });
  });

  it('at rest, no swap or move of one shard would relieve the heaviest worker by a fifth and 10 units', () => {
    check((start) => {
      let fleet = start;
      while (plan(fleet).length > 0) fleet = execute(fleet, plan(fleet));
      const loads = per(fleet, ({ load }) => load);
      const counts = per(fleet, () => 1);
      if (Math.max(...counts) !== Math.min(...counts)) return; // then only those with more may give
      const top = loads.indexOf(Math.max(...loads));
      const owned = (index: number) => fleet.leases.filter(({ owner }) => owner === formatRef(worker(index)));
      for (const mine of owned(top)) {
        for (const other of fleet.workers.keys()) {
          for (const theirs of other === top ? [] : owned(other)) {
            const after = Math.max(
              loads[top]! - mine.load + theirs.load,
              loads[other]! + mine.load - theirs.load,
            );
            expect(loads[top]! - after).toBeLessThan(Math.max(10, loads[top]! / 5));
          }
        }
      }
    });
  });
});

describe('loads that waver', () => {
  /** Heavy enough for a twentieth of it to be worth a move, were it not for the ratio. */
  const wavering = fc.record({
    size: fc.integer({ min: 2, max: 4 }),
    loads: fc.array(fc.integer({ min: 2_000, max: 30_000 }), { minLength: 4, maxLength: 12 }),
    waves: fc.array(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 12, maxLength: 12 }), {
      minLength: 30,
      maxLength: 30,
    }),
  });

  it('by a twentieth bring no shards back to where they were: each move still helps when they have calmed down', () => {
    const property = fc.property(wavering, ({ size, loads, waves }) => {
      const workers = Array.from({ length: size }, (_, i) => worker(i));
      let leases = loads.map((load, i) =>
        aLease({ shardId: shardId(i), owner: formatRef(worker(i % size)), load }),
      );
      const places = () => leases.map(({ owner }) => owner).join();
      const seen = new Set([places()]);
      for (const wave of waves) {
        const now = leases.map((lease, i) => ({ ...lease, load: lease.load * (1 + wave[i]! / 1_000) }));
        const moves = planLeases(now, workers);
        if (moves.length === 0) continue;
        ({ leases } = execute({ workers, leases }, moves));
        expect(seen).not.toContain(places());
        seen.add(places());
      }
    });
    fc.assert(property, { numRuns: 300 });
  });
});

describe('levelling by load, worked examples', () => {
  const fleet = (...loads: number[][]): Fleet => {
    let next = 0;
    return {
      workers: loads.map((_, i) => worker(i)),
      leases: loads.flatMap((shards, i) =>
        shards.map((load) => aLease({ shardId: shardId(next++), owner: formatRef(worker(i)), load })),
      ),
    };
  };
  const lines = (...loads: number[][]) =>
    plan(fleet(...loads)).map(
      (m) => `${m.shardId}: ${m.from?.split('/')[0]} → ${m.to.split('/')[0]} ${m.reason}`,
    );

  it('takes the neighbour of a hot shard away, for a quiet one', () => {
    expect(lines([900, 400], [10, 20])).toEqual(['s01: w0 → w1 Load', 's02: w1 → w0 Load']);
  });

  it('lets the worker with the hot shard be the one that holds less', () => {
    expect(lines([900, 400, 100], [50, 60])).toEqual(['s01: w0 → w1 Load']);
  });

  it('levels slow handlers, too', () => {
    expect(lines([60, 39], [0, 0])).toContain('s01: w0 → w1 Load');
  });

  it.each([
    ['the heavy one', 2, 0],
    ['the light one', 0, 2],
  ])('swaps nothing with a worker that is full, as it would hold one more for a while: %s', (_, ...most) => {
    const { leases, workers } = fleet([900, 400], [10, 20]);
    const full = workers.map((each, i) => ({ ...each, maxLeases: most[i]! }));
    expect(planLeases(leases, full)).toEqual([]);
    const roomy = workers.map((each) => ({ ...each, maxLeases: 3 }));
    expect(planLeases(leases, roomy)).toHaveLength(2);
  });

  it('leaves a hot shard alone that has a worker to itself', () => {
    expect(lines([5_000], [10], [20])).toEqual([]);
  });

  it('leaves loads that differ by less than a fifth', () => {
    expect(lines([1_000, 150], [900, 100])).toEqual([]);
  });

  it('leaves loads of which a move would take less than a fifth off, however much that is', () => {
    expect(lines([20_000, 9_000], [19_000, 4_000])).toEqual([]);
    expect(lines([20_000, 9_000], [13_000, 1_000])).toEqual(['s01: w0 → w1 Load', 's03: w1 → w0 Load']);
  });

  it('chooses by load which shard a worker gives that has one too many', () => {
    expect(lines([500, 100, 100], [20])).toEqual(['s00: w0 → w1 Balance']);
  });
});
