import type { Checkpoint } from '../kinesis/position.ts';
import { LAYOUT_VERSION, type Claim } from './claim.ts';
import { encodeCheckpoint, encodeGivenUp, formatRef, type Lease, type WorkerRef } from './lease.ts';
import { CLAIM_KEY, workerKey, type AttributeValue } from './row.ts';
import { absent, equal, present, type Condition, type RowWrite } from './row-write.ts';
import { encodeUnfinished, ONE_MORE_ENDING, type Unfinished } from './unfinished.ts';
import { encodeTrouble, WORKER_TTL_SECONDS, type Beat, type WorkerRow } from './worker-row.ts';

/*
 * The lease protocol: who may do what, each by one conditional write. All of them are here, in one long file, so that
 * every condition there is can be seen beside the others. Two ideas carry it.
 *
 * 1. A worker's heartbeat row is the lease of everything the worker owns. A shard row names its owner as
 *    `<worker>/<incarnation>`; an incarnation that is dead or missing owns nothing, and never lives again.
 * 2. At any time exactly one party may act on a shard row: its live owner, else the planned receiver. Owners give what
 *    they own; receivers take what nobody owns. `epoch` grows at each change of owner and fences what came before.
 *
 * What an import writes before any worker begins is in `import-writes.ts`, what a reset writes while no worker owns
 * anything in `reset-writes.ts`.
 */

const notDead: Condition = { attribute: 'state', is: 'not equal', value: 'dead' };
const seconds = (ms: number) => Math.floor(ms / 1000);

// ---- workers

export type Announcement = Omit<
  WorkerRow,
  'beat' | 'beatAt' | 'knock' | 'held' | 'fencedBy' | 'lagging' | 'handlerTrouble' | 'readTrouble'
>;

/**
 * A starting worker says that it exists. The same pod's older incarnation is dead by definition; a newer one, or a fence,
 * must not be undone by an announcement that has its effect late: so it goes on top of `after`, the incarnation that the
 * row is known to show, null for no row.
 */
export function announceWorker(worker: Announcement, nowMs: number, after?: string | null): RowWrite {
  return {
    name: 'announce',
    key: workerKey(worker.worker),
    kind: 'put',
    when: after === undefined ? [] : [after === null ? absent('incarnation') : equal('incarnation', after)],
    set: {
      incarnation: worker.incarnation,
      beat: 1,
      state: worker.state,
      revision: worker.revision,
      ...(worker.restartedAt === 0 ? {} : { restarted_at: worker.restartedAt }),
      knock: 0,
      address: worker.address,
      pod_uid: worker.podUid,
      node: worker.node,
      started_at: worker.startedAt,
      held: 0,
      max_leases: worker.maxLeases,
      lease_ms: worker.leaseDurationMs,
      lagging: {},
      ttl: seconds(nowMs) + WORKER_TTL_SECONDS,
    },
    proof: [equal('incarnation', worker.incarnation), notDead],
  };
}

/**
 * A live worker renews its lease. Lost: it has been fenced or replaced, and owns nothing any more; or the row does not
 * show the beat `after`, which only an attempt of its own that it had given up can have changed.
 */
export function beatWorker(
  me: WorkerRef,
  { beat, state, held, lagging, ...troubles }: Beat,
  nowMs: number,
  after?: number,
): RowWrite {
  const trouble = encodeTrouble(troubles);
  return {
    name: 'beat',
    key: workerKey(me.worker),
    kind: 'update',
    when: [
      equal('incarnation', me.incarnation),
      notDead,
      ...(after === undefined ? [] : [equal('beat', after)]),
    ],
    set: { beat, state, held, lagging, ttl: seconds(nowMs) + WORKER_TTL_SECONDS, ...trouble.set },
    remove: trouble.remove,
    proof: [equal('incarnation', me.incarnation), equal('beat', beat), equal('state', state)],
  };
}

