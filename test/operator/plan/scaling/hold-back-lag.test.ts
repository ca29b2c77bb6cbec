import { expect, test } from 'vitest';
import type { GroupStatus } from '../../../../src/api/group-status.ts';
import { holdBackLag } from '../../../../src/operator/plan/scaling/hold-back-lag.ts';
import type { GroupFacts } from '../../../../src/operator/plan/group-facts.ts';
import { aView, DEPLOYMENT, facts, NOW, SHARD, statusOf } from '../status/status-facts.ts';

const behind = (ms: number) => aView({ worker: { lagging: { [SHARD.shardId]: ms } } });
const before = statusOf({ view: behind(5_000) });

test.each<[string, Partial<GroupFacts>, 'held back' | 'written']>([
  ['the same', { view: behind(5_000) }, 'held back'],
  ['more lag', { view: behind(500_000) }, 'held back'],
  ['no lag any more', { view: behind(0) }, 'held back'],
  ['a later checkpoint', { view: aView({ lease: { checkpointedAt: NOW } }) }, 'held back'],
  ['lag that is not known', { view: aView({ lease: { owner: undefined, epoch: 0 } }) }, 'written'],
  ['so much lag that a condition turns', { view: behind(13 * 3_600_000) }, 'written'],
  ['another owner', { view: aView({ worker: { state: 'dead' } }) }, 'written'],
  ['a pod less', { workload: { deployment: { ...DEPLOYMENT, ready: 0 }, problem: undefined } }, 'written'],
  ['another message', { claim: { verdict: 'refused', reason: 'StreamReplaced', message: 'm' } }, 'written'],
  ['a number of workers', { scaling: { ...facts().scaling!, replicas: 2 } }, 'written'],
])('a status that tells of %s is %s', (_, change, expected) => {
  const next = statusOf(change, before);
  expect(holdBackLag(next, before)).toBe(expected === 'written' ? next : before);
});

test('the first advice is written, and what it comes to from look to look is held back', () => {
  const advice = (replicas: number) => {
    const scaling = facts().scaling!;
    return statusOf({ scaling: { ...scaling, advice: { ...scaling, replicas } } }, before);
  };
  const first = advice(5);
  expect(holdBackLag(first, before)).toBe(first);
  expect(holdBackLag(advice(6), first)).toBe(first);
});

test('which of many shards are in the list is lag too', () => {
  const listed = (from: number): GroupStatus => ({
    ...before,
    shards: Array.from({ length: 50 }, (_, index) => ({ shardId: `s${from + index}`, owner: 'w' })),
  });
  const next = listed(7);
  expect(holdBackLag(next, listed(0))).not.toBe(next);
});

test('the first record that is given up is written, and how many more there are is held back', () => {
  const givenUp = (records: number) => {
    const view = aView({ lease: { givenUp: { records, at: NOW, why: 'RecordAgeExceeded' } } });
    return statusOf({ view }, before);
  };
  const first = givenUp(1);
  expect(holdBackLag(first, before)).toBe(first);
  expect(first.delivery?.givenUp).toEqual({
    records: 1,
    lastTime: '2026-11-23T12:00:00Z',
    reason: 'RecordAgeExceeded',
    shardId: SHARD.shardId,
  });
  expect(holdBackLag(givenUp(2), first)).toBe(first);
});

test('what was given up stays while nobody knows the rows', () => {
  const view = aView({ lease: { givenUp: { records: 1, at: NOW, why: 'RecordAgeExceeded' } } });
  const known = statusOf({ view }, before);
  expect(statusOf({ view: undefined }, known).delivery).toEqual(known.delivery);
});

test('the first status is written', () => {
  expect(holdBackLag(before, undefined)).toBe(before);
});
