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

  test('scaled by lag is over the target only for the hot shard, which nobody can help', () => {
    const { overTargetS, hotOverTargetS } = day('lag');
    expect(overTargetS).toBe(hotOverTargetS);
    expect(hotOverTargetS).toBeLessThan(day('shards').hotOverTargetS * 1.1);
    expect(day('cpu').overTargetS).toBeGreaterThan(day('cpu').hotOverTargetS);
  });

  test('scaled by lag moves no more often than an HPA on CPU', () => {
    expect(day('lag').moves).toBeLessThan(day('cpu').moves);
  });
});
