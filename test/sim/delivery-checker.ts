import type { WorkerConfig } from '../../src/api/worker-config.ts';
import type { UserRecord } from '../../src/kinesis/record.ts';
import { compareCheckpoints } from '../../src/kinesis/position.ts';
import { decodeClaim } from '../../src/leases/claim.ts';
import { decodeLease, formatRef, isEnded, parseRef, type Lease } from '../../src/leases/lease.ts';
import { CLAIM_KEY, workerKey, type Row } from '../../src/leases/row.ts';
import type { RowWrite, WriteResult } from '../../src/leases/row-write.ts';
import { decodeWorker } from '../../src/leases/worker-row.ts';
import { laneOf } from '../../src/runtime/delivery/lane-of.ts';
import type { GivenUpBatch } from '../../src/runtime/failure/failure-destination.ts';
import type { Batch } from '../../src/runtime/handlers/handler.ts';
import { FailedAttempts } from './failed-attempts.ts';
import { isTimeUp } from './sim-handler.ts';
import { ShardLog } from './shard-log.ts';
import type { SimProcess } from './sim-process.ts';

interface Delivery {
  ref: string;
  lane: number;
  process: SimProcess;
  signal: AbortSignal;
}

interface KeyProgress {
  put: number;
  processed: number;
  /** Numbers up to this one were put before the group began (`Latest`): they may be left out. */
  before: number;
  arrivals: number[];
}

export interface OwnerChange {
  shardId: string;
  by: string;
  /** Refs. */
  from: string | undefined;
  to: string | undefined;
}

/** What must hold at every step, whatever happens. */
export class DeliveryChecker {
  readonly #rows = new Map<string, Row>();
  readonly #shards = new Map<string, ShardLog>();
  readonly #keys = new Map<string, KeyProgress>();
  /** Refs that a worker row has shown. */
  readonly #incarnations = new Set<string>();
  /** Refs of lives whose lease ran out while they stood still. */
  readonly #sleptThrough = new Set<string>();
  readonly #running = new Map<string, Set<Delivery>>();
  /** Of a closed shard; undefined while it is open. */
  readonly #childrenOf: (shardId: string) => string[] | undefined;
  #startAt: number | undefined;
  readonly violations: string[] = [];
  deliveries = 0;
  givenUpRecords = 0;
  duplicates = 0;
  /** In the order they happened. */
  readonly changes: OwnerChange[] = [];

  readonly #lanes: number;
  /** Handlers checkpoint themselves. */
  readonly #programs: boolean;
  /** Shards whose end a program has checkpointed. */
  readonly #endsDone = new Set<string>();
  readonly attempts: FailedAttempts;

  constructor(
    childrenOf: (shardId: string) => string[] | undefined,
    {
      parallelizationFactor,
      retry,
      programs,
    }: Pick<WorkerConfig, 'parallelizationFactor' | 'retry'> & { programs: boolean },
  ) {
    this.#programs = programs;
    this.#childrenOf = childrenOf;
    this.#lanes = parallelizationFactor;
    this.attempts = new FailedAttempts(retry);
  }

  /** A record that passes no filter: it is not to be delivered. */
  filtered(shardId: string, sequence: string): void {
    this.#shard(shardId).filtered(sequence);
  }

