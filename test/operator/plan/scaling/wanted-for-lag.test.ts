import { describe, expect, test } from 'vitest';
import { desiredReplicas, type Want } from '../../../../src/operator/plan/scaling/desired-replicas.ts';
import type { LagShard } from '../../../../src/operator/plan/scaling/lag-samples.ts';
import { NO_LAG_HISTORY, wantedForLag } from '../../../../src/operator/plan/scaling/wanted-for-lag.ts';

/*
 * Worked histories: what a group shows from look to look, and how many workers it gets. The target is 60 s, so a shard is
 * pressed above 30 s and calm below 15 s, and what runs is let go after 300 s.
 */

interface Look {
  /** When, s. */
  at: number;
  /** Lag of each shard, s; undefined = not known. Shards go round the workers. */
  lags: readonly (number | undefined)[] | 'unreadable';
  /** Records per second, of each shard. */
  load?: number;
  /** That run; as many as asked for unless it is said. */
  live?: number;
  /** That have shards; as many as are alive unless it is said. */
  dealt?: number;
  stuck?: readonly number[];
  /** Of workers whose handler fails on some of their shards. */
  perhaps?: readonly number[];
  /** Whose position stands. */
  still?: readonly number[];
  /** Shards that nobody has. */
  free?: readonly number[];
  resharding?: boolean;
  revision?: number;
  /** Workers wanted, and what limits them. */
  gets: readonly [replicas: number, limitedBy?: string];
}

const BOUNDS = { min: 1, max: 100 };
type Settings = Partial<typeof BOUNDS> & { maxPerWorker?: number; shardCount?: number; beatMs?: number };

/** What each look decides. Workers come as soon as they are asked for, and shards are dealt out anew. */
function follow(start: number, looks: readonly Look[], { beatMs = 5_000, ...settings }: Settings = {}) {
  let history = NO_LAG_HISTORY;
  let window: readonly Want[] = [];
  let currentReplicas = start;
  return looks.map((look) => {
    const nowMs = look.at * 1000;
    const workers = Math.max(1, look.dealt ?? look.live ?? currentReplicas);
    const shards =
      look.lags === 'unreadable'
        ? undefined
        : look.lags.map((lag, index) => shardOf(look, { lag, index, workers }));
    const wanted = wantedForLag(
      {
        nowMs,
        shards,
        liveWorkers: look.live ?? currentReplicas,
        currentReplicas,
        revision: look.revision ?? 1,
      },
      { targetMs: 60_000, lanes: 1, mayBeZero: false, beatMs },
      history,
    );
    ({ history } = wanted);
    const decision = desiredReplicas({
      desiredState: 'Running',
      scaling: { mode: 'lag', wanted, maxPerWorker: undefined, ...BOUNDS, ...settings },
      readableShards: settings.shardCount ?? 8,
      resharding: look.resharding ?? false,
      currentReplicas,
      stabilizationMs: 300_000,
      window,
      nowMs,
    });
    ({ window } = decision);
    currentReplicas = decision.replicas;
    expect(decision.reason).not.toBe('');
    return decision.limitedBy === undefined ? [decision.replicas] : [decision.replicas, decision.limitedBy];
  });
}

function shardOf(
  look: Look,
  { lag, index, workers }: { lag: number | undefined; index: number; workers: number },
): LagShard {
  return {
    shardId: `shardId-${index}`,
    worker: look.free?.includes(index) ? undefined : `worker-${index % workers}`,
    lagMs: lag === undefined ? undefined : lag * 1000,
    load: look.load ?? 100,
    position: look.still?.includes(index) ? 'x' : `${look.at}`,
    isStuck: look.perhaps?.includes(index) ? 'perhaps' : (look.stuck?.includes(index) ?? false),
  };
}

const EACH = [0, 1, 2, 3, 4, 5, 6, 7];
const all = (lag: number | undefined, count = 8) => Array.from({ length: count }, () => lag);

