import type { Lease } from './lease.ts';

/** Age of a shard's position when its owner begins, ms; undefined where the row does not tell. */
export interface Unread {
  /** How far behind the shard may be: its lag until it has been read. */
  lagMs: number | undefined;
  /** When this is more than the retention, what was put behind the position may be gone. */
  lostAfterMs: number | undefined;
}

/**
 * How long ago the shard had been read to its tip, as its row tells it.
 *
 * Whether something was put in the meantime, nobody knows. So that a shard which is merely quiet is not taken for one that
 * nobody read, its owner writes now and then, and when it gives it away, that it has read it to the tip.
 */
export function unreadOf(lease: Lease, nowMs: number): Unread {
  const { checkpoint, readAt, behindMs = 0, checkpointedAt, epoch, parents } = lease;
  // Epochs begin at the second in which the row was made, or taken over from another program.
  const madeAt = epoch === 0 ? undefined : epoch * 1000;
  const ageOf = (sinceMs: number | undefined) => sinceMs && Math.max(0, nowMs - sinceMs);
  const both = (sinceMs: number | undefined) => ({ lagMs: ageOf(sinceMs), lostAfterMs: ageOf(sinceMs) });
  if (readAt !== undefined) return both(readAt - behindMs);
  switch (checkpoint.at) {
    case 'AT_TIMESTAMP':
      // A moment that was out of the retention when the row was made was chosen so.
      return both(Math.max(checkpoint.timestampMs, madeAt ?? 0));
    case 'TRIM_HORIZON':
      // A child begins with what came after its parents; the first shards with the oldest there is, whenever that is.
      return parents.length > 0 ? both(madeAt) : { lagMs: ageOf(madeAt), lostAfterMs: undefined };
    default:
      // Another program's, which tells when it was there last.
      return both(checkpointedAt);
  }
}
