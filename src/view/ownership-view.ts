import type { Checkpoint } from '../kinesis/position.ts';
import { decodeRows, type GroupRows } from '../leases/group-rows.ts';
import { formatRef, parseRef, type Lease, type LeaseChange } from '../leases/lease.ts';
import type { Row } from '../leases/row.ts';
import type { WorkerRow } from '../leases/worker-row.ts';
import { groupView, type ShardState, type ShardView } from './group-view.ts';
import type { Judged } from './judge-shard.ts';
import { ShardWindows } from './shard-windows.ts';

/**
 * `owned`: by a worker whose row does not say that it is dead. `handing-off`: by one that drains. `free`: by nobody.
 * `lost-owner`: by a worker that is dead, gone or has begun a new life. `other-program`: by one that writes neither
 * epochs nor worker rows (async-kinesis), so that only the age of its row tells whether it lives.
 */
export type OwnershipState =
  | 'owned'
  | 'handing-off'
  | 'free'
  | 'lost-owner'
  | 'other-program'
  | 'waiting-for-parents'
  | 'ended';

export interface ShardOwnership {
  shardId: string;
  state: OwnershipState;
  /** The worker's name; of another program's row all of what it wrote. */
  owner: string | undefined;
  incarnation: string | undefined;
  /** Undefined on a row that only another program has written. */
  epoch: number | undefined;
  checkpoint: Checkpoint;
  /** Ms since the epoch. */
  checkpointedAt: number | undefined;
  /** Ms since the epoch; when the owner last said how far behind it is. */
  readAt: number | undefined;
  /** Undefined = not known. */
  lagMs: number | undefined;
  parents: readonly string[];
  /** How its owner came to it, or why it has none. */
  lastChange: LeaseChange | undefined;
  /** Undefined = it cannot be told from the looks there have been. */
  judged: Judged | undefined;
}

export interface WorkerOwnership extends WorkerRow {
  /** How long its beat has stood still before our eyes; undefined when nobody has watched. */
  silentMs: number | undefined;
  /** The greatest of its shards. */
  lagMs: number | undefined;
}

/** Who owns what, from the rows of the table alone. */
export interface OwnershipView {
  shards: ShardOwnership[];
  workers: WorkerOwnership[];
  /** Nothing is read until the group is to run again: its workers wait. */
  paused: boolean;
  /** Of those that are not ended. */
  ownedShards: number;
  unendedShards: number;
  /** The greatest; undefined = no shard's is known. */
  lagMs: number | undefined;
}

export interface OwnershipViewInput {
  rows: readonly Row[];
  /** Wall clock, ms since the epoch. */
  nowMs: number;
  /** How long the beat of each worker has been seen to stand still, ms. */
  silentMs?: ReadonlyMap<string, number>;
  /** What earlier looks have shown, to which this one is added; default: there were none. */
  windows?: ShardWindows;
  /** Of the group; default 15,000. */
  leaseDurationMs?: number;
}

/** Of a group of which only the rows are known. */
export const LEASE_DURATION_MS = 15_000;

/** The stream is not asked: shards without a row are missing, and those it has forgotten show as their rows say. */
export function ownershipView(input: OwnershipViewInput): OwnershipView {
  const { rows, nowMs, silentMs, windows = new ShardWindows() } = input;
  const group = decodeRows(rows);
  const readTo = windows.readTo();
  const nothing = { shards: undefined, pods: [], retentionHours: undefined };
  const view = groupView({ ...nothing, rows: group, nowMs, readTo });
  const leases = new Map(group.leases.map((lease) => [lease.shardId, lease]));
  const judged = judge(group, { ...input, windows });
  const shards = view.shards.map((shard) => ({
    ...shardOwnership(shard, leases.get(shard.shardId)!),
    judged: judged.get(shard.shardId),
  }));
  const unended = shards.filter(({ state }) => state !== 'ended');
  return {
    shards,
    workers: view.workers.map(({ row, lagMs }) => ({ ...row, lagMs, silentMs: silentMs?.get(row.worker) })),
    paused: group.claim?.paused ?? false,
    ownedShards: unended.filter(({ state }) => OWNED.has(state)).length,
    unendedShards: unended.length,
    lagMs: view.lag.maxMs,
  };
}

/**
 * Whoever has been seen to be silent for longer than its lease is dead to a judge, whatever its row says. Of a worker that
 * is silent only by the clocks of two machines, and of another program's, nothing can be told.
 */
function judge(
  group: GroupRows,
  {
    nowMs,
    silentMs,
    windows,
    leaseDurationMs = LEASE_DURATION_MS,
  }: OwnershipViewInput & { windows: ShardWindows },
): Map<string, Judged | undefined> {
  const isSilent = ({ worker, leaseDurationMs: own }: WorkerRow) =>
    (silentMs?.get(worker) ?? 0) > 2 * Math.max(leaseDurationMs, own);
  const isDoubtful = (row: WorkerRow) =>
    !silentMs?.has(row.worker) && row.beatAt !== undefined && nowMs - row.beatAt > 2 * leaseDurationMs;
  const workers = group.workers.map((row) => (isSilent(row) ? { ...row, state: 'dead' as const } : row));
  const rows = { ...group, workers };
  const view = groupView({
    rows,
    shards: undefined,
    pods: [],
    retentionHours: undefined,
    nowMs,
    readTo: windows.readTo(),
  });
  const isPaused = group.claim?.paused ?? false;
  const every = { isFresh: true, checkpointIntervalMs: 0, leaseDurationMs, isPaused };
  const doubtful = new Set(workers.filter((row) => row.state !== 'dead' && isDoubtful(row)).map(formatRef));
  const owners = new Map(group.leases.map((lease) => [lease.shardId, lease]));
  const isTold = (shardId: string) => {
    const { owner, epoch } = owners.get(shardId)!;
    return owner === undefined || (epoch > 0 && !doubtful.has(owner));
  };
  const { shards } = windows.judge({ view, rows, nowMs, ...every });
  return new Map(shards.map(({ shardId, judged }) => [shardId, isTold(shardId) ? judged : undefined]));
}

const OWNED: ReadonlySet<OwnershipState> = new Set(['owned', 'handing-off', 'other-program']);

function shardOwnership(view: ShardView, lease: Lease): Omit<ShardOwnership, 'judged'> {
  const isForeign = lease.epoch === 0 && lease.owner !== undefined;
  const ref = lease.owner === undefined ? undefined : parseRef(lease.owner);
  return {
    shardId: view.shardId,
    state: ownershipState(view.state, lease, isForeign),
    owner: isForeign ? lease.owner : ref?.worker,
    incarnation: isForeign ? undefined : ref?.incarnation,
    epoch: lease.epoch === 0 ? undefined : lease.epoch,
    checkpoint: lease.checkpoint,
    checkpointedAt: lease.checkpointedAt,
    readAt: lease.readAt,
    lagMs: view.lagMs,
    parents: lease.parents,
    lastChange: lease.lastChange,
  };
}

function ownershipState(state: ShardState, { owner }: Lease, isForeign: boolean): OwnershipState {
  switch (state) {
    case 'ended':
      return 'ended';
    case 'waiting':
      return 'waiting-for-parents';
    case 'handing-off':
      return 'handing-off';
    case 'consuming':
      return 'owned';
    case 'unowned':
      if (isForeign) return 'other-program';
      return owner === undefined ? 'free' : 'lost-owner';
  }
}
