import { describe, expect, test } from 'vitest';
import { workerKey, type Row } from '../../src/leases/row.ts';
import { ownershipView } from '../../src/view/ownership-view.ts';
import { ShardWindows } from '../../src/view/shard-windows.ts';

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

describe('how a shard is judged', () => {
  const LEASE = 15_000;
  const judgedOf = (rows: Row[], more: Partial<Parameters<typeof ownershipView>[0]> = {}) => {
    const { judged } = ownershipView({ rows, nowMs: NOW, leaseDurationMs: LEASE, ...more }).shards[0]!;
    return judged && [judged.judgement, judged.cause].filter(Boolean).join(' ');
  };
  const beating = (seconds: number) => ({ ttl: SECONDS + 86_400 - seconds });
  const read = { behind_ms: 0, read_at: NOW - 90_000 };
  const claim: Row = { shard_id: 'group#claim', paused: 1 };

  test.each<[string, Row[], string | undefined]>([
    ['caught up', [shard('s1', { ref: 'a/i1' }), worker('a', beating(3))], 'OK'],
    [
      'behind',
      [shard('s1', { ref: 'a/i1' }), worker('a', { ...beating(3), lagging: { s1: 9_000 } })],
      undefined,
    ],
    ['free for longer than a change of owner takes', [shard('s1', read)], 'Stopped NoOwner'],
    ['free for a moment', [shard('s1', { ...read, read_at: NOW - 9_000 })], undefined],
    ['free, of a paused group', [shard('s1', read), claim], 'Stopped Paused'],
    [
      'of a worker that died a moment ago',
      [shard('s1', { ref: 'a/i1', ...read }), worker('a', { ...beating(9), state: 'dead' })],
      undefined,
    ],
    [
      'of a worker that died',
      [shard('s1', { ref: 'a/i1', ...read }), worker('a', { ...beating(90), state: 'dead' })],
      'Stopped NoOwner',
    ],
    [
      'of a worker that is silent by two clocks',
      [shard('s1', { ref: 'a/i1' }), worker('a', beating(90))],
      undefined,
    ],
    [
      'of another program, which need not write while nothing comes',
      [{ shard_id: 's1', ref: 'app/17', ts: SECONDS - 700 }],
      undefined,
    ],
  ])('at one look, %s', (_, rows, expected) => {
    expect(judgedOf(rows)).toBe(expected);
  });

  test('a worker that has been seen to be silent reads nothing', () => {
    const rows = [shard('s1', { ref: 'a/i1', ...read }), worker('a', beating(90))];
    expect(judgedOf(rows, { silentMs: new Map([['a', 2_000]]) })).toBe('OK');
    expect(judgedOf(rows, { silentMs: new Map([['a', 90_000]]) })).toBe('Stopped NoOwner');
  });

  test('looks that follow one another tell of a shard that stands', () => {
    const windows = new ShardWindows();
    const at = (seconds: number) =>
      judgedOf(
        [
          shard('s1', { ref: 'a/i1' }),
          worker('a', { lagging: { s1: (seconds + 9) * 1_000 }, failing: 1, failing_why: 'no' }),
        ],
        { windows, nowMs: NOW + seconds * 1_000, silentMs: new Map([['a', 0]]) },
      );
    const told = Array.from({ length: 150 }, (_, look) => at(look * 2));
    expect(new Set(told.slice(0, 120))).toEqual(new Set([undefined]));
    expect(told.at(-1)).toBe('Stalled HandlerFails');
  });
});
