import { expect, test } from 'vitest';
import { nextOutageLookMs } from '../../../../src/operator/plan/status/track-failover.ts';

test.each([
  [0, 1_000],
  [15_000, 1_000],
  [60_000, 3_000],
  [3_600_000, 180_000],
  // The wall clock was set back.
  [-60_000, 1_000],
])('an outage that has lasted %i ms is looked at again in %i ms', (lastedMs, inMs) => {
  const outage = { sinceMs: 1_000, shardIds: new Set(['s']), cause: 'c' };
  expect(nextOutageLookMs(outage, 1_000 + lastedMs)).toBe(inMs);
});