describe('growing', () => {
  test.each<[string, number, Look[], Settings?]>([
    [
      'by how fast it drains against what comes in, looking ahead to when the workers are there',
      1,
      [
        { at: 0, lags: all(0), gets: [1] },
        { at: 20, lags: all(15), gets: [1] },
        // A quarter of what comes in, so 64 s behind in 45 s: four times as many to keep up, and half of that to be back.
        { at: 40, lags: all(30.1), gets: [7] },
      ],
    ],
    [
      'more when it is further behind, to be back in a minute',
      1,
      [
        { at: 0, lags: all(90), gets: [1, 'Measuring'] },
        // Half of what comes in: twice as many to keep up, and once more that for the 100 s that are to be made good.
        { at: 20, lags: all(100), gets: [5] },
      ],
    ],
    [
      'not when what is behind drains fast enough',
      2,
      [
        { at: 0, lags: all(100), gets: [2, 'Measuring'] },
        { at: 20, lags: all(50), gets: [2] },
        { at: 40, lags: all(10), gets: [2] },
      ],
    ],
    [
      'not before the workers asked for are there, whatever the lag',
      1,
      [
        { at: 0, lags: all(40), gets: [1, 'Measuring'] },
        { at: 20, lags: all(55), gets: [8] },
        { at: 40, lags: all(70), live: 1, gets: [8, 'Measuring'] },
        { at: 60, lags: all(85), live: 4, gets: [8, 'Measuring'] },
        { at: 80, lags: all(90), gets: [8, 'Measuring'] },
        { at: 100, lags: all(60), gets: [8] },
      ],
    ],
    [
      'after ten minutes without one of them, by what those that are there need',
      2,
      [
        { at: 0, lags: all(40), live: 1, gets: [2, 'Measuring'] },
        { at: 20, lags: all(55), live: 1, gets: [2, 'Measuring'] },
        { at: 580, lags: all(475), live: 1, gets: [2, 'Measuring'] },
        { at: 600, lags: all(490), live: 1, gets: [8] },
        // Of which the rest is waited for anew.
        { at: 620, lags: all(500), live: 7, gets: [8, 'Measuring'] },
        { at: 1190, lags: all(515), live: 7, gets: [8, 'Measuring'] },
      ],
    ],
    [
      'not for those that do not come: they are waited for while the others need no more than was asked for',
      4,
      [
        { at: 0, lags: all(31), live: 3, gets: [4, 'Measuring'] },
        { at: 600, lags: all(31), live: 3, gets: [4, 'Measuring'] },
        { at: 620, lags: all(32), live: 3, gets: [4, 'Measuring'] },
      ],
    ],
    [
      'not by what was measured before workers came that have no shard yet',
      1,
      [
        { at: 0, lags: all(40), gets: [1, 'Measuring'] },
        { at: 20, lags: all(50), gets: [4] },
        { at: 45, lags: all(60), dealt: 1, gets: [4, 'Measuring'] },
        { at: 55, lags: all(65), gets: [4, 'Measuring'] },
        { at: 75, lags: all(40), gets: [4] },
      ],
    ],
    [
      'not by what was measured before rows that could not be read',
      1,
      [
        { at: 0, lags: all(0), gets: [1] },
        { at: 20, lags: 'unreadable', gets: [1, 'UnknownLag'] },
        { at: 60, lags: all(60), gets: [1, 'Measuring'] },
        { at: 80, lags: all(0), gets: [1] },
      ],
    ],
    [
      'not by what a beat or two tell, where leases are long',
      1,
      [
        { at: 0, lags: all(40), gets: [1, 'Measuring'] },
        { at: 18, lags: all(40), gets: [1, 'Measuring'] },
        // Half of what comes in, by beats at -1, 19, 39 and so on.
        { at: 40, lags: all(59.5), gets: [1, 'Measuring'] },
        { at: 80, lags: all(79.5), gets: [5] },
      ],
      { beatMs: 20_000 },
    ],
    [
      'not above the shards that can be read at the same time',
      1,
      [
        { at: 0, lags: all(3000, 4), gets: [1, 'Measuring'] },
        { at: 20, lags: all(3020, 4), gets: [4] },
        { at: 40, lags: all(3040, 4), gets: [4, 'Measuring'] },
        { at: 60, lags: all(3060, 4), gets: [4, 'HotShard'] },
      ],
      { shardCount: 4 },
    ],
    [
      'not above the maximum',
      1,
      [
        { at: 0, lags: all(50), gets: [1, 'Measuring'] },
        { at: 20, lags: all(70), gets: [3, 'MaxReplicas'] },
      ],
      { max: 3 },
    ],
    [
      'not for a hot shard that has a worker of its own',
      8,
      [
        { at: 0, lags: [100, ...all(0, 7)], gets: [8, 'Measuring'] },
        { at: 20, lags: [110, ...all(0, 7)], gets: [8, 'HotShard'] },
      ],
    ],
    [
      'by one for a hot shard that shares its worker',
      4,
      [
        { at: 0, lags: [100, ...all(0, 7)], gets: [4, 'Measuring'] },
        { at: 20, lags: [110, ...all(0, 7)], gets: [5] },
      ],
    ],
    [
      'not for a handler that fails',
      2,
      [
        { at: 0, lags: all(100), stuck: [0, 1, 2, 3, 4, 5, 6, 7], gets: [2, 'StuckShards'] },
        { at: 20, lags: all(120), stuck: [0, 1, 2, 3, 4, 5, 6, 7], gets: [2, 'StuckShards'] },
      ],
    ],
    [
      'for the other shards of a worker whose handler fails on one',
      1,
      [
        { at: 0, lags: all(40), perhaps: EACH, still: [0], gets: [1, 'Measuring'] },
        { at: 20, lags: [60, ...all(55, 7)], perhaps: EACH, still: [0], gets: [8] },
      ],
    ],
    [
      'not for those that stand still while the others are well, even when beats come late',
      1,
      [
        { at: 0, lags: [100, ...all(0, 7)], perhaps: EACH, still: [0], gets: [1, 'Measuring'] },
        { at: 20, lags: [110, ...all(0, 7)], perhaps: EACH, still: [0], gets: [1, 'StuckShards'] },
      ],
    ],
    [
      'during a reshard too',
      1,
      [
        { at: 0, lags: all(40), resharding: true, gets: [1, 'Measuring'] },
        { at: 20, lags: all(55), resharding: true, gets: [8] },
      ],
    ],
    [
      'so that no worker holds more than it may',
      1,
      [{ at: 0, lags: all(0), gets: [2] }],
      { maxPerWorker: 4 },
    ],
    ['to the minimum', 1, [{ at: 0, lags: all(0), gets: [3, 'MinReplicas'] }], { min: 3 }],
    ['from nothing', 0, [{ at: 0, lags: [], gets: [1] }]],
  ])('%s', (_, start, looks, settings) => {
    expect(follow(start, looks, settings)).toEqual(looks.map(({ gets }) => gets));
  });
});

