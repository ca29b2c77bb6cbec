import { isEnded, parseRef, type GivenUp, type Lease } from '../leases/lease.ts';
import type { GroupRows } from '../leases/group-rows.ts';
import type { HandlerTrouble, WorkerRow } from '../leases/worker-row.ts';
import { parallelReadable } from '../kinesis/lineage.ts';
import { isOpen, parentsOf, type Shard } from '../kinesis/shard.ts';
import type { Checkpoint } from '../kinesis/position.ts';
import type { Judged } from './judge-shard.ts';
import { givenUpOf } from './given-up.ts';
import { livingOwner } from './living-owner.ts';
import { lagMsOf, type ReadTo } from './shard-lag.ts';

/** A pod of the group, as far as people want to know. */
export interface PodView {
  name: string;
  uid: string;
  node: string | undefined;
  phase: string;
  ready: boolean;
  /** It was asked to stop. */
  terminating: boolean;
  /** Why a container does not run: `ImagePullBackOff`, `CrashLoopBackOff`, …; with the kubelet's message. */
  trouble: { container: string; reason: string; message: string } | undefined;
  /** Containers, init containers left out, that have no process at the moment. */
  down: readonly string[];
  restarts: number;
}

/**
 * `consuming`: owned by a live worker. `handing-off`: owned by a draining one. `unowned`: nobody alive owns it.
 * `waiting`: nobody can read it before its parents are done. `ended`: read to its end.
 */
export type ShardState = 'consuming' | 'handing-off' | 'unowned' | 'waiting' | 'ended';

export interface ShardView {
  shardId: string;
  state: ShardState;
  /** False once a reshard has closed it; undefined = the stream's shards are not known. */
  open: boolean | undefined;
  /** The worker (a pod's name) named in the row, alive or not. */
  owner: string | undefined;
  /** Undefined = not known: nobody has read it yet, or it waits for its parents. */
  lagMs: number | undefined;
  /** Records are known to wait; without it the lag of a shard nobody reads is only a bound. */
  backlog: boolean;
  checkpoint: Checkpoint | undefined;
  /** Ms since the epoch. */
  checkpointedAt: number | undefined;
  parents: readonly string[];
  /** Undefined = it cannot be told yet, or there is nothing to judge. */
  judged?: Judged | undefined;
  /** Decimal, inclusive. */
  hashStart: string;
  hashEnd: string;
}

export interface WorkerView {
  worker: string;
  row: WorkerRow;
  /** For people: to the others a worker that waits for the end of a pause is one that has not begun. */
  said: WorkerRow['state'] | 'paused';
  pod: PodView | undefined;
  alive: boolean;
  shards: number;
  /** Greatest of its shards; undefined when it holds none that was read. */
  lagMs: number | undefined;
}

export interface LagView {
  /** The maximum over all shards that are not ended, never the sum; undefined = no shard's lag is known. */
  maxMs: number | undefined;
  maxShardId: string | undefined;
  /** Ms since the epoch; the oldest checkpoint of a shard that is not caught up. */
  oldestCheckpointAt: number | undefined;
  /** How much of the retention is left before the most delayed shard loses records, 0–100; 0 only when it is over. */
  headroomPercent: number | undefined;
}

/** One read model of a group: what the table, the stream and the pods say, put together. */
export interface GroupView {
  /** Sorted by name; ended ones too. */
  shards: ShardView[];
  workers: WorkerView[];
  pods: PodView[];
  lag: LagView;
  /** On how many shards the handler fails, and what it said on one of them. */
  handlerTrouble: (HandlerTrouble & { worker: string }) | undefined;
  /** What was given up of the shards whose rows are there, and where last; undefined = nothing. */
  givenUp: (GivenUp & { shardId: string }) | undefined;
  /** Shards that could be consumed at this moment: not ended, and all parents ended or gone. */
  readableShards: number;
  /** Of those, how many a live worker owns. */
  ownedShards: number;
  /** The most that can be consumed at the same time, now or when children's parents are done. */
  parallelShards: number;
  /** Shards wait for their parents. */
  resharding: boolean;
}

export interface GroupViewInput {
  rows: GroupRows;
  /** What the stream lists from the group's initial position on; undefined = not known. */
  shards: readonly Shard[] | undefined;
  pods: readonly PodView[];
  retentionHours: number | undefined;
  /** Wall clock, ms since the epoch. */
  nowMs: number;
  /** From earlier looks. */
  readTo?: ReadTo;
}

/** A row whose shard the stream has forgotten counts as ended; one that is newer than the list of shards does not. */
export function groupView({ rows, shards, pods, retentionHours, nowMs, readTo }: GroupViewInput): GroupView {
  const workers = new Map(rows.workers.map((row) => [row.worker, row]));
  const views = shardViews({ rows, shards, workers, nowMs, readTo });
  const podsByName = new Map(pods.map((pod) => [pod.name, pod]));
  const isPaused = rows.claim?.paused === true;
  const readable = views.filter(({ state }) => state !== 'ended' && state !== 'waiting');
  return {
    shards: views,
    workers: rows.workers.map((row) => workerView(row, views, { pod: podsByName.get(row.worker), isPaused })),
    pods: [...pods].sort((a, b) => (a.name < b.name ? -1 : 1)),
    lag: lagView(views, retentionHours),
    handlerTrouble: handlerTroubleOf(rows.workers),
    givenUp: givenUpOf(rows.leases),
    readableShards: readable.length,
    ownedShards: readable.filter(({ state }) => state !== 'unowned').length,
    parallelShards: parallelReadable(views.filter(({ state }) => state !== 'ended')),
    resharding: views.some(({ state }) => state === 'waiting'),
  };
}

