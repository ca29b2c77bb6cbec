import { describe, expect, test } from 'vitest';
import {
  desiredReplicas,
  type ReplicasInput,
  type Want,
} from '../../../../src/operator/plan/scaling/desired-replicas.ts';

const SHARDS = { mode: 'shards', shardsPerWorker: 2, maxPerWorker: undefined, min: 1, max: 10 } as const;
const BASE: ReplicasInput = {
  desiredState: 'Running',
  scaling: SHARDS,
  readableShards: 8,
  resharding: false,
  currentReplicas: 4,
  stabilizationMs: 300_000,
  window: [],
  nowMs: 1_000_000,
};

describe('what is wanted at once', () => {
  test.each<[string, Partial<ReplicasInput>, number, string | undefined]>([
    ['one worker per shardsPerWorker', {}, 4, undefined],
    ['a part of a worker is a worker', { readableShards: 9 }, 5, undefined],
    [
      'more workers when one may not hold so many',
      { scaling: { ...SHARDS, shardsPerWorker: 4, maxPerWorker: 1 } },
      8,
      undefined,
    ],
    ['no fewer when one may hold more', { scaling: { ...SHARDS, maxPerWorker: 4 } }, 4, undefined],
    ['at least the minimum', { readableShards: 0, currentReplicas: 1 }, 1, 'MinReplicas'],
    ['at most the maximum', { readableShards: 100 }, 10, 'MaxReplicas'],
    [
      'scale to zero when the minimum allows',
      { readableShards: 0, scaling: { ...SHARDS, min: 0 }, currentReplicas: 0 },
      0,
      undefined,
    ],
    ['a lower maximum', { scaling: { ...SHARDS, max: 2 } }, 2, 'MaxReplicas'],
    [
      'a lower maximum during a reshard',
      { scaling: { ...SHARDS, max: 2 }, resharding: true },
      2,
      'MaxReplicas',
    ],
    ['nothing when stopped', { desiredState: 'Stopped' }, 0, undefined],
    ['the same while paused', { desiredState: 'Paused' }, 4, undefined],
    ['growing during a reshard', { resharding: true, readableShards: 12 }, 6, undefined],
    ['a first Deployment', { currentReplicas: undefined }, 4, undefined],
    [
      'nothing new while the shards are unknown',
      { readableShards: undefined, currentReplicas: 3 },
      3,
      'UnknownShards',
    ],
    [
      'as many as now for a while, when an autoscaler that has said nothing yet takes over',
      { scaling: { mode: 'fixed', wanted: 1, min: 1, max: 10 }, window: [{ atMs: 990_000, replicas: 4 }] },
      4,
      'Stabilization',
    ],
    [
      'as many as now for a while, when nobody knows whether an autoscaler has said so',
      { scaling: { mode: 'fixed', wanted: 1, min: 1, max: 10 }, window: undefined },
      4,
      'Stabilization',
    ],
    [
      'what an autoscaler says that takes over',
      { scaling: { mode: 'fixed', wanted: 2, min: 1, max: 10 }, window: [{ atMs: 990_000, replicas: 4 }] },
      2,
      undefined,
    ],
    ['a fixed number', { scaling: { mode: 'fixed', wanted: 6, min: 1, max: 10 } }, 6, undefined],
    [
      'a fixed number shrinks at once',
      { scaling: { mode: 'fixed', wanted: 2, min: 1, max: 10 } },
      2,
      undefined,
    ],
    [
      'a fixed number above the shards',
      { scaling: { mode: 'fixed', wanted: 9, min: 1, max: 10 } },
      8,
      'Shards',
    ],
    [
      'a fixed number above the maximum',
      { scaling: { mode: 'fixed', wanted: 9, min: 1, max: 5 } },
      5,
      'MaxReplicas',
    ],
    [
      'no more than now of a fixed number while the shards are unknown',
      { scaling: { mode: 'fixed', wanted: 6, min: 1, max: 10 }, readableShards: undefined },
      4,
      'UnknownShards',
    ],
    [
      'fewer than now, when so many are fixed while the shards are unknown',
      { scaling: { mode: 'fixed', wanted: 2, min: 1, max: 10 }, readableShards: undefined },
      2,
      undefined,
    ],
    [
      'a lower maximum while the shards are unknown',
      { scaling: { ...SHARDS, max: 3 }, readableShards: undefined },
      3,
      'UnknownShards',
    ],
    [
      'a lower maximum of a fixed number while the shards are unknown',
      { scaling: { mode: 'fixed', wanted: 9, min: 1, max: 3 }, readableShards: undefined },
      3,
      'MaxReplicas',
    ],
  ])('%s', (_, change, replicas, limitedBy) => {
    const decision = desiredReplicas({ ...BASE, ...change });
    expect([decision.replicas, decision.limitedBy]).toEqual([replicas, limitedBy]);
  });
});

describe('shrinking', () => {
  /** seconds, readable shards, resharding → replicas. */
  type Step = [number, number | undefined, boolean, number];
  test.each<[string, Step[]]>([
    [
      'waits until less has been wanted for the whole window, from the first look on',
      [
        [0, 8, false, 4],
        [10, 4, false, 4],
        [309, 4, false, 4],
        [311, 4, false, 2],
      ],
    ],
    [
      'a restarted operator waits a whole window',
      [
        [0, 4, false, 4],
        [299, 4, false, 4],
        [301, 4, false, 2],
      ],
    ],
    [
      'goes down by steps: each want holds until a lower one is seen',
      [
        [0, 8, false, 4],
        [100, 6, false, 4],
        [200, 2, false, 4],
        [399, 2, false, 4],
        [401, 2, false, 3],
        [501, 2, false, 1],
      ],
    ],
    [
      'a peak within the window counts from its time on',
      [
        [0, 4, false, 4],
        [250, 8, false, 4],
        [260, 4, false, 4],
        [400, 4, false, 4],
        [561, 4, false, 2],
      ],
    ],
    [
      'never during a reshard',
      [
        [0, 4, true, 4],
        [400, 4, true, 4],
        [401, 4, false, 2],
      ],
    ],
    [
      'unknown shards do not count as a want',
      [
        [0, 8, false, 4],
        [400, undefined, false, 4],
        [401, 4, false, 4],
      ],
    ],
  ])('%s', (_, steps) => {
    let window: readonly Want[] = [];
    let currentReplicas = 4;
    const seen: number[] = [];
    for (const [second, readableShards, resharding] of steps) {
      const nowMs = 1_000_000 + second * 1000;
      const decision = desiredReplicas({
        ...BASE,
        readableShards,
        resharding,
        currentReplicas,
        window,
        nowMs,
      });
      window = decision.window;
      currentReplicas = decision.replicas;
      seen.push(decision.replicas);
    }
    expect(seen).toEqual(steps.map((step) => step[3]));
  });

  test('says when to look again', () => {
    const first = desiredReplicas({ ...BASE, readableShards: 4 });
    expect(first).toMatchObject({ replicas: 4, limitedBy: 'Stabilization', againInMs: 300_001 });
    const later = { ...BASE, readableShards: 4, window: first.window, nowMs: BASE.nowMs + 300_001 };
    expect(desiredReplicas(later).replicas).toBe(2);
  });

  test('keeps a short history whatever happens', () => {
    let window: readonly Want[] = [];
    for (let second = 0; second < 1000; second += 1) {
      const input = { ...BASE, readableShards: second % 20, window, nowMs: BASE.nowMs + second * 10 };
      window = desiredReplicas(input).window;
    }
    expect(window.length).toBeLessThanOrEqual(10);
  });
});
