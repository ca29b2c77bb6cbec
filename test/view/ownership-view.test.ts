import { describe, expect, test } from 'vitest';
import { workerKey, type Row } from '../../src/leases/row.ts';
import { ownershipView } from '../../src/view/ownership-view.ts';

const NOW = Date.UTC(2026, 10, 23, 12);
const SECONDS = NOW / 1000;

const shard = (shard_id: string, more: Partial<Record<string, Row[string]>> = {}): Row => ({
  shard_id,
  epoch: 100,
  sequence: '7',
  ...more,
});
const worker = (name: string, more: Partial<Record<string, Row[string]>> = {}): Row => ({
  shard_id: workerKey(name),
  incarnation: 'i1',
  beat: 3,
  state: 'live',
  ...more,
});
const live = worker('a');

function stateOf(row: Row, ...others: Row[]): string | undefined {
  const { shards } = ownershipView({ rows: [row, ...others], nowMs: NOW });
  return shards.find(({ shardId }) => shardId === row.shard_id)?.state;
}

describe('who owns a shard', () => {
  test.each<[string, string, Row, Row[]]>([
    ['a worker that lives', 'owned', shard('s1', { ref: 'a/i1' }), [live]],
    ['a draining worker', 'handing-off', shard('s1', { ref: 'a/i1' }), [worker('a', { state: 'draining' })]],
    ['nobody', 'free', shard('s1'), [live]],
    ['a dead worker', 'lost-owner', shard('s1', { ref: 'a/i1' }), [worker('a', { state: 'dead' })]],
    ['an older life of a worker', 'lost-owner', shard('s1', { ref: 'a/i0' }), [live]],
    ['a worker without a row', 'lost-owner', shard('s1', { ref: 'b/i1' }), [live]],
    ['async-kinesis', 'other-program', { shard_id: 's1', ref: 'app/17', sequence: '7' }, []],
    ['nobody since async-kinesis let go', 'free', { shard_id: 's1', sequence: '7' }, []],
    [
      'nobody, before its parent is read',
      'waiting-for-parents',
      shard('s1', { parents: ['s0'] }),
      [shard('s0')],
    ],
    [
      'the last owner of an ended shard',
      'ended',
      shard('s1', { ref: 'a/i1', sequence: 'SHARD_END' }),
      [live],
    ],
  ])('%s: %s', (_, state, row, others) => {
    expect(stateOf(row, ...others)).toBe(state);
  });

  test("another program's owner is shown as it wrote it, without an epoch", () => {
    const [row] = ownershipView({
      rows: [{ shard_id: 's1', ref: 'app/17', ts: SECONDS - 9 }],
      nowMs: NOW,
    }).shards;
    expect(row).toMatchObject({
      owner: 'app/17',
      incarnation: undefined,
      epoch: undefined,
      checkpoint: { at: 'TRIM_HORIZON' },
      checkpointedAt: NOW - 9_000,
    });
  });
});

describe('what the group as a whole shows', () => {
  const rows = [
    shard('s0', { ref: 'a/i1', sequence: 'SHARD_END' }),
    shard('s1', { ref: 'a/i1' }),
    shard('s2', { ref: 'b/i1', behind_ms: 2_000, read_at: NOW - 5_000 }),
    worker('a', { lagging: { s1: 4_000 }, ttl: SECONDS + 86_400 - 3 }),
    worker('b', { state: 'dead' }),
  ];
  const view = ownershipView({ rows, nowMs: NOW, silentMs: new Map([['a', 1_500]]) });

  test('ended shards are not counted, those without an owner are not owned', () => {
    expect(view).toMatchObject({ unendedShards: 2, ownedShards: 1 });
  });

  test('the lag of a shard nobody reads grows by itself', () => {
    expect(view.lagMs).toBe(7_000);
    expect(view.workers.map(({ lagMs }) => lagMs)).toEqual([4_000, undefined]);
  });

  test("a worker's last beat is told by its row, and its silence by who watched", () => {
    expect(view.workers[0]).toMatchObject({ beatAt: NOW - 3_000, silentMs: 1_500 });
    expect(view.workers[1]).toMatchObject({ beatAt: undefined, silentMs: undefined });
  });
});
