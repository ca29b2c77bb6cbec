import { describe, expect, test } from 'vitest';
import { KcgError } from '../../../../src/lib/errors.ts';
import { conditionEvents } from '../../../../src/operator/plan/status/condition-events.ts';
import type { GroupFacts } from '../../../../src/operator/plan/group-facts.ts';
import { trackFailover } from '../../../../src/operator/plan/status/track-failover.ts';
import { aGroup, aView, DEPLOYMENT, NOW, POD, statusOf } from './status-facts.ts';

const orphaned = { worker: { state: 'dead' as const } };
const paused = { desiredState: 'Paused' };
const free = aView({ lease: { owner: undefined }, worker: { state: 'starting' } });
const beginning = free;
const crashing = [
  { ...POD, ready: false, trouble: { container: 'app', reason: 'CrashLoopBackOff', message: 'm' } },
];
const down = { deployment: { ...DEPLOYMENT, ready: 0 }, problem: undefined };

describe('events', () => {
  const events = (before: Partial<GroupFacts> | undefined, after: Partial<GroupFacts>) =>
    conditionEvents(before ? (statusOf(before).conditions ?? []) : [], statusOf(after).conditions ?? []).map(
      ({ type, reason }) => `${type} ${reason}`,
    );
  const gone = { stream: { summary: undefined, shards: undefined, error: new KcgError('NotFound', 'x') } };

  const making: Partial<GroupFacts> = {
    group: aGroup({ consumer: { type: 'EnhancedFanOut' } }),
    consumer: { name: 'c', arn: undefined, status: 'CREATING', isMade: true, error: undefined },
  };

  test.each<[string, Partial<GroupFacts> | undefined, Partial<GroupFacts>, string[]]>([
    ['nothing new', {}, {}, []],
    ['ready for the first time', undefined, {}, ['Normal Available']],
    ['ready no more: said once, though two conditions tell it', {}, gone, ['Warning StreamNotFound']],
    ['still not ready', gone, gone, []],
    ['a group that starts is no warning', undefined, { workload: down, view: aView(orphaned) }, []],
    [
      'unless its pods cannot come up',
      undefined,
      { workload: down, view: aView({ ...orphaned, pods: crashing }) },
      ['Warning CrashLooping'],
    ],
    ['workers that are gone', {}, { view: aView(orphaned) }, ['Warning NoLiveWorkers']],
    ['a stream consumer that is being made, at first', undefined, making, []],
    ['and later', {}, making, []],
    ['a pause that begins', {}, { group: aGroup(paused) }, []],
    [
      'a pause that is done',
      { group: aGroup(paused) },
      { group: aGroup(paused), view: free },
      ['Normal Paused'],
    ],
    ['a group that goes on', { group: aGroup(paused), view: free }, { view: beginning }, []],
    ['and does not come up', { group: aGroup(paused), view: free }, { view: aView(orphaned) }, []],
    [
      'for a reason',
      { group: aGroup(paused), view: free },
      { workload: down, view: aView({ ...orphaned, pods: crashing }) },
      ['Warning CrashLooping'],
    ],
    [
      'a handler that fails: said once',
      {},
      { view: aView({ worker: { handlerTrouble: { shards: 1, error: 'no' } } }) },
      ['Warning HandlerFailing'],
    ],
    ['positions in danger', {}, { expiringShards: ['s'] }, ['Warning TtlOnLiveRows']],
  ])('%s', (_, before, after, expected) => {
    expect(events(before, after)).toEqual(expected);
  });
});

test('a failover is measured from the first shard lost to the last one owned again', () => {
  const lost = aView(orphaned);
  const first = trackFailover(undefined, { view: lost, fenced: ['w'], nowMs: NOW });
  expect(first).toMatchObject({ finished: undefined, outage: { sinceMs: NOW } });
  const during = trackFailover(first.outage, { view: lost, fenced: [], nowMs: NOW + 4_000 });
  const done = trackFailover(during.outage, { view: aView(), fenced: [], nowMs: NOW + 6_000 });
  expect(done).toEqual({
    outage: undefined,
    finished: { time: '2026-11-23T12:00:06Z', shards: 1, seconds: 6, cause: 'worker w: its container ended' },
  });
  expect(
    trackFailover(undefined, { view: aView({ lease: { owner: undefined } }), fenced: [], nowMs: NOW }).outage,
  ).toBeUndefined();
});
