import { compareCheckpoints, type Checkpoint } from '../kinesis/position.ts';
import type { Lease } from '../leases/lease.ts';
import { unreadOf } from '../leases/unread.ts';
import { MAX_LAGGING, MAX_LAGGING_IN_TROUBLE, type WorkerRow } from '../leases/worker-row.ts';
import { ownerRow } from './living-owner.ts';

/** By shard, from earlier looks. */
export type ReadTo = ReadonlyMap<string, KnownRead>;

export interface KnownRead {
  /** Until when all that was put into the shard was processed, ms since the epoch. */
  toMs: number;
  /** Where it stood then: of a position that has gone back since, it says nothing. */
  checkpoint: Checkpoint;
}

export interface LagSources {
  workers: ReadonlyMap<string, WorkerRow>;
  /** Wall clock, ms since the epoch. */
  nowMs: number;
  /** As earlier looks have shown it. */
  readTo?: ReadTo | undefined;
}

/**
 * How far behind a shard is, ms; undefined = nobody has said.
 *
 * A living owner names the shards it lags on with each beat, and all others are caught up. Where it says nothing (there is
 * none alive, or its last beat does not know the shard yet), the shard falls behind by a second each second since the last
 * moment until which it is known to be processed: by its row, by the last beat of an owner that died, or by an earlier look.
 */
export function lagMsOf(lease: Lease, { workers, nowMs, readTo }: LagSources): number | undefined {
  const owner = ownerRow(lease.owner, workers);
  const told = owner && toldBy(owner, lease);
  if (owner && owner.state !== 'dead' && told !== undefined) return told;
  const since = [
    knownFromRow(lease, nowMs),
    owner?.beatAt !== undefined && told !== undefined ? owner.beatAt - told : undefined,
    knownBefore(readTo?.get(lease.shardId), lease),
  ].filter((moment) => moment !== undefined);
  return since.length === 0 ? undefined : Math.max(0, nowMs - Math.max(...since));
}

/** By the owner's last beat; undefined when that does not know the shard yet. */
function toldBy(owner: WorkerRow, lease: Lease): number | undefined {
  const named = owner.lagging[lease.shardId];
  if (named !== undefined) return named;
  if (!knows(owner, lease)) return undefined;
  const others = Object.values(owner.lagging);
  // A beat has no room for more: the others lag no more than those that it names.
  const most = owner.handlerTrouble ? MAX_LAGGING_IN_TROUBLE : MAX_LAGGING;
  if (others.length < most || !lease.behindMs) return 0;
  return Math.min(lease.behindMs, ...others);
}

/** The beat was sent when the owner had the shard. Of what it is given it may learn only by a beat. */
function knows({ beatAt, leaseDurationMs }: WorkerRow, { takenAt, lastChange }: Lease): boolean {
  if (takenAt === undefined || beatAt === undefined) return true;
  const learnsInMs = lastChange?.why.startsWith('Given') ? leaseDurationMs / 3 : 0;
  return beatAt > takenAt + learnsInMs;
}

function knownBefore(known: KnownRead | undefined, { checkpoint }: Lease): number | undefined {
  return known && compareCheckpoints(checkpoint, known.checkpoint) >= 0 ? known.toMs : undefined;
}

function knownFromRow(lease: Lease, nowMs: number): number | undefined {
  const { lagMs } = unreadOf(lease, nowMs);
  return lagMs === undefined ? undefined : nowMs - lagMs;
}