function shardViews({
  rows,
  shards,
  workers,
  nowMs,
  readTo,
}: {
  rows: GroupRows;
  shards: readonly Shard[] | undefined;
  workers: ReadonlyMap<string, WorkerRow>;
  nowMs: number;
  readTo: ReadTo | undefined;
}): ShardView[] {
  const listed = new Map((shards ?? []).map((shard) => [shard.shardId, shard]));
  const leases = new Map(rows.leases.map((lease) => [lease.shardId, lease]));
  const ids = [...new Set([...leases.keys(), ...listed.keys()])].sort();
  // Ids grow: a row that the list lacks is of a shard the stream forgot, or of a child the list is too old to know.
  const newest = [...listed.keys()].sort().at(-1) ?? '';
  const isGone = (id: string) => shards !== undefined && !listed.has(id) && id < newest;
  const isPending = (id: string) => {
    const lease = leases.get(id);
    return lease ? !isEnded(lease) && !isGone(id) : listed.has(id);
  };
  return ids.map((shardId) => {
    const lease = leases.get(shardId);
    const shard = listed.get(shardId);
    const parents = lease?.parents ?? (shard ? parentsOf(shard) : []);
    const state = stateOf({ lease, workers, blocked: parents.some(isPending), gone: isGone(shardId) });
    return {
      shardId,
      state,
      open: shard ? isOpen(shard) : isGone(shardId) ? false : undefined,
      owner: lease?.owner === undefined ? undefined : parseRef(lease.owner).worker,
      lagMs:
        lease && state !== 'ended' && state !== 'waiting'
          ? lagMsOf(lease, { workers, nowMs, readTo })
          : undefined,
      backlog: (lease?.behindMs ?? 0) > 0,
      checkpoint: lease?.checkpoint,
      checkpointedAt: lease?.checkpointedAt,
      parents,
      hashStart: shard?.hashStart ?? lease?.hashStart ?? '0',
      hashEnd: shard?.hashEnd ?? lease?.hashEnd ?? '0',
    };
  });
}

function stateOf({
  lease,
  workers,
  blocked,
  gone,
}: {
  lease: Lease | undefined;
  workers: ReadonlyMap<string, WorkerRow>;
  blocked: boolean;
  gone: boolean;
}): ShardState {
  if (gone || (lease && isEnded(lease))) return 'ended';
  if (blocked) return 'waiting';
  const owner = lease && livingOwner(lease, workers);
  if (!owner) return 'unowned';
  return owner.state === 'draining' ? 'handing-off' : 'consuming';
}

function workerView(
  row: WorkerRow,
  shards: readonly ShardView[],
  { pod, isPaused }: { pod: PodView | undefined; isPaused: boolean },
): WorkerView {
  const alive = row.state !== 'dead';
  const mine = alive ? shards.filter(({ owner, state }) => owner === row.worker && isOwned(state)) : [];
  const said = isPaused && row.state === 'starting' ? 'paused' : row.state;
  return { worker: row.worker, row, said, pod, alive, shards: mine.length, lagMs: maxLag(mine)?.lagMs };
}

function isOwned(state: ShardState): boolean {
  return state === 'consuming' || state === 'handing-off';
}

function handlerTroubleOf(workers: readonly WorkerRow[]): GroupView['handlerTrouble'] {
  const failing = workers.filter(({ state, handlerTrouble }) => state !== 'dead' && handlerTrouble);
  const [first] = failing;
  if (!first) return undefined;
  const shards = failing.reduce((sum, row) => sum + row.handlerTrouble!.shards, 0);
  return { ...first.handlerTrouble!, worker: first.worker, shards };
}

function maxLag(shards: readonly ShardView[]): ShardView | undefined {
  let most: ShardView | undefined;
  for (const shard of shards) {
    if (shard.lagMs !== undefined && (most?.lagMs === undefined || shard.lagMs > most.lagMs)) most = shard;
  }
  return most;
}

function lagView(shards: readonly ShardView[], retentionHours: number | undefined): LagView {
  const most = maxLag(shards);
  const behind = shards.filter(
    ({ lagMs, checkpointedAt }) => (lagMs ?? 0) > 0 && checkpointedAt !== undefined,
  );
  const oldest = Math.min(...behind.map(({ checkpointedAt }) => checkpointedAt!));
  const retentionMs = retentionHours === undefined ? undefined : retentionHours * 3_600_000;
  const known = most?.lagMs !== undefined && retentionMs !== undefined && retentionMs > 0;
  return {
    maxMs: most?.lagMs,
    maxShardId: most?.lagMs ? most.shardId : undefined,
    oldestCheckpointAt: Number.isFinite(oldest) ? oldest : undefined,
    headroomPercent: known
      ? // Rounded up: a group that keeps up has all of it, whatever the milliseconds it is behind.
        Math.max(0, Math.min(100, Math.ceil(100 * (1 - most.lagMs! / retentionMs))))
      : undefined,
  };
}
