import { describe, expect, test } from 'vitest';
import type { Checkpoint } from '../../src/kinesis/position.ts';
import { SequenceSource } from '../../src/kinesis/sequence-number.ts';
import type { Shard } from '../../src/kinesis/shard.ts';
import type { Claim } from '../../src/leases/claim.ts';
import { formatAge, formatDuration, lagStepSeconds } from '../../src/view/format.ts';
import { groupView, type GroupViewInput } from '../../src/view/group-view.ts';
import { relevantShards } from '../../src/view/relevant-shards.ts';
import { aLease, aWorker } from '../support/builders.ts';

const NOW = 1_000_000_000;
const id = (index: number) => `shardId-${String(index).padStart(12, '0')}`;
const BEGINNING = { initialPosition: { type: 'TrimHorizon' } } as const;
const HALF = { low: ['0', '99'], high: ['100', '199'], all: ['0', '199'] } as const;

function shard(index: number, range: readonly [string, string], more: Partial<Shard> = {}): Shard {
  return { shardId: id(index), hashStart: range[0], hashEnd: range[1], startingSequence: '1', ...more };
}
function lease(index: number, range: readonly [string, string], more: Parameters<typeof aLease>[0] = {}) {
  return aLease({ shardId: id(index), hashStart: range[0], hashEnd: range[1], ...more });
}
function ids(list: readonly Shard[]): string[] {
  return list.map(({ shardId }) => shardId);
}
function view(change: Partial<GroupViewInput> = {}) {
  const rows = { leases: [], workers: [], claim: undefined };
  return groupView({ rows, shards: [], pods: [], retentionHours: 24, nowMs: NOW, ...change });
}

describe('the state of a shard', () => {
  const live = aWorker({ worker: 'w', incarnation: 'a' });
  const shards = [shard(0, HALF.all)];
  test.each<[string, Parameters<typeof aLease>[0], Parameters<typeof aWorker>[0], string]>([
    ['owned by a live worker', { owner: 'w/a' }, {}, 'consuming'],
    ['owned by a draining one', { owner: 'w/a' }, { state: 'draining' }, 'handing-off'],
    ['owned by a dead one', { owner: 'w/a' }, { state: 'dead' }, 'unowned'],
    ['owned by an older life', { owner: 'w/old' }, {}, 'unowned'],
    ['owned by nobody', {}, {}, 'unowned'],
    ['read to its end', { checkpoint: { at: 'SHARD_END' }, owner: 'w/a' }, {}, 'ended'],
  ])('%s', (_, change, worker, state) => {
    const rows = {
      leases: [lease(0, HALF.all, change)],
      workers: [{ ...live, ...worker }],
      claim: undefined,
    };
    expect(view({ rows, shards }).shards[0]?.state).toBe(state);
  });

  test('children wait for a parent that is not read to its end', () => {
    const shards = [
      shard(0, HALF.all, { endingSequence: '9' }),
      shard(1, HALF.low, { parentShardId: id(0) }),
      shard(2, HALF.high, { parentShardId: id(0) }),
    ];
    const before = view({ rows: { leases: [lease(0, HALF.all)], workers: [], claim: undefined }, shards });
    expect(before.shards.map(({ state }) => state)).toEqual(['unowned', 'waiting', 'waiting']);
    expect(before).toMatchObject({ readableShards: 1, parallelShards: 2, resharding: true });
    const ended = lease(0, HALF.all, { checkpoint: { at: 'SHARD_END' } });
    const after = view({ rows: { leases: [ended], workers: [], claim: undefined }, shards });
    expect(after.shards.map(({ state }) => state)).toEqual(['ended', 'unowned', 'unowned']);
    expect(after).toMatchObject({ readableShards: 2, parallelShards: 2, resharding: false });
  });

  test('a row of a shard the stream forgot is over; a row newer than the list is not', () => {
    const rows = { leases: [lease(0, HALF.low), lease(7, HALF.high)], workers: [], claim: undefined };
    const { shards } = view({ rows, shards: [shard(3, HALF.all)] });
    expect(shards.map(({ shardId, state }) => [shardId, state])).toEqual([
      [id(0), 'ended'],
      [id(3), 'unowned'],
      [id(7), 'unowned'],
    ]);
  });
});

