import { assert } from '../lib/assert.ts';
import { exchangeByLoad, shardToGive, type Exchange, type Holding } from './balance-load.ts';
import { targetLoads, type Load } from './balance.ts';
import { formatRef, isEnded, parseRef, type Lease } from './lease.ts';
import { compareRollouts, type WorkerRow } from './worker-row.ts';

/*
 * Who should own what. Every worker computes this from the rows it sees, and acts on its own part only: an owner
 * gives, a receiver takes. The plan is
 *   deterministic  the same rows give the same plan to everybody;
 *   minimal        each shard moves at most once, and no more of them than the balance needs;
 *   sticky         what is well placed stays; an unowned shard goes back to the worker that had it, a child to the
 *                  last owner of its parent, where the balance allows;
 *   confluent      after any part of it is executed, the new plan is the rest;
 *   balanced       in the end the counts differ by at most one (within each worker's capacity), and then, one exchange
 *                  at a time, the loads are levelled (`balance-load.ts`).
 * While workers of two revisions, or from before and after a restart, are live (a rollout), only shards that lost their
 * owner move, and only to the newest revision: so a rollout moves each shard once.
 */

/** `NewerRevision`: the owner drains while its successors, of a newer revision or restart, are live. */
export type MoveReason =
  | 'Unowned'
  | 'OwnerDead'
  | 'OwnerDraining'
  | 'NewerRevision'
  | 'ChildOfOwner'
  | 'Balance'
  | 'Load';

export interface Move {
  shardId: string;
  /** `give`: the owner acts; `take`: the receiver does. */
  kind: 'give' | 'take';
  /** Ref as the row shows it; absent = free. */
  from: string | undefined;
  /** Ref of the receiver. */
  to: string;
  reason: MoveReason;
}

interface Orphan {
  lease: Lease;
  /** The owner while it is draining. */
  giver: WorkerRow | undefined;
  reason: MoveReason;
  /** Worker names that had this shard or its parents, best first. */
  preferred: readonly string[];
}

/** No moves without a live worker. A shard that waits for its parents, or that nobody has room for, gets none. */
export function planLeases(leases: readonly Lease[], workers: readonly WorkerRow[]): Move[] {
  const byId = new Map(leases.map((lease) => [lease.shardId, lease]));
  const byRef = new Map(workers.map((worker) => [formatRef(worker), worker]));
  const live = workers.filter((worker) => worker.state === 'live');
  const [newest] = live.toSorted((a, b) => compareRollouts(b, a));
  if (newest === undefined) return [];
  const receivers = live.filter((worker) => compareRollouts(worker, newest) === 0);

  const held = new Map<string, Lease[]>(receivers.map((worker) => [worker.worker, []]));
  const orphans: Orphan[] = [];
  for (const lease of readableLeases(leases, byId)) {
    const owner = lease.owner === undefined ? undefined : byRef.get(lease.owner);
    if (owner?.state === 'live') held.get(owner.worker)?.push(lease);
    else orphans.push(orphanOf({ lease, owner, byId, newest }));
  }

  const loads: Load[] = receivers.map((worker) => ({
    worker: worker.worker,
    held: held.get(worker.worker)?.length ?? 0,
    capacity: worker.maxLeases === 0 ? Infinity : worker.maxLeases,
  }));
  const rollout = receivers.length < live.length;
  const targets = targetLoads(loads, orphans.length, !rollout);
  const deficits = new Map(loads.map((l) => [l.worker, Math.max(0, (targets.get(l.worker) ?? 0) - l.held)]));
  const surplus = new Map(loads.map((l) => [l.worker, Math.max(0, l.held - (targets.get(l.worker) ?? 0))]));
  if (orphans.length === 0 && !rollout) {
    const holdings = loads.map(({ worker, capacity }) => ({
      worker,
      capacity,
      shards: held.get(worker) ?? [],
    }));
    const exchange = exchangeOf(holdings, deficits, surplus);
    if (exchange) return exchange.map((each) => giveOf(each, byId, receivers));
  }
  const given: Orphan[] = receivers.flatMap((giver) =>
    (held.get(giver.worker) ?? [])
      .sort(byShardId)
      .toReversed()
      .slice(0, surplus.get(giver.worker))
      .map((lease) => ({ lease, giver, reason: 'Balance' as const, preferred: [] })),
  );
  return place([...orphans.sort(byLease), ...given.sort(byLease)], deficits, receivers);
}

