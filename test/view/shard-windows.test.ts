import { expect, test } from 'vitest';
import { decodeClaim } from '../../src/leases/claim.ts';
import { groupView } from '../../src/view/group-view.ts';
import { ShardWindows } from '../../src/view/shard-windows.ts';
import { aLease, aWorker } from '../support/builders.ts';

const START = Date.UTC(2026, 10, 29, 12);
const ID = 'shardId-000000000000';

/** From now on: how the shard and its owner behave. */
interface Phase {
  what: string;
  seconds: number;
  /** Records a second that are processed. */
  speed?: number;
  /** Seconds of lag a second. */
  grows?: number;
  lag?: number;
  owner?: 'alive' | 'dead' | 'fails';
  paused?: boolean;
  readable?: boolean;
  /** The position that a reset sets. */
  position?: number;
  expect: string;
}

/** Each look is five seconds after the last, as the operator's are. */
function play(windows: ShardWindows, phases: readonly Phase[], every = 5, batchWindowMs = 0): string[] {
  const now = { s: 0, position: 1_000, lag: 0, beat: 0 };
  const told: string[] = [];
  for (const phase of phases) {
    const { seconds, speed = 0, grows = 0, owner = 'alive', paused = false, readable = true } = phase;
    now.position = phase.position ?? now.position;
    now.lag = phase.lag ?? now.lag;
    let judged;
    for (let passed = 0; passed < seconds; passed += every) {
      now.s += every;
      now.position += speed * every;
      now.lag = Math.max(0, now.lag + grows * every);
      if (owner !== 'dead' && !paused) now.beat = now.s;
      judged = look(windows, now, { owner, paused, readable, batchWindowMs });
    }
    told.push(`${phase.what}: ${[judged?.judgement, judged?.cause].filter(Boolean).join(' ') || 'nothing'}`);
  }
  return told;
}

function look(
  windows: ShardWindows,
  { s, position, lag, beat }: { s: number; position: number; lag: number; beat: number },
  {
    owner,
    paused,
    readable,
    batchWindowMs,
  }: { owner: 'alive' | 'dead' | 'fails'; paused: boolean; readable: boolean; batchWindowMs: number },
) {
  const nowMs = START + s * 1_000;
  const lease = aLease({
    owner: paused ? undefined : 'w/a',
    epoch: START / 1_000,
    checkpoint: { at: 'SEQUENCE', sequence: String(position) },
    readAt: START + beat * 1_000,
    behindMs: 0,
  });
  const worker = aWorker({
    worker: 'w',
    incarnation: 'a',
    state: owner === 'dead' ? 'dead' : 'live',
    beatAt: START + beat * 1_000,
    lagging: lag > 0 ? { [ID]: lag * 1_000 } : {},
    handlerTrouble: owner === 'fails' ? { shards: 1, error: 'no' } : undefined,
  });
  const rows = { leases: [lease], workers: [worker], claim: undefined };
  const view = groupView({
    rows,
    shards: undefined,
    pods: [],
    retentionHours: 24,
    nowMs,
    readTo: windows.readTo(),
  });
  const judged = windows.judge({
    view,
    rows,
    nowMs,
    isPaused: paused,
    leaseDurationMs: 15_000,
    checkpointIntervalMs: 5_000,
    batchWindowMs,
    isFresh: readable,
  });
  return judged.shards[0]!.judged;
}

const busy = { what: 'it keeps up', seconds: 600, speed: 10, expect: 'OK' };

test.each<[string, Phase[]]>([
  ['a shard that keeps up', [busy]],
  ['an idle shard', [{ what: 'nothing comes', seconds: 3_600, expect: 'OK' }]],
  [
    'a poison record',
    [
      busy,
      { what: 'a hiccup', seconds: 200, owner: 'fails', grows: 1, expect: 'OK' },
      { what: 'it lasts', seconds: 120, owner: 'fails', grows: 1, expect: 'Stalled HandlerFails' },
      { what: 'it is gone', seconds: 60, speed: 100, grows: -5, expect: 'OK' },
    ],
  ],
  [
    'more than the handler can take',
    [
      busy,
      { what: 'a peak', seconds: 120, speed: 10, grows: 0.5, expect: 'OK' },
      { what: 'it goes on', seconds: 300, speed: 10, grows: 0.5, expect: 'Slow' },
      { what: 'it gets level', seconds: 60, speed: 10, expect: 'Slow' },
      { what: 'it catches up', seconds: 120, speed: 20, grows: -1, expect: 'OK' },
    ],
  ],
  [
    'a worker that dies',
    [
      busy,
      { what: 'it is taken over', seconds: 30, owner: 'dead', expect: 'OK' },
      { what: 'nobody takes it', seconds: 60, owner: 'dead', expect: 'Stopped NoOwner' },
      { what: 'and nobody', seconds: 900, owner: 'dead', expect: 'Stopped NoOwner' },
      { what: 'somebody does', seconds: 10, speed: 10, lag: 990, expect: 'nothing' },
      { what: 'and catches up', seconds: 300, speed: 99, grows: -5, expect: 'OK' },
    ],
  ],
  [
    'a pause',
    [
      busy,
      { what: 'it is paused', seconds: 900, paused: true, expect: 'Stopped Paused' },
      { what: 'its workers are on their way', seconds: 30, owner: 'dead', expect: 'nothing' },
      { what: 'none comes', seconds: 60, owner: 'dead', expect: 'Stopped NoOwner' },
      { what: 'it goes on', seconds: 30, speed: 10, lag: 900, grows: 0, expect: 'nothing' },
      { what: 'and catches up', seconds: 600, speed: 99, grows: -2, expect: 'OK' },
    ],
  ],
  [
    'a reset to an earlier record',
    [
      busy,
      { what: 'it begins again', seconds: 60, position: 10, lag: 900, speed: 1, expect: 'Rewound' },
      { what: 'its window is over', seconds: 300, speed: 1, grows: -0.1, expect: 'OK' },
    ],
  ],
  [
    'a table that cannot be read',
    [
      { what: 'it is behind', seconds: 60, speed: 1, lag: 900, expect: 'nothing' },
      { what: 'the same rows again and again', seconds: 600, readable: false, expect: 'nothing' },
      { what: 'the first look after it', seconds: 5, speed: 1, expect: 'nothing' },
    ],
  ],
])('%s', (_, phases) => {
  expect(play(new ShardWindows(), phases)).toEqual(phases.map((phase) => `${phase.what}: ${phase.expect}`));
});

