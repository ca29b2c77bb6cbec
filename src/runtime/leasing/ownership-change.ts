import type { Lease } from '../../leases/lease.ts';
import type { MoveReason } from '../../leases/plan-leases.ts';

/*
 * Every change of a shard's owner, as the worker concerned sees it, with its reason. A row says who its owner got it
 * from and why, so both sides of a hand-over tell the same.
 */

/** Handed over in order, after draining, by an owner that … */
export type GivenReason =
  | 'GivenByDraining' // stops
  | 'GivenToNewerRevision' // stops while a newer pod template is rolled out
  | 'GivenToBalance' // holds more shards than its part
  | 'GivenToLevelLoad'; // holds busier shards than others

/** How an owner has died. */
export interface Death {
  /** `Fenced`: declared dead. `Replaced`: it has begun a new life. `Gone`: its row is not there. */
  how: 'Fenced' | 'Replaced' | 'Gone';
  /** Who declared it dead: a worker's name, or `operator`. */
  by: string | undefined;
}

/** How a worker came to own a shard. Refs are `<worker>/<incarnation>`. */
export type OwnershipGain =
  | { reason: 'FirstOwner' } // nobody has read it before
  | { reason: 'ChildOf'; parents: readonly string[] } // the same, after a reshard
  | { reason: 'TakenFree'; from: string | undefined } // released by `from`
  | {
      reason: 'TakenFromDead';
      from: string;
      death: Death;
      /** Since this worker saw its last beat; undefined when it never saw one. */
      silentMs: number | undefined;
    }
  | { reason: GivenReason; from: string | undefined }
  /** The row names this worker, which did not know: the answer to its own take was lost. */
  | { reason: 'Adopted'; from: string | undefined };

/** How it stopped to own it, or to be sure of it. */
export type OwnershipLoss =
  | { reason: GivenReason; to: string; handoffMs: number }
  | { reason: 'Released'; handoffMs: number }
  | { reason: 'Ended' }
  | { reason: 'Lost'; why: string };

export type OwnershipChange =
  | ({ type: 'ShardStarted'; shardId: string; epoch: number } & OwnershipGain)
  | ({ type: 'ShardStopped'; shardId: string; epoch: number } & OwnershipLoss);

const GIVEN: Partial<Record<MoveReason, GivenReason>> = {
  OwnerDraining: 'GivenByDraining',
  NewerRevision: 'GivenToNewerRevision',
  Balance: 'GivenToBalance',
  Load: 'GivenToLevelLoad',
};

/** Of a hand-over that was planned for `reason`. */
export function givenReason(reason: MoveReason): GivenReason {
  return GIVEN[reason] ?? 'GivenToBalance';
}

/** Of a shard that this worker took; `before` is its row before that. */
export function gainByTaking(
  before: Lease,
  dead: { death: Death; silentMs: number | undefined } | undefined,
): OwnershipGain {
  if (before.owner !== undefined) {
    const { death = { how: 'Gone' as const, by: undefined }, silentMs } = dead ?? {};
    return { reason: 'TakenFromDead', from: before.owner, death, silentMs };
  }
  if (before.lastChange) return { reason: 'TakenFree', from: before.lastChange.from };
  return before.parents.length > 0 && before.checkpoint.at === 'TRIM_HORIZON'
    ? { reason: 'ChildOf', parents: before.parents }
    : { reason: 'FirstOwner' };
}

/** Of a shard whose row names this worker. */
export function gainByRow({ lastChange }: Lease): OwnershipGain {
  const given = Object.values(GIVEN).find((reason) => reason === lastChange?.why);
  return { reason: given ?? 'Adopted', from: lastChange?.from };
}