describe('shrinking', () => {
  test.each<[string, number, Look[], Settings?]>([
    [
      'by a fifth at a time while it is not known what a worker can do, each after the stabilisation time',
      10,
      [
        { at: 0, lags: all(0, 10), gets: [10, 'Stabilization'] },
        { at: 300, lags: all(0, 10), gets: [10, 'Stabilization'] },
        { at: 301, lags: all(0, 10), gets: [8] },
        { at: 400, lags: all(0, 10), gets: [8, 'Stabilization'] },
        { at: 701, lags: all(0, 10), gets: [7] },
      ],
      { shardCount: 10 },
    ],
    [
      'not below what was learned when there were too few',
      1,
      [
        { at: 0, lags: all(40), load: 25, gets: [1, 'Measuring'] },
        { at: 20, lags: all(55), load: 25, gets: [8] }, // one worker does 8 × 25
        { at: 100, lags: all(0), load: 75, gets: [8, 'Stabilization'] },
        { at: 401, lags: all(0), load: 75, gets: [4] }, // 600 ÷ (200 × 80 %)
        { at: 2000, lags: all(0), load: 75, gets: [4] },
        { at: 2100, lags: all(0), load: 20, gets: [4, 'Stabilization'] },
        { at: 2401, lags: all(0), load: 20, gets: [1] },
      ],
    ],
    [
      'by the most that a worker was seen to do, when the load had still risen while it was learned',
      1,
      [
        { at: 0, lags: all(40), load: 25, gets: [1, 'Measuring'] },
        { at: 20, lags: all(55), load: 25, gets: [8] }, // 200, it seems
        { at: 100, lags: all(0), load: 320, gets: [8] }, // 320, it is
        { at: 200, lags: all(0), load: 80, gets: [8, 'Stabilization'] },
        { at: 501, lags: all(0), load: 80, gets: [3] },
      ],
    ],
    [
      'not by what a worker does for one shard alone, which may be slow for reasons of its own',
      8,
      [
        { at: 0, lags: [40, ...all(0, 7)], load: 10, gets: [8, 'Measuring'] },
        { at: 20, lags: [55, ...all(0, 7)], load: 10, gets: [8, 'HotShard'] },
        { at: 100, lags: all(0), load: 10, gets: [8, 'Stabilization'] },
        { at: 401, lags: all(0), load: 10, gets: [7] },
      ],
    ],
    [
      'by steps of a fifth at least, so that load that falls bit by bit moves shards seldom',
      1,
      [
        { at: 0, lags: all(40, 16), load: 60, gets: [1, 'Measuring'] },
        { at: 20, lags: all(60, 16), load: 60, gets: [16] }, // one worker does 960
        { at: 100, lags: all(0, 16), load: 720, gets: [16, 'Stabilization'] },
        { at: 130, lags: all(0, 16), load: 660, gets: [16, 'Stabilization'] },
        { at: 160, lags: all(0, 16), load: 600, gets: [16, 'Stabilization'] },
        { at: 435, lags: all(0, 16), load: 600, gets: [16, 'Stabilization'] },
        { at: 461, lags: all(0, 16), load: 600, gets: [13] },
      ],
      { shardCount: 16 },
    ],
    [
      'not for ever by what was learned while workers were slow for a reason that is over',
      1,
      [
        { at: 0, lags: all(40), load: 5, gets: [1, 'Measuring'] },
        { at: 20, lags: all(55), load: 5, gets: [8] }, // one worker does 40, it seems
        { at: 400, lags: all(0), load: 32, gets: [8] },
        { at: 21_620, lags: all(0), load: 32, gets: [8, 'Stabilization'] }, // 56, perhaps
        { at: 21_921, lags: all(0), load: 32, gets: [6] },
      ],
    ],
    [
      'what was learned of pods of an older template says nothing',
      1,
      [
        { at: 0, lags: all(40), load: 25, gets: [1, 'Measuring'] },
        { at: 20, lags: all(55), load: 25, gets: [8] },
        { at: 100, lags: all(0), load: 20, revision: 2, gets: [8, 'Stabilization'] },
        { at: 401, lags: all(0), load: 20, revision: 2, gets: [7] },
      ],
    ],
    [
      'never while the lag of a shard is not known',
      4,
      [
        { at: 0, lags: [...all(0, 7), undefined], gets: [4, 'UnknownLag'] },
        { at: 1000, lags: [...all(0, 7), undefined], gets: [4, 'UnknownLag'] },
      ],
    ],
    [
      'never while a shard has no worker',
      4,
      [
        { at: 0, lags: all(0), free: [3], gets: [4, 'UnknownLag'] },
        { at: 1000, lags: all(0), free: [3], gets: [4, 'UnknownLag'] },
      ],
    ],
    [
      'not until the stabilisation time after rows that could not be read',
      4,
      [
        { at: 0, lags: all(0), gets: [4, 'Stabilization'] },
        { at: 200, lags: 'unreadable', gets: [4, 'UnknownLag'] },
        { at: 400, lags: all(0), gets: [4, 'Stabilization'] },
        { at: 701, lags: all(0), gets: [3] },
      ],
    ],
    [
      'not until the stabilisation time after the lag was more than a little',
      4,
      [
        { at: 0, lags: all(0), gets: [4, 'Stabilization'] },
        { at: 290, lags: all(16), gets: [4] },
        { at: 400, lags: all(0), gets: [4, 'Stabilization'] },
        { at: 590, lags: all(0), gets: [4, 'Stabilization'] },
        { at: 701, lags: all(0), gets: [3] },
      ],
    ],
    [
      'to those that are there, when the others do not come and nothing is behind for want of them',
      10,
      [
        { at: 0, lags: all(20, 10), live: 6, gets: [10] },
        { at: 100, lags: all(0, 10), live: 6, gets: [10, 'Stabilization'] },
        { at: 399, lags: all(0, 10), live: 6, gets: [10, 'Stabilization'] },
        { at: 401, lags: all(0, 10), live: 6, gets: [6] },
      ],
      { shardCount: 10 },
    ],
    [
      'never during a reshard',
      4,
      [
        { at: 0, lags: all(0), resharding: true, gets: [4, 'Reshard'] },
        { at: 1000, lags: all(0), resharding: true, gets: [4, 'Reshard'] },
      ],
    ],
    [
      'not below one worker',
      1,
      [
        { at: 0, lags: all(0), load: 0, gets: [1] },
        { at: 1000, lags: all(0), load: 0, gets: [1] },
      ],
    ],
  ])('%s', (_, start, looks, settings) => {
    expect(follow(start, looks, settings)).toEqual(looks.map(({ gets }) => gets));
  });
});