describe('lag', () => {
  const workers = [aWorker({ worker: 'w', incarnation: 'a', lagging: { [id(0)]: 7_000 } })];
  test.each<[string, Parameters<typeof aLease>[0], number | undefined]>([
    ['what the living owner says', { owner: 'w/a' }, 7_000],
    ['grows by itself without an owner', { behindMs: 500, readAt: NOW - 10_000 }, 10_500],
    [
      'counts from the start of a shard not read yet',
      { checkpoint: { at: 'AT_TIMESTAMP', timestampMs: NOW - 3_000 } },
      3_000,
    ],
    ['counts from the row before the first read', { epoch: NOW / 1000 - 5 }, 5_000],
    ['is none at the end', { checkpoint: { at: 'SHARD_END' } }, undefined],
  ])('%s', (_, change, expected) => {
    const rows = { leases: [lease(0, HALF.all, change)], workers, claim: undefined };
    const { lag, shards } = view({ rows, shards: [shard(0, HALF.all)] });
    expect(shards[0]?.lagMs).toBe(expected);
    expect(lag.maxMs).toBe(expected);
  });

  test('is the maximum, and says how much retention is left', () => {
    const leases = [
      lease(0, HALF.low, { behindMs: 1, readAt: NOW - 6 * 3_600_000 }),
      lease(1, HALF.high, { owner: 'w/a' }),
    ];
    const { lag } = view({
      rows: { leases, workers, claim: undefined },
      shards: [shard(0, HALF.low), shard(1, HALF.high)],
    });
    expect(lag).toMatchObject({ maxMs: 6 * 3_600_000 + 1, maxShardId: id(0), headroomPercent: 75 });
  });

  test.each([
    [300, 100],
    [60_000, 100],
    [12 * 3_600_000, 50],
    [24 * 3_600_000 - 1, 1],
    [24 * 3_600_000, 0],
    [25 * 3_600_000, 0],
  ])('%i ms behind leave %i percent of a day', (ms, percent) => {
    const busy = [aWorker({ worker: 'w', incarnation: 'a', lagging: { [id(0)]: ms } })];
    const rows = { leases: [lease(0, HALF.all, { owner: 'w/a' })], workers: busy, claim: undefined };
    expect(view({ rows, shards: [shard(0, HALF.all)] }).lag.headroomPercent).toBe(percent);
  });

  test('a shard its owner does not name is caught up', () => {
    const rows = { leases: [lease(1, HALF.all, { owner: 'w/a' })], workers, claim: undefined };
    expect(view({ rows, shards: [shard(1, HALF.all)] }).lag.maxMs).toBe(0);
  });
});

test('a worker that waits for the end of a pause is said to be paused, and one that begins to start', () => {
  const workers = [aWorker({ worker: 'w', state: 'starting' }), aWorker({ worker: 'x', state: 'dead' })];
  const said = (paused: boolean) =>
    view({ rows: { leases: [], workers, claim: { paused } as Claim } }).workers.map((each) => each.said);
  expect(said(true)).toEqual(['paused', 'dead']);
  expect(said(false)).toEqual(['starting', 'dead']);
});

test('a group that began at Latest has nothing to do with older closed shards', () => {
  const shards = [
    shard(0, HALF.all, { endingSequence: '5' }),
    shard(1, HALF.all, { parentShardId: id(0), endingSequence: '9' }),
    shard(2, HALF.all, { parentShardId: id(1) }),
  ];
  const latest = { initialPosition: { type: 'Latest' } } as const;
  expect(ids(relevantShards(shards, { leases: [] }, BEGINNING))).toEqual([id(0), id(1), id(2)]);
  expect(ids(relevantShards(shards, { leases: [] }, latest))).toEqual([id(2)]);
  expect(ids(relevantShards(shards, { leases: [lease(0, HALF.all)] }, latest))).toEqual([
    id(0),
    id(1),
    id(2),
  ]);
});

test('a replay has nothing to do with shards that were closed before it or began after it', () => {
  const beganAt = (shardNumber: number, time: string) =>
    new SequenceSource({ shardNumber, createdAtSeconds: Date.parse(time) / 1000 }).starting;
  const shards = [
    shard(0, HALF.all, { startingSequence: beganAt(0, '2026-01-01T00:00:00Z'), endingSequence: '5' }),
    shard(1, HALF.all, {
      startingSequence: beganAt(1, '2026-01-02T00:00:00Z'),
      parentShardId: id(0),
      endingSequence: '9',
    }),
    shard(2, HALF.low, { startingSequence: beganAt(2, '2026-01-03T05:00:00Z'), parentShardId: id(1) }),
    shard(3, HALF.high, { startingSequence: beganAt(3, '2026-01-03T07:00:00Z'), parentShardId: id(1) }),
  ];
  const spec = { ...BEGINNING, range: { from: '2026-01-03T04:00:00Z', to: '2026-01-03T06:00:00Z' } };
  expect(ids(relevantShards(shards, { leases: [lease(1, HALF.all)] }, spec))).toEqual([id(1), id(2)]);
  // Workers are needed to find that out.
  expect(ids(relevantShards(shards, { leases: [] }, spec))).toEqual([id(0), id(1), id(2), id(3)]);
});

test('a shard without a row that was read by another program is nothing to be read', () => {
  const shards = [shard(0, HALF.all, { endingSequence: '5' }), shard(1, HALF.all, { parentShardId: id(0) })];
  const relevant = (checkpoint: Checkpoint) =>
    ids(relevantShards(shards, { leases: [lease(1, HALF.all, { checkpoint })] }, BEGINNING));
  expect(relevant({ at: 'SEQUENCE', sequence: '7' })).toEqual([id(1)]);
  expect(relevant({ at: 'TRIM_HORIZON' })).toEqual([id(0), id(1)]);
});

test.each<[number, string, string]>([
  [0, '0s', '0s'],
  [119_999, '119s', '119s'],
  [125_000, '2m', '2m5s'],
  [3_600_000, '60m', '60m'],
  [4 * 3_600_000 + 60_000, '4h', '4h1m'],
  [50 * 3_600_000, '2d', '2d2h'],
  [800 * 86_400_000, '800d', '2y70d'],
])('%i ms is %s, as an age %s', (ms, duration, age) => {
  expect([formatDuration(ms), formatAge(ms)]).toEqual([duration, age]);
});

test.each<[number, number]>([
  [999, 0],
  [1_000, 1],
  [11_000, 15],
  [61_000, 70],
  [119_000, 120],
  [121_000, 180],
  [601_000, 720],
  [7_199_000, 7_200],
  [8 * 86_400_000 - 1, 8 * 86_400],
])('%i ms behind is the step of %i s', (ms, step) => {
  expect(lagStepSeconds(ms)).toBe(step);
});