/** Anyone declares a worker dead whose beat stood still for the lease duration on the caller's own monotonic clock. */
export function fenceWorker(seen: Pick<WorkerRow, 'worker' | 'incarnation' | 'beat'>, by?: string): RowWrite {
  return {
    name: 'fence',
    key: workerKey(seen.worker),
    kind: 'update',
    when: [equal('incarnation', seen.incarnation), equal('beat', seen.beat)],
    set: { state: 'dead', ...(by === undefined ? {} : { fenced_by: by }) },
    proof: [equal('incarnation', seen.incarnation), equal('state', 'dead')],
  };
}

/** "Read the table": for a worker that could not be reached by a nudge; its next beat returns the row. */
export function knockWorker(seen: WorkerRef): RowWrite {
  return {
    name: 'knock',
    key: workerKey(seen.worker),
    kind: 'update',
    when: [equal('incarnation', seen.incarnation)],
    add: { knock: 1 },
    proof: [equal('incarnation', seen.incarnation)],
  };
}

/** The last write of a clean stop. */
export function removeWorker(me: WorkerRef): RowWrite {
  const when = [equal('incarnation', me.incarnation)];
  return { name: 'remove worker', key: workerKey(me.worker), kind: 'delete', when, proof: [] };
}

// ---- shards: by the receiver

/** What the stream says of a shard. */
export interface Lineage {
  shardId: string;
  parents: readonly string[];
  hashStart: string;
  hashEnd: string;
}

export interface NewLease extends Lineage {
  checkpoint: Checkpoint;
}

/** Adds a shard nobody has added yet. Lost means that it is there, which is as good. */
export function putShard(lease: NewLease, nowMs: number): RowWrite {
  return {
    name: 'put shard',
    key: lease.shardId,
    kind: 'put',
    when: [absent('shard_id')],
    set: {
      // Begins at the creation second, so that a deleted and recreated row never repeats an epoch.
      epoch: seconds(nowMs),
      ...encodeCheckpoint(lease.checkpoint).set,
      ...encodeLineage(lease),
    },
    proof: [],
  };
}

/** Adds what a row of another program lacks. Lost: it is there by now. */
export function completeShard(lineage: Lineage): RowWrite {
  return {
    name: 'complete shard',
    key: lineage.shardId,
    kind: 'update',
    when: [present('shard_id'), absent('hash_start')],
    set: encodeLineage(lineage),
    proof: [],
  };
}

/** The attributes of what the stream says. */
export function encodeLineage({ parents, hashStart, hashEnd }: Lineage): Record<string, AttributeValue> {
  return { ...(parents.length > 0 ? { parents } : {}), hash_start: hashStart, hash_end: hashEnd };
}

/** Who gets a shard, and why: as `LeaseChange.why`. */
export interface Receiver extends WorkerRef {
  why?: string;
}

/** The planned receiver takes a shard nobody owns: free, or its owner confirmed dead. Start from the returned row. */
export function takeShard(
  seen: Pick<Lease, 'shardId' | 'owner' | 'epoch'>,
  me: Receiver,
  nowMs: number,
): RowWrite {
  const epoch = seen.epoch === 0 ? seconds(nowMs) : seen.epoch + 1;
  return {
    name: 'take',
    key: seen.shardId,
    kind: 'update',
    when: [
      seen.epoch === 0 ? absent('epoch') : equal('epoch', seen.epoch),
      seen.owner === undefined ? absent('ref') : equal('ref', seen.owner),
      present('shard_id'),
    ],
    set: { ref: formatRef(me), epoch, taken_at: seconds(nowMs), ...encodeChange(me.why, seen.owner) },
    remove: ['ttl'], // a live checkpoint never expires; rows of other programs may say so
    ...(seen.owner === undefined ? {} : { add: ONE_MORE_ENDING }),
    proof: [equal('ref', formatRef(me)), equal('epoch', epoch)],
  };
}

/** A shard that was released keeps the name of who did. */
function encodeChange(why: string | undefined, from: string | undefined): Record<string, string> {
  if (why === undefined) return {};
  return from === undefined ? { why } : { why, last_owner: from };
}

// ---- shards: by the owner