  produced(key: string, number: number, shardId: string, sequence: string, arrivedAt: number): void {
    this.#shard(shardId).append(key, sequence, arrivedAt);
    let progress = this.#keys.get(key);
    if (!progress) this.#keys.set(key, (progress = { put: 0, processed: 0, before: 0, arrivals: [] }));
    progress.put = number;
    if (this.#startAt === undefined) progress.arrivals.push(arrivedAt);
    else if (arrivedAt < this.#startAt) progress.before = number;
  }

  /** Whoever stood still for longer than its lease begins nothing more, even if nobody has taken its shards. */
  sleptThrough(ref: string): void {
    this.#sleptThrough.add(ref);
  }

  /**
   * A batch is handed over. Nobody else may be at work on the shard, nor the same worker on the same lane, and the table
   * must say that it is theirs.
   */
  delivered(
    ref: string,
    { shardId, records }: Batch,
    process: SimProcess,
    signal: AbortSignal,
  ): { over(): void } {
    this.deliveries += 1;
    const lease = this.#lease(shardId);
    if (lease?.owner !== ref) this.#fail(`${ref} delivers ${shardId}, owned by ${lease?.owner}`);
    if (this.#isDead(ref)) this.#fail(`${ref} delivers ${shardId} though it is dead`);
    if (this.#sleptThrough.has(ref))
      this.#fail(`${ref} delivers ${shardId} though it slept through its lease`);
    for (const parent of lease?.parents ?? []) {
      const row = this.#lease(parent);
      if (row && !isEnded(row)) this.#fail(`${shardId} is read before its parent ${parent} has ended`);
    }
    const problem = this.#shard(shardId).delivered(records);
    if (problem) this.#fail(`${ref} on ${shardId}: ${problem}`);
    let running = this.#running.get(shardId);
    if (!running) this.#running.set(shardId, (running = new Set()));
    const lane = laneOf(records[0]!.partitionKey, this.#lanes);
    for (const other of running) {
      const goesOn = other.ref === ref && isTimeUp(other.signal);
      if ((other.signal.aborted && !goesOn) || other.process.state !== 'running') continue;
      if (other.ref === ref && other.lane !== lane) continue;
      this.#fail(`${ref} delivers ${shardId} while ${other.ref} is at work on it`);
    }
    const delivery = { ref, lane, process, signal };
    running.add(delivery);
    return { over: () => running.delete(delivery) };
  }

  /** A handler that answers for whole batches gets one: `attempt` 1 = for the first time. `nowMs`: by the stream's clock. */
  tried(ref: string, { shardId, records }: Batch, attempt: number, nowMs: number): void {
    const lane = `${ref} ${shardId} ${laneOf(records[0]!.partitionKey, this.#lanes)}`;
    const problem = this.attempts.tried(lane, records, attempt, nowMs);
    if (problem) this.#fail(`${ref} on ${shardId}: ${problem}`);
  }

  /** The handler is done with the first `count` records. `inTime`: nobody had told it to stop. */
  processed(
    ref: string,
    shardId: string,
    records: readonly UserRecord[],
    count: number,
    inTime: boolean,
  ): void {
    const isOwner = inTime && this.owns(ref, shardId);
    this.duplicates += this.#shard(shardId).processed(records, count, isOwner);
    for (const { partitionKey, data } of records.slice(0, count)) {
      const progress = this.#keys.get(partitionKey)!;
      const number = Number(Buffer.from(data).toString());
      if (number > Math.max(progress.processed, progress.before) + 1)
        this.#fail(`${ref} processed ${partitionKey}/${number} right after ${progress.processed}`);
      progress.processed = Math.max(progress.processed, number);
    }
  }

  /** As the table has it. */
  owns(ref: string, shardId: string): boolean {
    return this.#lease(shardId)?.owner === ref && !this.#isDead(ref);
  }

  /** A program is opened for a shard. */
  programStarts(ref: string, shardId: string): void {
    if (this.#lease(shardId)?.owner === ref) this.#shard(shardId).begins();
  }

  /** The worker has taken a program's checkpoint. */
  checkpointed(ref: string, shardId: string, sequence: string): void {
    if (this.owns(ref, shardId)) this.#shard(shardId).accepted(sequence);
  }

  checkpointedEnd(shardId: string): void {
    this.#endsDone.add(shardId);
  }

  /** A destination has what was given up. `inTime`: nobody had told the worker to stop. */
  givenUp(ref: string, givenUp: GivenUpBatch, inTime: boolean, nowMs: number): void {
    const { shardId, records } = givenUp;
    const problem = this.attempts.givenUp(ref, givenUp, nowMs);
    if (problem) this.#fail(`${ref} on ${shardId}: ${problem}`);
    this.givenUpRecords += records.length;
    this.processed(ref, shardId, records, records.length, inTime);
  }

  /** Its owner goes on reading at its last checkpoint, as a hand-off was given up. */
  resumed(shardId: string): void {
    this.#shard(shardId).goesOnFromFinished();
    // What did not stop in time for the hand-over is not waited for again.
    this.#running.delete(shardId);
  }

  /** The table has taken or refused a write. */
  write({ key, name }: RowWrite, before: Row | undefined, { outcome, row }: WriteResult): void {
    if (outcome === 'lost') return;
    if (row === undefined) this.#rows.delete(key);
    else this.#rows.set(key, row);
    if (row === undefined || row === before) return;
    if (key === CLAIM_KEY) return this.#pinned(row);
    if (key.startsWith('worker#')) return this.#workerWrite(name, before, row);
    this.#shardWrite(name, before && decodeLease(before), decodeLease(row));
  }

  row(key: string): Row | undefined {
    return this.#rows.get(key);
  }

  rows(): Row[] {
    return [...this.#rows.values()];
  }

  /** Keys of which not everything is processed. */
  lost(): string[] {
    return [...this.#keys]
      .filter(([, { put, processed, before }]) => Math.max(processed, before) < put)
      .map(([key, { put, processed }]) => `${key}: ${processed} of ${put} processed`);
  }

  /** After a clean stop of everybody: every checkpoint is where processing is. */
  unwritten(): string[] {
    return [...this.#shards].flatMap(([shardId, log]) => {
      const lease = this.#lease(shardId);
      const problem = lease && log.left(lease.checkpoint);
      return problem ? [`${shardId}: ${problem}`] : [];
    });
  }

  #shardWrite(name: string, before: Lease | undefined, lease: Lease): void {
    const { shardId } = lease;
    const fail = (what: string) => this.#fail(`${name} of ${shardId}: ${what}`);
    if (lease.ttl !== undefined && !isEnded(lease)) fail('a live checkpoint expires');
    if (before === undefined) return;
    if (lease.owner && lease.owner === before.owner)
      this.attempts.shows(lease.owner, shardId, lease.unfinished?.begun);
    const log = this.#shard(shardId);
    const changed = before.owner !== lease.owner;
    if (lease.epoch < before.epoch || (changed && lease.epoch === before.epoch))
      fail('the epoch did not grow');
    if (compareCheckpoints(lease.checkpoint, before.checkpoint) < 0) fail('the checkpoint went back');
    if (isEnded(lease) && !isEnded(before)) this.#ended(lease, fail);
    const ahead = this.#programs ? log.unaccepted(lease.checkpoint) : log.ahead(lease.checkpoint);
    if (ahead) fail(ahead);
    if (!changed) return;
    this.changes.push({ shardId, by: name, from: before.owner, to: lease.owner });
    if (before.owner !== undefined && name === 'take') {
      if (!this.#isDead(before.owner)) fail(`its owner ${before.owner} lives`);
      return log.goesOnFrom(lease.checkpoint);
    }
    const left = log.left(lease.checkpoint);
    if (left) fail(left);
    log.goesOnFrom(lease.checkpoint); // what other lanes have done beyond it
  }

  #ended({ shardId }: Lease, fail: (what: string) => void): void {
    const children = this.#childrenOf(shardId);
    if (!children) fail('the shard is open');
    for (const child of children ?? []) if (!this.#rows.has(child)) fail(`its child ${child} has no row`);
    const log = this.#shard(shardId);
    if (!log.isAllProcessed()) fail('not everything in it is processed');
    if (this.#programs && !this.#endsDone.has(shardId)) fail('no program has checkpointed its end');
  }

  #workerWrite(name: string, before: Row | undefined, row: Row): void {
    const [old, next] = [before && decodeWorker(before), decodeWorker(row)];
    const fail = (what: string) => this.#fail(`${name} of ${next.worker}/${next.incarnation}: ${what}`);
    if (old?.incarnation === next.incarnation) {
      if (old.state === 'dead' && next.state !== 'dead') fail('the dead lives again');
      if (old.beat > next.beat) fail(`beat ${next.beat} after ${old.beat}`);
    } else if (old !== undefined && this.#incarnations.has(formatRef(next))) {
      // (On no row at all, a late announcement of somebody who is gone is a ghost: it owns nothing, and lapses.)
      fail('the replaced comes back');
    }
    this.#incarnations.add(formatRef(next));
  }

  #pinned(row: Row): void {
    const { startAt } = decodeClaim(row);
    if (startAt === undefined || this.#startAt !== undefined) return;
    this.#startAt = startAt;
    for (const log of this.#shards.values()) log.startAt = startAt;
    for (const progress of this.#keys.values()) {
      progress.before = progress.arrivals.filter((at) => at < startAt).length;
      progress.arrivals = [];
    }
  }

  #isDead(ref: string): boolean {
    const { worker, incarnation } = parseRef(ref);
    const row = this.#rows.get(workerKey(worker));
    return row === undefined || row['incarnation'] !== incarnation || row['state'] === 'dead';
  }

  #lease(shardId: string): Lease | undefined {
    const row = this.#rows.get(shardId);
    return row && decodeLease(row);
  }

  #shard(shardId: string): ShardLog {
    let log = this.#shards.get(shardId);
    if (!log) {
      log = new ShardLog(this.#lanes);
      log.startAt = this.#startAt;
      this.#shards.set(shardId, log);
    }
    return log;
  }

  #fail(violation: string): void {
    this.violations.push(violation);
  }
}
