import { decodeLease, formatRef, isEnded, type Lease } from '../../src/leases/lease.ts';
import type { Row } from '../../src/leases/row.ts';
import { applyWrite, type RowWrite, type WriteResult } from '../../src/leases/row-write.ts';
import { decodeWorker, type WorkerRow } from '../../src/leases/worker-row.ts';
import { OwnLease } from '../../src/runtime/leasing/own-lease.ts';
import type { Protocol } from './protocol.ts';

/** One shard of a case. */
export interface ShardSpec {
  /** Records in it; position 0 is before the first. */
  records: number;
  /** It ends after its records, and these are its children, by index. */
  children?: readonly number[];
}

/** What is explored: the sizes, what may happen, and the protocol. */
export interface Model {
  protocol: Protocol;
  workers: number;
  shards: readonly ShardSpec[];
  leaseDurationMs: number;
  /** What each worker's monotonic clock may count while the same real time passes, ms. */
  speeds: readonly (readonly number[])[];
  /** Writes that nobody waits for any more and that may take effect at any later time, at most so many at once. */
  maxLate: number;
  /** Names of the writes that may be late. */
  late: ReadonlySet<string>;
  /** How many versions back an eventually consistent read of a worker's row, or of a shard's, may look. */
  staleness: { readonly workers: number; readonly shards: number };
  /** Who watches and fences others. */
  watchers: readonly number[];
  /** Workers see every change of a worker's row at once; otherwise at any time. */
  observesAtOnce: boolean;
  /** Shards are given and taken only as `planLeases` says; otherwise by any live worker at any time. */
  planned: boolean;
  /** Shard sync has just added the rows of all shards, children too; otherwise only of those without parents. */
  synced: boolean;
  /** Beats are told apart by their numbers; otherwise by how far they are from the row's, which is all that counts. */
  exactBeats: boolean;
  /** Doomed writes are forgotten, and workers that are alike may change places. */
  reduces: boolean;
  /** Calls whose effect and answer are two steps. */
  split: ReadonlySet<string>;
  may: ReadonlySet<Ability>;
}

export type Ability =
  | 'time'
  | 'crash'
  | 'lose answers'
  | 'fence'
  | 'operator'
  | 'give'
  | 'release'
  | 'checkpoint'
  | 'stop'
  | 'reset';

/** A call under way. */
export interface Flight {
  readonly write: RowWrite;
  /** On the sender's monotonic clock. */
  readonly sentAt: number;
  /** It has taken effect; the answer is on its way. */
  readonly answer: WriteResult | undefined;
}

export type ShardWork =
  | { readonly is: 'idle' }
  /** An eventually consistent read said: take this. */
  | { readonly is: 'looking'; readonly seen: Lease }
  | { readonly is: 'taking'; readonly seen: Lease; readonly flight: Flight }
  /** A strong read showed the row to be mine. */
  | { readonly is: 'adopting'; readonly lease: Lease }
  | Held;

export interface Held {
  readonly is: 'held';
  readonly epoch: number;
  /** Delivered and processed up to here. */
  readonly at: number;
  /** What the row shows, as far as the owner knows. */
  readonly written: number;
  readonly task: 'consume' | 'give' | 'release' | 'end';
  /** Of an end: children put so far. */
  readonly detail: number;
  /** Of a give: the receiver's ref. */
  readonly to: string;
  readonly flight: Flight | undefined;
}

export interface Sighting {
  readonly incarnation: string;
  readonly beat: number;
  /** On the observer's monotonic clock. */
  readonly since: number;
}

export interface Process {
  /** `fenced`: dropped everything, about to begin anew. `ended`: no process. */
  readonly life: 'ended' | 'fenced' | 'up';
  readonly incarnation: string;
  readonly state: 'starting' | 'live' | 'draining';
  readonly announced: boolean;
  /** The last beat that was sent, and the one that the row shows as far as this process knows. */
  readonly beats: number;
  readonly stored: number;
  /** Monotonic, when the last beat that succeeded was sent. */
  readonly renewedAt: number;
  readonly lost: boolean;
  readonly heartbeat: Flight | undefined;
  readonly fence: Flight | undefined;
  /** By worker. */
  readonly sightings: readonly (Sighting | undefined)[];
  /** By shard. */
  readonly work: readonly ShardWork[];
}

/** Versions of a row, newest first. */
export type Versions = readonly (Row | undefined)[];

/** Everything there is at one moment. Never changed; steps make new ones. */
export interface World {
  /** Monotonic clock of each worker's machine, ms. */
  readonly clocks: readonly number[];
  readonly workerRows: readonly Versions[];
  readonly shardRows: readonly Versions[];
  readonly processes: readonly Process[];
  /** Writes that nobody waits for and that may still take effect. */
  readonly late: readonly Flight[];
  /** The operator's fence or reset under way. */
  readonly operator: Flight | undefined;
  /** By shard: delivered up to here, and not to be delivered again. */
  readonly done: readonly number[];
  /** Lives begun so far: names the next incarnation. */
  readonly lives: number;
}

/** Any time will do: stored clocks decide nothing. */
export const NOW_MS = 1_000_000;
export const IDLE: ShardWork = { is: 'idle' };