test('keeps as little of a shard that is looked at often as of any', () => {
  const stalled = { what: 'it stands', seconds: 600, lag: 9, grows: 1, expect: '' };
  for (const every of [1, 5, 30, 60]) {
    expect(play(new ShardWindows(), [{ ...stalled, seconds: 230 }], every)).toEqual(['it stands: nothing']);
    expect(play(new ShardWindows(), [stalled], every)).toEqual(['it stands: Stalled']);
  }
});

test('records that wait for the window of their batch are no sign of trouble, but what stands longer is', () => {
  const waits = { what: 'a batch waits', seconds: 295, lag: 5, grows: 1, expect: '' };
  const comes = { what: 'and comes', seconds: 5, speed: 10, lag: 5, expect: '' };
  const phases = [waits, comes, waits, comes, waits, { ...waits, what: 'it stands', seconds: 600 }];
  expect(play(new ShardWindows(), [busy, ...phases], 5, 300_000).map((told) => told.split(': ')[1])).toEqual([
    ...Array.from({ length: 6 }, () => 'OK'),
    'Stalled',
  ]);
});

test('the lag of a quiet shard does not jump when another worker takes it', () => {
  const windows = new ShardWindows();
  play(windows, [{ what: 'quiet', seconds: 60, expect: 'OK' }]);
  const nowMs = START + 70_000;
  const lease = aLease({
    owner: 'v/b',
    takenAt: nowMs - 1_000,
    checkpoint: { at: 'SEQUENCE', sequence: '1000' },
    readAt: START - 3_000_000,
    behindMs: 0,
  });
  const rows = {
    leases: [lease],
    workers: [aWorker({ worker: 'v', incarnation: 'b', beatAt: nowMs - 2_000 })],
    claim: undefined,
  };
  const look = { rows, shards: undefined, pods: [], retentionHours: 24, nowMs };
  expect(groupView(look).lag.maxMs).toBe(3_070_000);
  expect(groupView({ ...look, readTo: windows.readTo() }).lag.maxMs).toBe(10_000);
});

test('a child whose parent took long is not stopped before somebody could have taken it', () => {
  const windows = new ShardWindows();
  const judged = (seconds: number, parent: 'read' | 'ended') => {
    const nowMs = START + seconds * 1_000;
    const checkpoint = parent === 'ended' ? ({ at: 'SHARD_END' } as const) : undefined;
    const child = aLease({ shardId: 'shardId-000000000001', parents: [ID], epoch: START / 1_000 });
    const rows = { leases: [aLease(checkpoint && { checkpoint }), child], workers: [], claim: undefined };
    const view = groupView({ rows, shards: undefined, pods: [], retentionHours: 24, nowMs });
    const about = { isPaused: false, leaseDurationMs: 15_000, checkpointIntervalMs: 5_000, isFresh: true };
    return windows.judge({ view, rows, nowMs, ...about }).shards[1]!.judged;
  };
  expect(judged(3_600, 'read')).toEqual({ judgement: 'OK', cause: 'WaitingForParents' });
  expect(judged(3_605, 'ended')).toBeUndefined();
  expect(judged(3_660, 'ended')).toEqual({ judgement: 'Stopped', cause: 'NoOwner' });
});

test('shards that a reset has moved are not stopped before somebody could have taken them again', () => {
  const windows = new ShardWindows();
  const judged = (seconds: number, state: 'holding' | 'done', isOwned = false) => {
    const nowMs = START + seconds * 1_000;
    const ref = isOwned ? { owner: 'w/a', readAt: nowMs } : {};
    const reset = { id: 'r', state } as never;
    const claim = { ...decodeClaim({ shard_id: 'group#claim' }), ...(isOwned ? {} : { reset }) };
    const worker = aWorker({ worker: 'w', incarnation: 'a', beatAt: nowMs });
    const rows = { leases: [aLease({ epoch: START / 1_000, ...ref })], workers: [worker], claim };
    const view = groupView({ rows, shards: undefined, pods: [], retentionHours: 24, nowMs });
    const about = { isPaused: false, leaseDurationMs: 15_000, checkpointIntervalMs: 5_000, isFresh: true };
    return windows.judge({ view, rows, nowMs, ...about }).shards[0]!.judged?.judgement;
  };
  expect(judged(3_600, 'done', true)).toBe('OK');
  expect([judged(3_605, 'holding'), judged(3_700, 'holding')]).toEqual([undefined, undefined]);
  expect(judged(3_705, 'done')).toBeUndefined();
  expect(judged(3_770, 'done')).toBe('Stopped');
});
