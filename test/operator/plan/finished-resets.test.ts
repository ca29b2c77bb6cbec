import { expect, test } from 'vitest';
import type { StoredObject } from '../../../src/kubernetes/cluster.ts';
import { planRemovals } from '../../../src/operator/plan/finished-resets.ts';

const NOW = Date.parse('2026-11-29T08:01:00Z');
/** It was over a minute ago. */
const OVER = { completionTime: '2026-11-29T08:00:00Z' };

function aReset(
  name: string,
  { spec = {}, status, metadata = {} }: { spec?: object; status?: object; metadata?: object } = {},
): StoredObject {
  return {
    apiVersion: 'kcg.dev/v1alpha1',
    kind: 'KinesisOffsetReset',
    metadata: { namespace: 'shop', name, uid: name, resourceVersion: '1', ...metadata },
    spec: { group: 'orders', ...spec },
    status,
  };
}
const ttl = (ttlSecondsAfterFinished: number) => ({ ttlSecondsAfterFinished });

test.each<[string, StoredObject[], string[], number | undefined]>([
  ['is kept, without a time', [aReset('a', { status: OVER })], [], undefined],
  ['is kept, while it is not over', [aReset('a', { spec: ttl(0), status: {} })], [], undefined],
  ['is kept, before it was looked at', [aReset('a', { spec: ttl(0) })], [], undefined],
  ['is kept until its time is up', [aReset('a', { spec: ttl(61), status: OVER })], [], 1_000],
  ['goes when its time is up', [aReset('a', { spec: ttl(60), status: OVER })], ['a'], undefined],
  ['goes at once, with 0', [aReset('a', { spec: ttl(0), status: OVER })], ['a'], undefined],
  [
    'goes once, when somebody else keeps it from going',
    [aReset('a', { spec: ttl(0), status: OVER, metadata: { deletionTimestamp: OVER.completionTime } })],
    [],
    undefined,
  ],
  [
    'is kept for the one that is to undo it',
    [aReset('a', { spec: ttl(0), status: OVER }), aReset('b', { spec: { undo: 'a' } })],
    [],
    undefined,
  ],
  [
    'goes when the one that undoes it is over, or is being deleted',
    [
      aReset('a', { spec: ttl(0), status: OVER }),
      aReset('b', { spec: { undo: 'a' }, status: OVER }),
      aReset('c', { spec: { undo: 'a' }, metadata: { deletionTimestamp: OVER.completionTime } }),
    ],
    ['a'],
    undefined,
  ],
  [
    'goes by itself, the next one is waited for',
    [90, 70, 10].map((seconds) => aReset(`in-${seconds}`, { spec: ttl(seconds), status: OVER })),
    ['in-10'],
    10_000,
  ],
])('a reset %s', (_, resets, due, nextInMs) => {
  const removals = planRemovals(resets, NOW);
  expect(removals.due.map(({ metadata }) => metadata.name)).toEqual(due);
  expect(removals.nextInMs).toBe(nextInMs);
});