/** What the owner of one epoch of a shard may write to it. */
export interface Ownership {
  shardId: string;
  epoch: number;
  owner: WorkerRef;
}

export interface Progress {
  checkpoint: Checkpoint;
  /** Ms between what is processed and the tip of the shard, at `readAt`. */
  behindMs: number;
  /** Ms since the epoch. */
  readAt: number;
  /** As `Lease.load`. */
  load: number;
  /** As `Lease.givenUp`, with what this owner has given up; absent = the row says it already, or there is nothing. */
  givenUp?: Lease['givenUp'];
  /** As `Lease.unfinished`; absent = the row stays as it is. */
  unfinished?: Unfinished | undefined;
}

function mine({ owner, epoch }: Ownership): Condition[] {
  return [equal('ref', formatRef(owner)), equal('epoch', epoch)];
}

function encodeProgress(progress: Progress | undefined, nowMs: number) {
  if (progress === undefined) return { set: {}, remove: [] };
  const { set, remove } = encodeCheckpoint(progress.checkpoint);
  const times = {
    ts: seconds(nowMs),
    behind_ms: Math.round(progress.behindMs),
    read_at: Math.round(progress.readAt),
    load: Math.round(progress.load),
  };
  const unfinished = encodeUnfinished(progress.unfinished);
  const all = { ...set, ...times, ...encodeGivenUp(progress.givenUp), ...unfinished.set };
  return { set: all, remove: [...remove, ...unfinished.remove] };
}

/**
 * Only on top of `after`, the checkpoint that the row is known to show: a write that has its effect when its caller has
 * long given it up and gone on must not set the checkpoint back, or reopen an ended shard.
 */
export function checkpointShard(
  own: Ownership,
  progress: Progress,
  nowMs: number,
  after?: Checkpoint,
): RowWrite {
  const { set, remove } = encodeProgress(progress, nowMs);
  const when = [...mine(own), ...(after === undefined ? [] : shows(after))];
  const proof = [...mine(own), ...Object.entries(set).map(([name, value]) => equal(name, value))];
  return { name: 'checkpoint', key: own.shardId, kind: 'update', when, set, remove, proof };
}

/** The row has exactly this position. */
export function shows(checkpoint: Checkpoint): Condition[] {
  const { set, remove } = encodeCheckpoint(checkpoint);
  return [...Object.entries(set).map(([name, value]) => equal(name, value)), ...remove.map(absent)];
}

/** After draining: hands the shard to its planned receiver, with the last progress if that is not written yet. */
export function giveShard(
  own: Ownership,
  to: Receiver,
  progress: Progress | undefined,
  nowMs: number,
): RowWrite {
  const { set, remove } = encodeProgress(progress, nowMs);
  const changed: Record<string, AttributeValue> = {
    ...set,
    ...encodeChange(to.why, formatRef(own.owner)),
    ref: formatRef(to),
    epoch: own.epoch + 1,
    taken_at: seconds(nowMs),
  };
  const proof = [equal('ref', formatRef(to)), equal('epoch', own.epoch + 1)];
  return { name: 'give', key: own.shardId, kind: 'update', when: mine(own), set: changed, remove, proof };
}

/** After draining: leaves the shard to whoever is planned to take it. */
export function releaseShard(own: Ownership, progress: Progress | undefined, nowMs: number): RowWrite {
  const { set, remove } = encodeProgress(progress, nowMs);
  const changed = { ...set, ...encodeChange('Released', formatRef(own.owner)), epoch: own.epoch + 1 };
  const proof = [absent('ref'), equal('epoch', own.epoch + 1)];
  return {
    name: 'release',
    key: own.shardId,
    kind: 'update',
    when: mine(own),
    set: changed,
    remove: [...remove, 'ref'],
    proof,
  };
}

