import { describe, expect, it } from 'vitest';
import { GroupHistory, MAX_MOVES, shardRoom } from '../../src/dashboard/group-history.ts';
import type { Lease } from '../../src/leases/lease.ts';
import { groupView } from '../../src/view/group-view.ts';
import { aLease, aWorker } from '../support/builders.ts';

const NOW = Date.UTC(2026, 10, 29, 12);
const A = 'shardId-000000000000';
const B = 'shardId-000000000001';

function aLook(
  leases: Lease[],
  {
    atMs = NOW,
    lagging = {},
    isFresh = true,
  }: { atMs?: number; lagging?: Record<string, number>; isFresh?: boolean } = {},
) {
  const workers = [aWorker({ worker: 'w', incarnation: 'i', beatAt: atMs, lagging })];
  const rows = { leases, workers, claim: undefined };
  const view = groupView({ rows, shards: undefined, pods: [], retentionHours: 24, nowMs: atMs });
  return { view, rows, atMs, isFresh };
}
const owned = (shardId: string, more: Partial<Lease> = {}) =>
  aLease({ shardId, owner: 'w/i', load: 10, ...more });
const last = (values: readonly (number | null)[] | undefined) => values?.at(-1);

describe('the last hour of a group', () => {
  it('has the greatest lag and the sum of loads, of those that somebody reads', () => {
    const history = new GroupHistory(shardRoom(10));
    history.add(
      aLook([owned(A), owned(B), aLease({ shardId: 'shardId-000000000002', load: 99, epoch: 1 })], {
        lagging: { [B]: 7_500 },
      }),
    );
    expect(last(history.series(NOW).load)).toBe(20);
    expect(last(history.shardSeries(B, NOW)?.lag)).toBe(7.5);
    expect(last(history.shardSeries(A, NOW)?.lag)).toBe(0);
    expect(last(history.shardSeries(A, NOW)?.load)).toBe(10);
  });

  it('does not take rows that could not be read for what is now', () => {
    const history = new GroupHistory(shardRoom(10));
    history.add(aLook([owned(A)], { isFresh: false }));
    expect(last(history.series(NOW).load)).toBeNull();
  });

  it('is of as many shards as there is room for, and makes room when one goes', () => {
    const room = shardRoom(1);
    const history = new GroupHistory(room);
    history.add(aLook([owned(A), owned(B)]));
    expect([history.shardSeries(A, NOW), history.shardSeries(B, NOW)]).toEqual([
      expect.anything(),
      undefined,
    ]);
    history.add(aLook([owned(A, { checkpoint: { at: 'SHARD_END' } }), owned(B)]));
    history.add(aLook([owned(A, { checkpoint: { at: 'SHARD_END' } }), owned(B)]));
    expect([history.shardSeries(A, NOW), history.shardSeries(B, NOW)]).toEqual([
      undefined,
      expect.anything(),
    ]);
    history.close();
    expect(room.take()).toBe(true);
  });
});

describe('changes of owner', () => {
  const because = (why: string, from?: string) => ({ lastChange: { why, from } });

  it('are told by the rows for the time before the first look, and seen from then on', () => {
    const history = new GroupHistory(shardRoom(10));
    const before = owned(A, { epoch: 5, takenAt: NOW - 60_000, ...because('FirstOwner') });
    history.add(aLook([before]));
    history.add(
      aLook([{ ...before, epoch: 6, owner: 'v/i', takenAt: NOW, ...because('GivenToBalance', 'w/i') }]),
    );
    history.add(
      aLook([{ ...before, epoch: 7, owner: undefined, ...because('Released', 'v/i') }], {
        atMs: NOW + 5_000,
      }),
    );
    expect(history.moves()).toEqual([
      { at: NOW + 5_000, shardId: A, from: 'v', to: undefined, why: 'Released' },
      { at: NOW, shardId: A, from: 'w', to: 'v', why: 'GivenToBalance' },
      { at: NOW - 60_000, shardId: A, from: undefined, to: 'w', why: 'FirstOwner' },
    ]);
  });

  it('are not told twice, nor by a stale read', () => {
    const history = new GroupHistory(shardRoom(10));
    const now = owned(A, { epoch: 6, takenAt: NOW, ...because('TakenFromDead', 'v/i') });
    const stale = owned(A, { epoch: 5, takenAt: NOW - 60_000, ...because('FirstOwner') });
    for (const lease of [now, now, stale, now]) history.add(aLook([lease]));
    expect(history.moves()).toHaveLength(1);
  });

  it('are the newest, so many', () => {
    const history = new GroupHistory(shardRoom(10));
    for (let epoch = 1; epoch < MAX_MOVES + 10; epoch += 1)
      history.add(aLook([owned(A, { epoch, takenAt: NOW + epoch, ...because('GivenToBalance') })]));
    expect(history.moves()).toHaveLength(MAX_MOVES);
    expect(history.moves()[0]?.at).toBe(NOW + MAX_MOVES + 9);
  });
});