/** Counts that are level, or off by one shard, are settled by load. Undefined: more has to move. */
function exchangeOf(
  holdings: readonly Holding[],
  deficits: ReadonlyMap<string, number>,
  surplus: ReadonlyMap<string, number>,
): (Exchange & { reason: MoveReason })[] | undefined {
  const givers = holdings.filter(({ worker }) => (surplus.get(worker) ?? 0) > 0);
  const [giver] = givers;
  if (giver === undefined) {
    return exchangeByLoad(holdings).map((each) => ({ ...each, reason: 'Load' as const }));
  }
  const receiver = holdings.find(({ worker }) => (deficits.get(worker) ?? 0) > 0);
  if (givers.length > 1 || surplus.get(giver.worker) !== 1 || receiver === undefined) return undefined;
  const shardId = shardToGive(giver, receiver);
  if (shardId === undefined) return undefined;
  return [{ shardId, from: giver.worker, to: receiver.worker, reason: 'Balance' }];
}

function giveOf(
  { shardId, to, reason }: Exchange & { reason: MoveReason },
  byId: ReadonlyMap<string, Lease>,
  receivers: readonly WorkerRow[],
): Move {
  const lease = byId.get(shardId);
  const receiver = receivers.find(({ worker }) => worker === to);
  assert(lease !== undefined && receiver !== undefined, 'an exchange is among shards and workers there are');
  return { shardId, kind: 'give', from: lease.owner, to: formatRef(receiver), reason };
}

/** Shards that may be read now: not ended, all parents ended or without a row. */
export function readableLeases(leases: readonly Lease[], byId: ReadonlyMap<string, Lease>): Lease[] {
  return leases.filter(
    (lease) =>
      !isEnded(lease) && lease.parents.every((id) => byId.get(id) === undefined || isEnded(byId.get(id)!)),
  );
}

function orphanOf({
  lease,
  owner,
  byId,
  newest,
}: {
  lease: Lease;
  owner: WorkerRow | undefined;
  byId: ReadonlyMap<string, Lease>;
  newest: WorkerRow;
}): Orphan {
  const giver = owner?.state === 'draining' ? owner : undefined;
  const parentOwners = lease.parents.map((id) => byId.get(id)?.owner).filter((ref) => ref !== undefined);
  const lastOwners = lease.owner === undefined ? parentOwners : [lease.owner];
  const reason: MoveReason = giver
    ? compareRollouts(giver, newest) < 0
      ? 'NewerRevision'
      : 'OwnerDraining'
    : lease.owner !== undefined
      ? 'OwnerDead'
      : parentOwners.length > 0 && lease.checkpoint.at === 'TRIM_HORIZON'
        ? 'ChildOfOwner'
        : 'Unowned';
  return { lease, giver, reason, preferred: lastOwners.map((ref) => parseRef(ref).worker) };
}

/** First those with a preference for somebody who has room, then the rest, position by position. */
function place(
  orphans: readonly Orphan[],
  deficits: Map<string, number>,
  receivers: readonly WorkerRow[],
): Move[] {
  const receiverOf = new Map<Orphan, string>();
  const assign = (orphan: Orphan, worker: string) => {
    receiverOf.set(orphan, worker);
    deficits.set(worker, (deficits.get(worker) ?? 0) - 1);
  };
  for (const orphan of orphans) {
    const worker = orphan.preferred.find((name) => (deficits.get(name) ?? 0) > 0);
    if (worker !== undefined) assign(orphan, worker);
  }
  const slots = [...deficits]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([name, n]) => Array<string>(n).fill(name));
  orphans
    .filter((orphan) => !receiverOf.has(orphan))
    .forEach((orphan, i) => {
      if (slots[i] !== undefined) assign(orphan, slots[i]);
    });
  const refs = new Map(receivers.map((worker) => [worker.worker, formatRef(worker)]));
  return orphans.flatMap((orphan) => {
    const to = refs.get(receiverOf.get(orphan) ?? '');
    if (to === undefined) return [];
    const { lease, giver, reason } = orphan;
    return [{ shardId: lease.shardId, kind: giver ? 'give' : 'take', from: lease.owner, to, reason }];
  });
}

function byShardId(a: Lease, b: Lease): number {
  return a.shardId < b.shardId ? -1 : 1;
}

function byLease(a: Orphan, b: Orphan): number {
  return byShardId(a.lease, b.lease);
}
