import type { Lease } from '../../leases/lease.ts';

/**
 * Age of the position, ms, when it has fallen out of the stream's retention: what was put behind it may be gone, and
 * reading goes on at the oldest record that is left. Undefined while nothing can be lost.
 *
 * Whether something was put in the meantime, nobody knows any more. So that a shard which is merely quiet is not taken for
 * one that nobody read, its owner writes now and then that it has read it to the tip (`Checkpointer.quiet`).
 */
export function isLostToRetention(lease: Lease, retentionHours: number, nowMs: number): number | undefined {
  const ageMs = ageOf(lease, nowMs);
  return ageMs !== undefined && ageMs > retentionHours * 3_600_000 ? ageMs : undefined;
}

function ageOf({ checkpoint, readAt, behindMs = 0, epoch }: Lease, nowMs: number): number | undefined {
  if (readAt !== undefined) return nowMs - readAt + behindMs;
  // Never read: nothing is lost of what was to begin with the oldest record. A moment that was out of the retention when
  // the row was made (epochs begin at that second) was chosen so.
  if (checkpoint.at !== 'AT_TIMESTAMP') return undefined;
  return nowMs - Math.max(checkpoint.timestampMs, epoch * 1000);
}
