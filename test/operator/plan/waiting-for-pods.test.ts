import { expect, test } from 'vitest';
import { waitingForPods, type LeavingPod } from '../../../src/operator/plan/waiting-for-pods.ts';

const NOW = Date.UTC(2026, 10, 23, 12);
const pod = (name: string, change: Partial<LeavingPod> = {}): LeavingPod => ({
  name,
  namespace: 'shop',
  node: 'n1',
  deletionTimestamp: undefined,
  ...change,
});
const LATE = { deletionTimestamp: '2026-11-23T11:50:00Z' };
const FORCE = 'If the node is really gone, and with it the process, run: kubectl delete pod -n shop --force';

test.each<[string, LeavingPod[], string]>([
  ['one that has not been asked yet', [pod('w-0')], 'waiting for one worker pod to stop: w-0.'],
  [
    'one that has just been asked, or whose grace period has just ended',
    [
      pod('w-1', { deletionTimestamp: '2026-11-23T12:00:30Z' }),
      pod('w-0', { deletionTimestamp: '2026-11-23T11:59:00Z' }),
    ],
    'waiting for 2 worker pods to stop: w-0, w-1.',
  ],
  [
    'many',
    ['w-4', 'w-1', 'w-2', 'w-3'].map((name) => pod(name)),
    'waiting for 4 worker pods to stop: w-1, w-2, w-3 and 1 more.',
  ],
  [
    'one that does not go',
    [pod('w-0', LATE), pod('w-1')],
    `waiting for 2 worker pods to stop: w-0, w-1. w-0 (node n1) should be gone since 2026-11-23T11:50:00Z. ${FORCE} w-0`,
  ],
  [
    'two of two nodes that do not go',
    [pod('w-0', LATE), pod('w-1', { ...LATE, node: 'n2' })],
    `waiting for 2 worker pods to stop: w-0, w-1. w-0, w-1 (node n1, n2) should be gone since 2026-11-23T11:50:00Z. ${FORCE} w-0 w-1`,
  ],
])('a deletion that waits for %s says so', (_, pods, message) => {
  expect(waitingForPods(pods, NOW)).toBe(message);
});