export const workerName = (index: number) => `w${index}`;
export const shardName = (index: number) => `s${index}`;
/** Of `worker#w0` and of `s0`: fewer than ten of each. */
export const indexOfKey = (key: string) => Number(key.at(-1));
export const isWorkerKey = (key: string) => key.startsWith('worker#');

export function refOf(world: World, worker: number): string {
  return formatRef({ worker: workerName(worker), incarnation: world.processes[worker]!.incarnation });
}

const leases = new WeakMap<Row, Lease>();

export function leaseOf(row: Row): Lease {
  let lease = leases.get(row);
  if (!lease) leases.set(row, (lease = decodeLease(row)));
  return lease;
}

const workerRows = new WeakMap<Row, WorkerRow>();

export function workerOf(row: Row): WorkerRow {
  let worker = workerRows.get(row);
  if (!worker) workerRows.set(row, (worker = decodeWorker(row)));
  return worker;
}

export function positionOf(lease: Lease): number {
  switch (lease.checkpoint.at) {
    case 'SEQUENCE':
      return Number(lease.checkpoint.sequence);
    case 'SHARD_END':
      return Infinity;
    default:
      return 0;
  }
}

const goodAges = new WeakMap<Model, boolean[]>();

/** Whether a lease whose last beat was sent so long ago is good, by the product's own class. */
export function isGoodAt(model: Model, ageMs: number): boolean {
  let ages = goodAges.get(model);
  if (!ages) goodAges.set(model, (ages = []));
  let answer = ages[ageMs];
  if (answer === undefined) {
    const ownLease = new OwnLease(clockAt(ageMs), model.leaseDurationMs);
    ownLease.renewed(0);
    ages[ageMs] = answer = ownLease.isGood();
  }
  return answer;
}

/** The self-fence rule. */
export function leaseIsGood(model: Model, world: World, worker: number): boolean {
  const process = world.processes[worker]!;
  if (process.life !== 'up' || !process.announced) return false;
  return !process.lost && isGoodAt(model, world.clocks[worker]! - process.renewedAt);
}

export function clockAt(ms: number) {
  return { now: () => NOW_MS, monotonic: () => ms, sleep: async () => {} };
}

/** Whether this worker would hand a batch of the shard to its handler now. */
export function gateIsOpen(model: Model, world: World, worker: number, shard: number): boolean {
  const process = world.processes[worker]!;
  if (process.life !== 'up') return false;
  const work = process.work[shard]!;
  if (work.is !== 'held') return false;
  const { rules } = model.protocol;
  if (work.task !== 'consume' && (rules.drainsBeforeHandOff || work.task === 'end')) return false;
  return !rules.gateAsksLease || leaseIsGood(model, world, worker);
}

/** Gone, another life, or fenced: as `TakeConfirmation` judges an owner's row. */
export function isDead(ref: string, row: Row | undefined): boolean {
  if (row === undefined) return true;
  const worker = workerOf(row);
  return formatRef(worker) !== ref || worker.state === 'dead';
}

export function parentsOf(model: Model, shard: number): number[] {
  return model.shards.flatMap(({ children }, parent) => (children?.includes(shard) ? [parent] : []));
}

export function hasEnded(row: Row | undefined): boolean {
  return row !== undefined && isEnded(leaseOf(row));
}

export function patch<T>(list: readonly T[], index: number, value: T): T[] {
  const next = list.slice();
  next[index] = value;
  return next;
}

export function withProcess(world: World, worker: number, change: Partial<Process>): World {
  const process = { ...world.processes[worker]!, ...change };
  return { ...world, processes: patch(world.processes, worker, process) };
}

export function withWork(world: World, worker: number, shard: number, work: ShardWork): World {
  return withProcess(world, worker, { work: patch(world.processes[worker]!.work, shard, work) });
}

export function initialWorld(model: Model): World {
  const each = <T>(count: number, make: (index: number) => T) =>
    Array.from({ length: count }, (_, i) => make(i));
  return {
    clocks: each(model.workers, () => 0),
    workerRows: each(model.workers, () => [undefined]),
    shardRows: each(model.shards.length, (shard) => initialRows(model, shard)),
    processes: each(model.workers, () => endedProcess(model)),
    late: [],
    operator: undefined,
    done: each(model.shards.length, () => 0),
    lives: 0,
  };
}

export function endedProcess(model: Model): Process {
  return {
    life: 'ended',
    incarnation: '',
    state: 'starting',
    announced: false,
    beats: 1,
    stored: 1,
    renewedAt: 0,
    lost: false,
    heartbeat: undefined,
    fence: undefined,
    sightings: Array.from({ length: model.workers }, () => undefined),
    work: model.shards.map(() => IDLE),
  };
}

function initialRows(model: Model, shard: number): Versions {
  if (!model.synced && parentsOf(model, shard).length > 0) return [undefined];
  return [applyWrite(putWrite(model, shard), undefined).row, undefined].slice(0, 1 + model.staleness.shards);
}

export function putWrite(model: Model, shard: number): RowWrite {
  const lease = {
    shardId: shardName(shard),
    checkpoint: { at: 'TRIM_HORIZON' } as const,
    parents: parentsOf(model, shard).map(shardName),
    hashStart: '0',
    hashEnd: '0',
  };
  return model.protocol.writes.put(lease, NOW_MS);
}
