import { describe, expect, test } from 'vitest';
import { AwsRateLimits } from '../../src/aws/rate-limits.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

function asked(operation: string, { places = ['eu-west-1'], times = 40 } = {}) {
  const clock = new VirtualClock();
  const limits = new AwsRateLimits(clock);
  const stop = new AbortController();
  const gone = new Map(places.map((place) => [place, 0]));
  for (const place of places) {
    for (let i = 0; i < times; i += 1) {
      void limits.take(place, operation, stop.signal).then(() => gone.set(place, (gone.get(place) ?? 0) + 1));
    }
  }
  return { clock, stop, counts: () => [...gone.values()] };
}

describe('of the calls that an account shares, the operator', () => {
  test('makes half of what there is a second, and all of them in the end', async () => {
    const { clock, counts } = asked('DescribeStreamSummary');
    const seen = [];
    for (let second = 0; second < 4; second += 1) {
      await clock.advance(second === 0 ? 0 : 1_000);
      seen.push(counts()[0]);
    }
    expect(seen).toEqual([10, 20, 30, 40]);
  });

  test('counts each region and endpoint for itself', async () => {
    const { clock, counts } = asked('TagResource', { places: ['eu-west-1', 'us-east-1'] });
    await clock.advance(0);
    expect(counts()).toEqual([3, 3]);
  });

  test('makes those without such a limit at once', async () => {
    const { clock, counts } = asked('DescribeTable');
    await clock.advance(0);
    expect(counts()).toEqual([40]);
  });

  test('lets nobody wait who is told to stop', async () => {
    const { clock, stop, counts } = asked('UpdateContinuousBackups');
    await clock.advance(0);
    stop.abort();
    await clock.settle();
    expect(counts()).toEqual([40]);
  });
});
