import { expect, test } from 'vitest';
import { hasDied, planFences, terminationsOf, type PodLike } from '../../../src/operator/plan/fence.ts';
import { aWorker } from '../../support/builders.ts';

const AT = Date.UTC(2026, 10, 23, 12, 0, 5);
const pod = (
  containerStatuses: NonNullable<PodLike['status']>['containerStatuses'],
  annotations: Record<string, string> = { 'kcg.dev/worker-container': 'worker' },
): PodLike => ({
  metadata: { name: 'p-0', uid: 'u0', annotations },
  status: { containerStatuses: containerStatuses ?? [] },
});
const deleted = ({ metadata, ...pod }: PodLike): PodLike => ({
  ...pod,
  metadata: { ...metadata, deletionTimestamp: '2026-11-23T12:00:05Z' },
});
const ended = (name = 'worker', finishedAt = '2026-11-23T12:00:05Z') => ({
  name,
  state: { terminated: { finishedAt } },
});

test.each<[string, Parameters<typeof aWorker>[0], PodLike, boolean]>([
  ['a container that ended after the worker started', { startedAt: AT - 1 }, pod([ended()]), true],
  [
    'its last end, when it runs again',
    { startedAt: AT - 1 },
    pod([{ name: 'worker', lastState: { terminated: { finishedAt: '2026-11-23T12:00:05Z' } } }]),
    true,
  ],
  [
    'its last end, when it runs again and has not announced itself yet',
    { startedAt: AT - 60_000 },
    pod([
      {
        name: 'worker',
        state: { running: { startedAt: '2026-11-23T12:00:06Z' } },
        lastState: { terminated: { finishedAt: '2026-11-23T12:00:05Z' } },
      },
    ]),
    true,
  ],
  [
    'the end of the container before, when the clock was set back since',
    { startedAt: AT - 299_000 },
    pod([
      {
        name: 'worker',
        state: { running: { startedAt: '2026-11-23T11:55:05Z' } },
        lastState: { terminated: { finishedAt: '2026-11-23T12:00:05Z' } },
      },
    ]),
    false,
  ],
  ['an end before the worker started', { startedAt: AT + 60_000 }, pod([ended()]), false],
  [
    'an end in the second the worker started: cut off, so in doubt',
    { startedAt: AT + 700 },
    pod([ended()]),
    false,
  ],
  ['an end at the very millisecond', { startedAt: AT }, pod([ended()]), false],
  ['another container of the pod', { startedAt: AT - 1 }, pod([ended('app')]), false],
  ['an older pod of the same name', { startedAt: AT - 1, podUid: 'u-old' }, pod([ended()]), false],
  [
    'a worker outside Kubernetes',
    { startedAt: AT - 1, podUid: '' },
    { ...pod([ended()]), metadata: { ...pod([]).metadata, uid: '' } },
    false,
  ],
  ['a worker that is dead already', { startedAt: AT - 1, state: 'dead' }, pod([ended()]), false],
  [
    'an end without a time',
    { startedAt: AT - 1 },
    pod([{ name: 'worker', state: { terminated: { finishedAt: null } } }]),
    false,
  ],
  ['a pod without a status', { startedAt: AT - 1 }, { metadata: pod([]).metadata }, false],
  [
    'the container that its pod names, whatever the group runs now',
    { startedAt: AT - 1 },
    pod([ended('app')], { 'kcg.dev/worker-container': 'app' }),
    true,
  ],
  ['a pod that does not name its container', { startedAt: AT - 1 }, pod([ended()], {}), false],
])('fences on %s', (_, worker, from, expected) => {
  const row = aWorker({ worker: 'p-0', podUid: 'u0', ...worker });
  expect(planFences([row], terminationsOf(from)).length > 0).toBe(expected);
});

test.each<[what: string, before: PodLike | undefined, now: PodLike, isNew: boolean]>([
  ['an end of a pod that was not seen before', undefined, pod([ended()]), true],
  ['an end of a container that ran', pod([{ name: 'worker' }]), pod([ended()]), true],
  ['an end after an earlier one', pod([ended()]), pod([ended('worker', '2026-11-23T12:00:09Z')]), true],
  ['an end that is known', pod([ended()]), pod([ended()]), false],
  [
    'a known end once the container runs again',
    pod([ended()]),
    pod([{ name: 'worker', lastState: { terminated: { finishedAt: '2026-11-23T12:00:05Z' } } }]),
    false,
  ],
  ['the end of the application', pod([{ name: 'worker' }]), pod([{ name: 'worker' }, ended('app')]), false],
  ['no end', undefined, pod([{ name: 'worker' }]), false],
  ['the end of a pod that is being deleted', pod([{ name: 'worker' }]), deleted(pod([ended()])), false],
])('whether a worker has died just now: %s', (_, before, now, isNew) => {
  expect(hasDied(now, before)).toBe(isNew);
});
