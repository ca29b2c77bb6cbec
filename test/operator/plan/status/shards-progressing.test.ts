import { describe, expect, test } from 'vitest';
import { conditionEvents } from '../../../../src/operator/plan/status/condition-events.ts';
import type { GroupStatus } from '../../../../src/api/group-status.ts';
import type { Judged } from '../../../../src/view/judge-shard.ts';
import type { GroupView, ShardState } from '../../../../src/view/group-view.ts';
import { holdBackLag } from '../../../../src/operator/plan/scaling/hold-back-lag.ts';
import { aGroup, aView, statusOf } from './status-facts.ts';

/** A shard for each: its judgement, and whether anybody has it. */
function viewWith(...judged: (Judged | undefined)[]): GroupView {
  const view = aView();
  const [shard] = view.shards;
  const stateOf = (each: Judged | undefined): ShardState =>
    each?.judgement === 'Stopped' ? 'unowned' : 'consuming';
  return {
    ...view,
    shards: judged.map((each, index) => ({
      ...shard!,
      shardId: `s${index}`,
      state: stateOf(each),
      judged: each,
    })),
  };
}
const ok: Judged = { judgement: 'OK' };
const slow: Judged = { judgement: 'Slow' };
const stalled: Judged = { judgement: 'Stalled', cause: 'HandlerFails' };
const stopped: Judged = { judgement: 'Stopped', cause: 'NoOwner' };
const rewound: Judged = { judgement: 'Rewound' };
const progressOf = ({ conditions = [] }: GroupStatus) =>
  conditions.find(({ type }) => type === 'ShardsProgressing')!;
const told = (status: GroupStatus) => {
  const { status: is, reason, message } = progressOf(status);
  return `${is} ${reason}: ${message}`;
};
const short = (status: GroupStatus) => told(status).split(':')[0]!;

describe('ShardsProgressing', () => {
  test.each<[string, (Judged | undefined)[], string]>([
    ['all is well', [ok, ok], 'True ShardsAdvance: every shard that is read advances or is caught up'],
    [
      'one cannot be told yet',
      [ok, undefined],
      'True ShardsAdvance: every shard that is read advances or is caught up',
    ],
    ['none can', [undefined], 'Unknown ProgressUnknown: no shard has been watched for long enough'],
    ['one is slow', [ok, slow], 'True ShardsSlow: reading is slower than writing in 1 of 2 shards: s1'],
    [
      'all that can be wrong is',
      [slow, stalled, stopped, rewound, ok],
      'False ShardsStopped: nobody reads 1 of 5 shards: s2 (NoOwner); records wait and the position stands in 1 of 5 shards: s1 (HandlerFails); the position has gone back in 1 of 5 shards: s3; reading is slower than writing in 1 of 5 shards: s0',
    ],
    [
      'many stand',
      [stalled, stalled, stalled, stalled],
      'False ShardsStalled: records wait and the position stands in 4 of 4 shards: s0, s1, s2 and 1 more (HandlerFails)',
    ],
  ])('when %s', (_, judged, expected) => {
    expect(told(statusOf({ view: viewWith(...judged) }))).toBe(expected);
  });

  test('is not known of a group that is not to read, nor before the rows are', () => {
    const paused = { group: aGroup({ desiredState: 'Paused' }), view: viewWith(stopped) };
    expect(told(statusOf(paused))).toBe('Unknown NotConsuming: the group is paused');
    expect(short(statusOf({ view: undefined }))).toBe('Unknown ProgressUnknown');
  });

  test.each<[string, (Judged | undefined)[], (Judged | undefined)[], string]>([
    ['leaves bad news as it was', [ok, stalled], [ok, undefined], 'False ShardsStalled'],
    ['leaves slow as it was', [ok, slow], [ok, undefined], 'True ShardsSlow'],
    ['tells what is worse', [ok, slow], [undefined, stopped], 'False ShardsStopped'],
    ['takes back what it sees is over', [ok, stalled], [ok, ok], 'True ShardsAdvance'],
    [
      'does not go on saying that nobody reads what somebody has',
      [ok, stopped],
      [ok, undefined],
      'True ShardsAdvance',
    ],
    ['has nothing to leave when all was well', [ok, ok], [undefined, ok], 'True ShardsAdvance'],
    ['and nothing can be told', [ok, ok], [undefined, undefined], 'Unknown ProgressUnknown'],
  ])('an operator that has just begun to watch %s', (_, before, after, expected) => {
    const previous = statusOf({ view: viewWith(...before) });
    expect(short(statusOf({ view: viewWith(...after) }, previous))).toBe(expected);
  });
});

describe('the judgement of a shard in the status', () => {
  const first = (judged: Judged | undefined, previous?: GroupStatus, state?: ShardState) => {
    const view = viewWith(judged);
    if (state) view.shards = view.shards.map((shard) => ({ ...shard, state }));
    const { judgement, cause } = statusOf({ view }, previous).shards![0]!;
    return [judgement, cause].filter(Boolean).join(' ');
  };
  test.each<[string, Judged, Judged | undefined, string]>([
    ['is told with its cause', ok, stalled, 'Stalled HandlerFails'],
    ['stays while it cannot be told', stalled, undefined, 'Stalled HandlerFails'],
    ['does not stay when somebody has the shard that nobody had', stopped, undefined, ''],
    ['does not stay after a pause', { judgement: 'Stopped', cause: 'Paused' }, undefined, ''],
    [
      'does not stay when the parents are done',
      { judgement: 'OK', cause: 'WaitingForParents' },
      undefined,
      '',
    ],
  ])('%s', (_, before, after, expected) => {
    expect(first(after, statusOf({ view: viewWith(before) }))).toBe(expected);
  });

  test('that nobody reads it stays while nobody has it', () => {
    expect(first(undefined, statusOf({ view: viewWith(stopped) }), 'unowned')).toBe('Stopped NoOwner');
  });

  test('is written at once', () => {
    const before = statusOf({ view: viewWith(ok, ok) });
    expect(holdBackLag(statusOf({ view: viewWith(ok, ok) }, before), before)).toBe(before);
    const after = statusOf({ view: viewWith(ok, slow) }, before);
    expect(holdBackLag(after, before)).toBe(after);
  });
});

test.each<[string, (Judged | undefined)[] | undefined, (Judged | undefined)[], string[]]>([
  ['a shard that stands', [ok], [stalled], ['Warning ShardsStalled']],
  ['a shard that falls behind', [ok], [slow], ['Warning ShardsSlow']],
  ['a shard that still stands', [stalled], [stalled], []],
  ['a shard that nobody reads any more', [ok], [stopped], ['Warning ShardsStopped']],
  ['a shard that nobody reads yet', [undefined], [stopped], []],
  ['a shard that moves again', [stalled], [ok], []],
])('an event tells of %s', (_, before, after, expected) => {
  const progress = (judged: (Judged | undefined)[] | undefined) =>
    judged ? [progressOf(statusOf({ view: viewWith(...judged) }))] : [];
  const events = conditionEvents(progress(before), progress(after));
  expect(events.map(({ type, reason }) => `${type} ${reason}`)).toEqual(expected);
});
