import type { Lease } from '../leases/lease.ts';

/**
 * Age of the checkpoint's position, ms, when it has fallen out of the stream's retention: records behind it are gone,
 * and reading goes on at the oldest that is left. Undefined while nothing can be lost.
 */
export function isLostToRetention(lease: Lease, retentionHours: number, nowMs: number): number | undefined {
  if (lease.checkpoint.at !== 'SEQUENCE' || lease.readAt === undefined) return undefined;
  // A shard that was read to its tip may have been silent since: only known backlog counts.
  if (lease.behindMs === undefined || lease.behindMs === 0) return undefined;
  const ageMs = nowMs - lease.readAt + lease.behindMs;
  return ageMs > retentionHours * 3_600_000 ? ageMs : undefined;
}
