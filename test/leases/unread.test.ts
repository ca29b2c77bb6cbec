import { expect, test } from 'vitest';
import type { Lease } from '../../src/leases/lease.ts';
import { unreadOf } from '../../src/leases/unread.ts';
import { aLease } from '../support/builders.ts';

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 10, 1);
const ago = (hours: number) => NOW - hours * HOUR;
const at = (hours: number) => ({ at: 'AT_TIMESTAMP', timestampMs: ago(hours) }) as const;

const neverRead = { readAt: undefined, behindMs: undefined };
const horizon = { checkpoint: { at: 'TRIM_HORIZON' } as const };
const sequence = { checkpoint: { at: 'SEQUENCE', sequence: '7' } as const };
const family = { parents: ['shardId-000000000000'] };

test.each<[string, Partial<Lease>, [lag: number | undefined, lost: number | undefined]]>([
  ['read to its tip', { readAt: ago(23), behindMs: 0 }, [23, 23]],
  ['behind when it was read last', { readAt: ago(5), behindMs: 20 * HOUR }, [25, 25]],
  ['read by a clock that is ahead of ours', { readAt: ago(-1), behindMs: 0 }, [0, 0]],
  [
    'to begin with the oldest record, whenever that is',
    { ...horizon, epoch: ago(30) / 1000 },
    [30, undefined],
  ],
  ['to begin behind its parents', { ...horizon, ...family, epoch: ago(30) / 1000 }, [30, 30]],
  ['to begin at a moment', { checkpoint: at(30), epoch: ago(29) / 1000 }, [29, 29]],
  ['to begin at a moment long before its row was made', { checkpoint: at(90), epoch: ago(1) / 1000 }, [1, 1]],
  ['to begin at a moment, with a row without an epoch', { checkpoint: at(30), epoch: 0 }, [30, 30]],
  [
    'left by another program, which was there last',
    { ...sequence, checkpointedAt: ago(30), epoch: 0 },
    [30, 30],
  ],
  [
    'left by another program that does not tell when',
    { ...sequence, checkpointedAt: undefined, epoch: 0 },
    [undefined, undefined],
  ],
])('a shard %s', (_, lease, hours) => {
  const { lagMs, lostAfterMs } = unreadOf(aLease({ ...neverRead, ...lease }), NOW);
  expect([lagMs, lostAfterMs].map((ms) => ms && ms / HOUR)).toEqual(hours);
});
