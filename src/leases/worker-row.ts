import { number, numbers, text, WORKER_PREFIX, type AttributeValue, type Row } from './row.ts';

/**
 * `starting`: announced, but its handler does not answer yet (or the group is paused): it is given nothing.
 * `live`: holds and receives shards. `draining`: gives away all it holds. `dead`: fenced; this incarnation never
 * lives again.
 */
export type WorkerState = 'starting' | 'live' | 'draining' | 'dead';

/** A worker's heartbeat row: the lease of everything the worker owns. */
export interface WorkerRow {
  worker: string;
  incarnation: string;
  /** 1 when it is announced, greater with each beat of this incarnation. */
  beat: number;
  state: WorkerState;
  /** Order of the pod template, a whole number; a greater one is newer. 0 outside Kubernetes. */
  revision: number;
  /** Ms since the epoch; when the pods of this revision were last told to restart as they are, 0 = never. */
  restartedAt: number;
  /** Incremented by others who could not deliver a nudge. */
  knock: number;
  /** `ip:port` for nudges; empty when the worker cannot be called. */
  address: string;
  podUid: string;
  node: string;
  /** Ms since the epoch. */
  startedAt: number;
  /** Ms since the epoch, whole seconds, by the worker's clock; its last beat. For people. */
  beatAt: number | undefined;
  /** Shards it held at its last beat. */
  held: number;
  /** Who declared it dead: a worker's name, `operator`, or empty. For people. */
  fencedBy: string;
  /** Most shards the worker takes; 0 = no bound of its own. */
  maxLeases: number;
  /** How long the worker's lease lasts, ms; 0 = it does not say. During a rollout others may be set to less. */
  leaseDurationMs: number;
  /** The ≤ 20 shards most behind → ms behind; every other held shard is caught up. */
  lagging: Readonly<Record<string, number>>;
  /** Undefined = the handler does its work, or the worker is of a release that does not say. */
  handlerTrouble: HandlerTrouble | undefined;
  /** Code of the error with which the reads of one of its shards fail, as `AccessDenied`; undefined = they work. */
  readTrouble: string | undefined;
}

/** The handler has failed for a while, or again and again. For people. */
export interface HandlerTrouble {
  /** On how many of the worker's shards; 0: it cannot begin. */
  shards: number;
  /** What it said on one of them: one line of at most `MAX_FAILING_WHY_BYTES`. */
  error: string;
  /** It did not answer in time. */
  hangs?: boolean;
  /** It is not the handler's: the destination of what was given up does not take it, and the shards wait for that. */
  destination?: boolean;
}

/** Seconds a worker row outlives its last beat before DynamoDB's TTL may delete it. */
export const WORKER_TTL_SECONDS = 86_400;
/** Most entries of `lagging`: each beat writes them, and DynamoDB charges by the size of the row. */
export const MAX_LAGGING = 20;
/** Most of them beside a trouble of the handler, whose words need the room: a row stays below 1 KB. */
export const MAX_LAGGING_IN_TROUBLE = 12;
/** Of UTF-8. */
export const MAX_FAILING_WHY_BYTES = 240;

/** Values of `failing_hangs`. */
const HANGS = 1;
const DESTINATION = 2;

const STATES: readonly string[] = ['starting', 'live', 'draining', 'dead'];

export interface Beat {
  beat: number;
  state: Exclude<WorkerState, 'dead'>;
  held: number;
  /** As `WorkerRow.lagging`: shard → ms behind, at most `MAX_LAGGING` of them. */
  lagging: Readonly<Record<string, number>>;
  handlerTrouble?: HandlerTrouble | undefined;
  readTrouble?: string | undefined;
}

/** The attributes of a beat that say it; those of a trouble that is over go. */
export function encodeTrouble({
  handlerTrouble,
  readTrouble,
}: Pick<Beat, 'handlerTrouble' | 'readTrouble'>): {
  set: Readonly<Record<string, AttributeValue>>;
  remove: readonly string[];
} {
  const said = {
    failing: handlerTrouble?.shards,
    failing_why: handlerTrouble?.error,
    failing_hangs: handlerTrouble?.hangs ? HANGS : handlerTrouble?.destination ? DESTINATION : undefined,
    unread_why: readTrouble,
  };
  const set: Record<string, AttributeValue> = {};
  const remove: string[] = [];
  for (const [name, value] of Object.entries(said))
    if (value === undefined) remove.push(name);
    else set[name] = value;
  return { set, remove };
}

/**
 * Above 0 when `a` is of a newer rollout than `b`. A restart leaves the template as the operator counts it, so its time, by
 * the clock of whoever asked for it, tells two of the same revision apart: at worst shards move to pods that go next.
 */
export function compareRollouts(
  a: Pick<WorkerRow, 'revision' | 'restartedAt'>,
  b: Pick<WorkerRow, 'revision' | 'restartedAt'>,
): number {
  return a.revision - b.revision || a.restartedAt - b.restartedAt;
}

/** Without a state that this release knows, the worker counts as dead. */
export function decodeWorker(row: Row): WorkerRow {
  const state = text(row, 'state') ?? 'dead';
  const ttl = number(row, 'ttl');
  const failing = number(row, 'failing');
  return {
    worker: row.shard_id.slice(WORKER_PREFIX.length),
    incarnation: text(row, 'incarnation') ?? '',
    beat: number(row, 'beat') ?? 0,
    state: STATES.includes(state) ? (state as WorkerState) : 'dead',
    revision: number(row, 'revision') ?? 0,
    restartedAt: number(row, 'restarted_at') ?? 0,
    knock: number(row, 'knock') ?? 0,
    address: text(row, 'address') ?? '',
    podUid: text(row, 'pod_uid') ?? '',
    node: text(row, 'node') ?? '',
    startedAt: number(row, 'started_at') ?? 0,
    // Each beat sets it anew, and fencing leaves it.
    beatAt: ttl === undefined ? undefined : (ttl - WORKER_TTL_SECONDS) * 1_000,
    held: number(row, 'held') ?? 0,
    fencedBy: text(row, 'fenced_by') ?? '',
    maxLeases: number(row, 'max_leases') ?? 0,
    leaseDurationMs: number(row, 'lease_ms') ?? 0,
    lagging: numbers(row, 'lagging'),
    handlerTrouble: failing === undefined ? undefined : decodeTrouble(row, failing),
    readTrouble: text(row, 'unread_why'),
  };
}

function decodeTrouble(row: Row, shards: number): HandlerTrouble {
  const error = text(row, 'failing_why') ?? '';
  const what = number(row, 'failing_hangs');
  return {
    shards,
    error,
    ...(what === HANGS ? { hangs: true } : {}),
    ...(what === DESTINATION ? { destination: true } : {}),
  };
}
