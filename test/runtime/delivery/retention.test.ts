import { expect, test } from 'vitest';
import type { Lease } from '../../../src/leases/lease.ts';
import { isLostToRetention } from '../../../src/runtime/delivery/retention.ts';
import { aLease } from '../../support/builders.ts';

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 10, 1);
const ago = (hours: number) => NOW - hours * HOUR;
const at = (hours: number) => ({ at: 'AT_TIMESTAMP', timestampMs: ago(hours) }) as const;

test.each<[string, Partial<Lease>, number | undefined]>([
  ['read a moment ago', { readAt: ago(0.1), behindMs: 0 }, undefined],
  ['caught up, and then away for less than the retention', { readAt: ago(23), behindMs: 0 }, undefined],
  ['caught up, and then away for longer', { readAt: ago(25), behindMs: 0 }, 25],
  ['behind by most of the retention when it was read last', { readAt: ago(5), behindMs: 20 * HOUR }, 25],
  ['to begin with the oldest record, and never read', { checkpoint: { at: 'TRIM_HORIZON' } }, undefined],
  [
    'to begin at a moment, and not read for longer than the retention',
    { checkpoint: at(30), epoch: ago(29) / 1000 },
    29,
  ],
  ['to begin at a moment long before it was made', { checkpoint: at(90), epoch: ago(1) / 1000 }, undefined],
  ['to begin at a moment, without an epoch', { checkpoint: at(30), epoch: 0 }, 30],
])('at 24 h of retention, a shard %s', (_, lease, hours) => {
  const ageMs = isLostToRetention(aLease({ readAt: undefined, behindMs: undefined, ...lease }), 24, NOW);
  expect(ageMs === undefined ? undefined : ageMs / HOUR).toBe(hours);
});