/** Everything in the shard is processed, and its children have rows. */
export function endShard(own: Ownership, nowMs: number, givenUp?: Lease['givenUp']): RowWrite {
  const { set, remove } = encodeProgress(
    { checkpoint: { at: 'SHARD_END' }, behindMs: 0, readAt: nowMs, load: 0, givenUp },
    nowMs,
  );
  const proof = [...mine(own), equal('sequence', 'SHARD_END')];
  return { name: 'end shard', key: own.shardId, kind: 'update', when: mine(own), set, remove, proof };
}

/** Lets DynamoDB delete the row of an ended shard; by shard sync, once every child has started. */
export function expireShard(shardId: string, atSeconds: number): RowWrite {
  const when = [equal('sequence', 'SHARD_END')];
  return { name: 'expire shard', key: shardId, kind: 'update', when, set: { ttl: atSeconds }, proof: [] };
}

// ---- the group

/** Pins what `Latest` means, once. Lost: the row says what somebody pinned before. */
export function pinStart(startAtMs: number): RowWrite {
  return {
    name: 'pin start',
    key: CLAIM_KEY,
    kind: 'update',
    when: [absent('start_at')],
    set: { start_at: startAtMs, layout_version: LAYOUT_VERSION },
    proof: [equal('start_at', startAtMs)],
  };
}

/** A worker notes whose rows these are, where no operator has: they are of use for no other group and no other stream. */
export function pinStream(groupId: string, stream: { arn: string; createdAt: number }): RowWrite {
  return {
    name: 'pin stream',
    key: CLAIM_KEY,
    kind: 'update',
    when: [absent('stream_created_at'), absent('claimed_group')],
    set: {
      claimed_group: groupId,
      stream_arn: stream.arn,
      stream_created_at: stream.createdAt,
      layout_version: LAYOUT_VERSION,
    },
    proof: [equal('claimed_group', groupId), equal('stream_created_at', stream.createdAt)],
  };
}

/** Lets the row of a shard live: the group that left it to expire is claimed again. */
export function keepShard(shardId: string): RowWrite {
  const when: Condition[] = [present('shard_id')];
  const proof = [...when, absent('ttl')];
  return { name: 'keep shard', key: shardId, kind: 'update', when, remove: ['ttl'], proof };
}

/** What a claim leaves as it was where it says nothing. */
type Kept = 'tableMadeAt';
type Others = 'startAt' | 'paused' | 'imported' | 'reset' | 'completedAt';

/** The operator claims the group id for one resource of one cluster, against exactly the claim it has seen. */
export function claimGroup(
  seen: Claim | undefined,
  claim: Required<Omit<{ [K in keyof Claim]: NonNullable<Claim[K]> }, Others | Kept>> & Pick<Claim, Kept>,
): RowWrite {
  return {
    name: 'claim group',
    key: CLAIM_KEY,
    kind: 'update',
    when: [
      seen?.resourceUid === undefined ? absent('resource_uid') : equal('resource_uid', seen.resourceUid),
      seen?.claimedAt === undefined ? absent('claimed_at') : equal('claimed_at', seen.claimedAt),
    ],
    set: {
      claimed_group: claim.groupId,
      cluster_id: claim.clusterId,
      resource_uid: claim.resourceUid,
      resource_namespace: claim.namespace,
      stream_arn: claim.streamArn,
      stream_created_at: claim.streamCreatedAt,
      claimed_at: claim.claimedAt,
      ...(claim.tableMadeAt === undefined ? {} : { table_made_at: claim.tableMadeAt }),
      layout_version: LAYOUT_VERSION,
    },
    remove: ['ttl'], // a deleted group's rows may be on their way out
    proof: [equal('cluster_id', claim.clusterId), equal('resource_uid', claim.resourceUid)],
  };
}

/** The operator tells the workers to release all leases, or to take them again. Lost: the claim is somebody else's. */
export function pauseGroup(resourceUid: string, paused: boolean): RowWrite {
  const when = [equal('resource_uid', resourceUid)];
  const proof = [...when, paused ? equal('paused', 1) : absent('paused')];
  const change = paused ? { set: { paused: 1 } } : { remove: ['paused'] };
  return { name: 'pause group', key: CLAIM_KEY, kind: 'update', when, ...change, proof };
}
