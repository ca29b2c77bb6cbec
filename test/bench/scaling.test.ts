import { describe, expect, test } from 'vitest';
import { runDay, type DayResult } from '../../bench/scaling/day.ts';
import { byCpu, byLag, byShards } from '../../bench/scaling/scalers.ts';

describe('a day of traffic with spikes, a slow decline, a hot shard and a split', () => {
  const days = new Map<string, DayResult>([
    ['shards', runDay(byShards(1))],
    ['lag', runDay(byLag())],
    ['cpu', runDay(byCpu(0.7))],
  ]);
  const day = (name: string) => days.get(name)!;

  test('scaled by lag costs less than a quarter of one worker per shard', () => {
    expect(day('lag').podHours).toBeLessThan(day('shards').podHours / 4);
  });

  test('scaled by lag is over the target for the hot shard, which nobody can help, and hardly otherwise', () => {
    const otherwise = (name: string) => day(name).overTargetS - day(name).hotOverTargetS;
    expect(otherwise('lag')).toBeLessThanOrEqual(180);
    expect(otherwise('lag')).toBeLessThan(otherwise('cpu') / 10);
    expect(day('lag').hotOverTargetS).toBeLessThan(day('shards').hotOverTargetS * 1.1);
  });

  test('scaled by lag moves no more often than an HPA on CPU', () => {
    expect(day('lag').moves).toBeLessThan(day('cpu').moves);
  });
});
