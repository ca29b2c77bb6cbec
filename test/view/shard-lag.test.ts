import { describe, expect, test } from 'vitest';
import type { Lease } from '../../src/leases/lease.ts';
import type { WorkerRow } from '../../src/leases/worker-row.ts';
import { groupView, type GroupView } from '../../src/view/group-view.ts';
import type { ReadTo } from '../../src/view/shard-lag.ts';
import { aLease, aWorker } from '../support/builders.ts';

const NOW = Date.UTC(2026, 10, 29, 12);
const SECOND = 1_000;
const HOUR = 3_600_000;
const ID = 'shardId-000000000001';
const ago = (ms: number) => NOW - ms;
const readTo = (ms: number, sequence = '7'): Look => ({
  readTo: new Map([[ID, { toMs: ago(ms), checkpoint: { at: 'SEQUENCE', sequence } }]]),
});
/** As `epoch` has it. */
const made = (ms: number) => ago(ms) / 1000;

interface Look {
  lease?: Partial<Lease>;
  worker?: Partial<WorkerRow>;
  readTo?: ReadTo;
}

function look({ lease, worker, readTo }: Look): GroupView {
  const leases = [
    aLease({ shardId: ID, owner: 'w/a', checkpoint: { at: 'SEQUENCE', sequence: '7' }, ...lease }),
  ];
  const beating = { leaseDurationMs: 15 * SECOND, beatAt: ago(2 * SECOND) };
  const workers = [aWorker({ worker: 'w', incarnation: 'a', ...beating, ...worker })];
  const rows = { leases, workers, claim: undefined };
  const known = readTo ? { readTo } : {};
  return groupView({ rows, shards: undefined, pods: [], retentionHours: 24, nowMs: NOW, ...known });
}

const dead = { state: 'dead' } as const;
const quiet = { behindMs: 0, readAt: ago(50 * 60 * SECOND) };
const others = (count: number, ms: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`s${index}`, ms]));

describe('the lag of a shard that', () => {
  test.each<[string, Look, lagMs: number | undefined, headroomPercent: number | undefined]>([
    ['is idle is none', { lease: quiet }, 0, 100],
    ['is behind is what its owner says', { worker: { lagging: { [ID]: 6 * HOUR } } }, 6 * HOUR, 75],
    [
      'is tried again grows, though its row is old',
      { lease: { behindMs: 0, readAt: ago(3 * HOUR) }, worker: { lagging: { [ID]: 3 * HOUR } } },
      3 * HOUR,
      88,
    ],
    [
      'nobody has read counts from its row',
      { lease: { owner: undefined, checkpoint: { at: 'TRIM_HORIZON' }, epoch: made(12 * HOUR) } },
      12 * HOUR,
      50,
    ],
    [
      'nobody has read, and that begins at a moment, counts from that',
      {
        lease: {
          owner: undefined,
          checkpoint: { at: 'AT_TIMESTAMP', timestampMs: ago(HOUR) },
          epoch: made(2 * HOUR),
        },
      },
      HOUR,
      96,
    ],
    [
      'nobody has read, and that begins before its row, counts from its row',
      {
        lease: {
          owner: undefined,
          checkpoint: { at: 'AT_TIMESTAMP', timestampMs: ago(90 * HOUR) },
          epoch: made(HOUR),
        },
      },
      HOUR,
      96,
    ],
    [
      'is paused counts from the last read',
      { lease: { owner: undefined, behindMs: 500, readAt: ago(HOUR) } },
      HOUR + 500,
      96,
    ],
    [
      'has lost its owner counts from the last beat of that, though its row is older',
      { lease: quiet, worker: { ...dead, beatAt: ago(20 * SECOND) } },
      20 * SECOND,
      100,
    ],
    [
      'has lost an owner which lagged goes on from there',
      { lease: quiet, worker: { ...dead, beatAt: ago(20 * SECOND), lagging: { [ID]: 40 * SECOND } } },
      60 * SECOND,
      100,
    ],
    [
      'has lost an owner which had said nothing of it counts from its row',
      { lease: { ...quiet, takenAt: ago(2 * SECOND) }, worker: dead },
      50 * 60 * SECOND,
      97,
    ],
    [
      'was just taken is what the row says',
      { lease: { behindMs: 0, readAt: ago(30 * SECOND), takenAt: ago(2 * SECOND) } },
      30 * SECOND,
      100,
    ],
    [
      'was just taken is not more than an earlier look has shown',
      { lease: { ...quiet, takenAt: ago(2 * SECOND) }, ...readTo(25 * SECOND) },
      25 * SECOND,
      100,
    ],
    [
      'has gone back is not what an earlier look has shown',
      { lease: { owner: undefined, behindMs: 0, readAt: ago(HOUR) }, ...readTo(25 * SECOND, '8') },
      HOUR,
      96,
    ],
    [
      'was just taken and is behind is what the owner says of it already',
      { lease: { ...quiet, takenAt: ago(4 * SECOND) }, worker: { lagging: { [ID]: 90 * SECOND } } },
      90 * SECOND,
      100,
    ],
    [
      'was given to an owner that beats before it knows is what the row says',
      {
        lease: {
          behindMs: 2 * SECOND,
          readAt: ago(4 * SECOND),
          takenAt: ago(4 * SECOND),
          lastChange: { why: 'GivenToBalance', from: 'v/b' },
        },
        worker: { beatAt: ago(SECOND) },
      },
      6 * SECOND,
      100,
    ],
    ['was taken before its owner beat is none', { lease: { ...quiet, takenAt: ago(3 * SECOND) } }, 0, 100],
    ['has an owner of a release that does not say since when is none', { lease: quiet }, 0, 100],
    [
      'is behind, of an owner that has no room to name it, is at most that of the others',
      { lease: { behindMs: 9 * HOUR, readAt: NOW }, worker: { lagging: others(20, HOUR) } },
      HOUR,
      96,
    ],
    [
      'was behind, of an owner that has room to name it and does not, is none',
      { lease: { behindMs: 9 * HOUR, readAt: NOW }, worker: { lagging: others(19, HOUR) } },
      0,
      100,
    ],
    [
      'is behind, of an owner whose trouble takes that room, is at most that of the others',
      {
        lease: { behindMs: 9 * HOUR, readAt: NOW },
        worker: { lagging: others(12, HOUR), handlerTrouble: { shards: 1, error: 'no' } },
      },
      HOUR,
      96,
    ],
    [
      'is idle, of an owner that has no room for more, is none',
      { lease: quiet, worker: { lagging: others(20, HOUR) } },
      0,
      100,
    ],
    ['is read to its end is none', { lease: { checkpoint: { at: 'SHARD_END' } } }, undefined, undefined],
    [
      'another program has left, which does not say when, is not known',
      { lease: { owner: undefined, epoch: 0 } },
      undefined,
      undefined,
    ],
  ])('%s', (_, change, lagMs, headroomPercent) => {
    const { shards, lag } = look(change);
    expect(shards[0]!.lagMs).toBe(lagMs);
    expect(lag.headroomPercent).toBe(headroomPercent);
  });

  test('waits for its parents is not known', () => {
    const parent = aLease({ shardId: 's0' });
    const child = aLease({ shardId: 's1', parents: ['s0'] });
    const rows = { leases: [parent, child], workers: [], claim: undefined };
    const { shards } = groupView({
      rows,
      shards: undefined,
      pods: [],
      retentionHours: undefined,
      nowMs: NOW,
    });
    expect(shards[1]).toMatchObject({ state: 'waiting', lagMs: undefined });
  });
});
