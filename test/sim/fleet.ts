import type { WorkerConfig } from '../../src/api/worker-config.ts';
import { memoryStreamClient } from '../../src/kinesis/memory/stream-client.ts';
import { MemoryKinesis } from '../../src/kinesis/memory/stream.ts';
import type { StreamClient } from '../../src/kinesis/stream-client.ts';
import { decodeRows } from '../../src/leases/group-rows.ts';
import { isEnded } from '../../src/leases/lease.ts';
import { MemoryLeaseTable } from '../../src/leases/memory/lease-table.ts';
import { fenceWorker } from '../../src/leases/transitions.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { randomInt, seededRandom, type Random } from '../../src/lib/random.ts';
import { planFences } from '../../src/operator/plan/fence.ts';
import { DeliveryChecker } from './delivery-checker.ts';
import { CALM, type Mood } from './sim-handler.ts';
import { FAIR, type Fate, type Weather } from './sim-link.ts';
import { worldClock, type ProcessClock } from './sim-process.ts';
import { SimTime } from './sim-time.ts';
import { SimWorker, type World } from './sim-worker.ts';
import { Trace } from './trace.ts';

export const STREAM = 'orders';

/** With these, records of some keys pass no filter, and in some shards none does. */
export const FILTERS = ['{"partitionKey":[{"anything-but":{"suffix":["1","4","7"]}}]}'];
const UNWANTED = /[147]$/;

export interface FleetOptions {
  seed: number;
  shards: number;
  config?: Partial<WorkerConfig>;
  /** Read with a stream consumer. */
  fanOut?: boolean;
  /** Handlers checkpoint themselves. */
  programs?: boolean;
  /** Keys records are put under. */
  keys?: number;
}

export interface PodOptions {
  revision?: number;
  restartedAt?: number;
  clock?: ProcessClock | undefined;
}

const CONFIG: WorkerConfig = {
  groupId: 'shop.orders',
  stream: { name: STREAM },
  region: 'eu-west-1',
  endpoints: {},
  table: 'checkpoints',
  initialPosition: { type: 'TrimHorizon' },
  maxRecords: 1_000,
  pollIntervalMs: 1_000,
  checkpointIntervalMs: 2_000,
  leaseDurationMs: 6_000,
  handoffTimeoutMs: 5_000,
  maxLeases: 0,
  handler: { type: 'log' },
  batchSize: 10,
  batchWindowMs: 0,
  parallelizationFactor: 1,
  handlerTimeoutMs: 900_000,
  retry: { maxAttempts: -1, maxRecordAgeMs: -1, bisectOnError: false },
};

/** A whole group in one process: everything that happens follows from the seed. */
export class Fleet {
  readonly time = new SimTime();
  readonly random: Random;
  readonly kinesis: MemoryKinesis;
  readonly table: MemoryLeaseTable;
  readonly checker: DeliveryChecker;
  readonly config: WorkerConfig;
  readonly trace: Trace;
  /** Every process that was ever started. */
  readonly workers: SimWorker[] = [];
  weather: Weather = FAIR;
  mood: Mood = CALM;
  /** Versions that a read which is not strongly consistent is behind, asked item by item. */
  staleness: (key: string) => number = (key) => this.#young(key);
  /** Writes younger than this are not shown by such a read, ms. */
  readLagMs = 0;
  readonly #writtenAt = new Map<string, number[]>();
  /** Shards that no list shows now, though they are there. */
  unlisted: (shardId: string) => boolean = () => false;
  /** Called at every step of `advance`. */
  everyStep: () => void = () => {};
  /** Calls that left a process, by operation. */
  readonly calls = new Map<string, number>();
  /** Decides what becomes of a call, over the weather. */
  fate: (worker: SimWorker, operation: string) => Partial<Fate> | undefined = () => undefined;
  /** What machines' clocks may be off by. */
  clocks = { rate: 0, skewMs: 0 };
  readonly #world: World;
  #consumer: string | undefined;
  readonly #keys: string[];
  readonly #numbers = new Map<string, number>();
  /** A pod's processes run on one machine. */
  readonly #machines = new Map<string, ProcessClock>();
  #names = 0;

  constructor(options: FleetOptions) {
    const { seed, shards, config = {}, fanOut = false, programs = false, keys = shards * 4 } = options;
    this.random = seededRandom(seed);
    this.trace = new Trace(() => this.time.nowMs);
    this.kinesis = new MemoryKinesis({ clock: worldClock(this.time), transitionMs: 0, limits: false });
    this.kinesis.createStream({ name: STREAM, shardCount: shards });
    const reader = fanOut ? { consumerArn: this.#register() } : {};
    this.config = { ...CONFIG, ...reader, ...config };
    this.checker = new DeliveryChecker(
      (shardId) => {
        const shard = this.kinesis.stream(STREAM).shard(shardId);
        return shard.isOpen ? undefined : shard.children.map((child) => child.shardId);
      },
      { ...this.config, programs },
    );
    this.table = new MemoryLeaseTable({
      staleness: (key) => this.staleness(key),
      onWrite: (write, before, result) => {
        this.trace.write(write, before, result);
        if (result.outcome === 'done' && this.readLagMs > 0) this.#noteWrite(write.key);
        this.checker.write(write, before, result);
      },
    });
    this.#keys = Array.from({ length: keys }, (_, i) => `key-${i}`);
    this.#world = {
      time: this.time,
      random: this.random,
      table: this.table,
      stream: this.#stream(),
      checker: this.checker,
      config: this.config,
      programs,
      weather: () => this.weather,
      mood: () => this.mood,
      onCall: (worker, operation) => {
        this.calls.set(operation, (this.calls.get(operation) ?? 0) + 1);
        return this.fate(worker, operation);
      },
      onEvent: (worker, event) => {
        if (event.type === 'HandoffCancelled') this.checker.resumed(event.shardId);
        this.trace.event(worker.ref, event);
      },
      nudge: (from, address, shardIds) => this.#nudge(from, address, shardIds),
    };
  }

  /** What pods that start from now on read with, as after a change of the group's spec. */
  readWith(type: 'Polling' | 'EnhancedFanOut'): void {
    const { consumerArn: _, ...config } = this.#world.config;
    this.#world.config =
      type === 'Polling' ? config : { ...config, consumerArn: (this.#consumer ??= this.#register()) };
  }

  #stream(): StreamClient {
    const stream = memoryStreamClient(this.kinesis, STREAM);
    const listShards: StreamClient['listShards'] = async (filter, options) =>
      (await stream.listShards(filter, options)).filter(({ shardId }) => !this.unlisted(shardId));
    return { ...stream, listShards };
  }

  #register(): string {
    return this.kinesis.stream(STREAM).consumers.register('group', this.kinesis.clock.now()).arn;
  }

  #noteWrite(key: string): void {
    this.#writtenAt.set(key, [this.time.nowMs, ...(this.#writtenAt.get(key) ?? [])].slice(0, 8));
  }

  #young(key: string): number {
    const times = this.#writtenAt.get(key) ?? [];
    return times.filter((atMs) => this.time.nowMs - atMs < this.readLagMs).length;
  }

  startPod({ revision = 0, restartedAt = 0, clock }: PodOptions = {}): SimWorker {
    const pod = `pod-${String(this.#names++).padStart(3, '0')}`;
    if (clock) this.#machines.set(pod, clock);
    return this.#start(pod, revision, restartedAt);
  }

  /** The same pod's next process. */
  restart({ pod, revision, restartedAt }: SimWorker): SimWorker {
    return this.#start(pod, revision, restartedAt);
  }

  /** SIGTERM, and SIGKILL when the grace is over. */
  terminate(worker: SimWorker, graceMs: number): void {
    if (!worker.isAlive || worker.isTerminating) return;
    this.note(`terminate ${worker.pod}`);
    worker.terminate();
    this.time.after(graceMs, () => this.crash(worker));
  }

  crash(worker: SimWorker): void {
    if (!worker.isAlive) return;
    this.note(`kill ${worker.ref}`);
    worker.crash();
  }

  /** What the operator does once the kubelet has told it that the container of this worker ended just now. */
  terminationOf(worker: SimWorker): () => Promise<void> {
    const finishedAt = Math.floor(worker.process.now() / 1_000) * 1_000;
    const termination = { pod: worker.pod, podUid: `uid-${worker.pod}`, container: 'kcg', finishedAt };
    return async () => {
      for (const row of planFences(decodeRows(this.table.rows()).workers, [termination])) {
        this.note(`the operator fences ${row.worker}/${row.incarnation}`);
        await this.table.write(fenceWorker(row));
      }
      for (const other of this.alive()) other.process.deliver(() => other.worker.nudged());
    };
  }

  /** Processes that are not gone, paused ones too. */
  alive(): SimWorker[] {
    return this.workers.filter((worker) => worker.isAlive);
  }

  /** Puts `count` numbered records of random keys. */
  produce(count: number): void {
    for (let i = 0; i < count; i += 1) {
      const key = this.#keys[randomInt(this.random, this.#keys.length)]!;
      const number = (this.#numbers.get(key) ?? 0) + 1;
      const entry = { partitionKey: key, data: Buffer.from(String(number)) };
      const { shardId, sequence } = this.kinesis.putRecord(STREAM, entry);
      this.#numbers.set(key, number);
      if (this.config.filters && UNWANTED.test(key)) {
        this.checker.filtered(shardId, sequence);
        continue;
      }
      this.checker.produced(key, number, shardId, sequence, this.kinesis.clock.now());
    }
  }

  openShards() {
    return this.kinesis.listShards(STREAM, { filter: { type: 'AT_LATEST' }, maxResults: 10_000 }).shards;
  }

  /** One shard split, or two merged. */
  reshard(): void {
    const open = this.openShards().sort((a, b) => (BigInt(a.hashStart) < BigInt(b.hashStart) ? -1 : 1));
    const at = randomInt(this.random, open.length);
    const [shard, neighbour] = [open[at]!, open[at + 1]];
    if (neighbour && open.length > 2 && this.random() < 0.5) {
      this.note(`merge ${shard.shardId} and ${neighbour.shardId}`);
      this.kinesis.mergeShards(STREAM, shard.shardId, neighbour.shardId);
    } else {
      this.note(`split ${shard.shardId}`);
      const [low, high] = [BigInt(shard.hashStart), BigInt(shard.hashEnd)];
      this.kinesis.splitShard(STREAM, shard.shardId, String((low + high) / 2n + 1n));
    }
  }

  updateShardCount(target: number): void {
    try {
      this.kinesis.updateShardCount(STREAM, target);
      this.note(`update the shard count to ${target}`);
    } catch (thrown) {
      if (!(thrown instanceof KcgError)) throw thrown; // ten times a day, at most
    }
  }

  /** Lets time pass, until `until` holds or it is over; stops at the first violation. */
  async advance(ms: number, until?: () => boolean): Promise<boolean> {
    for (let left = ms; left > 0 && this.checker.violations.length === 0; left -= 500) {
      this.everyStep();
      if (until?.()) return true;
      await this.time.advance(Math.min(left, 500));
    }
    return until?.() ?? this.checker.violations.length === 0;
  }

  /** What is not as it should be once nothing fails any more. */
  unsettled(): string[] {
    const lost = this.checker.lost();
    return lost.length > 0 ? lost : this.unplaced();
  }

  /** Shards that no running worker owns, that have not ended though they should, and counts that are not even. */
  unplaced(): string[] {
    const problems: string[] = [];
    const { leases } = decodeRows(this.checker.rows());
    const live = new Map(this.alive().map((worker) => [worker.ref, 0]));
    const known = new Set(leases.map((lease) => lease.shardId));
    const open = new Set(this.openShards().map((shard) => shard.shardId));
    for (const shardId of open) if (!known.has(shardId)) problems.push(`${shardId} has no row`);
    for (const lease of leases) {
      if (isEnded(lease)) continue;
      const held = lease.owner === undefined ? undefined : live.get(lease.owner);
      if (held === undefined) problems.push(`${lease.shardId} is owned by ${lease.owner}`);
      else live.set(lease.owner!, held + 1);
      if (!open.has(lease.shardId)) problems.push(`${lease.shardId} is closed and has not ended`);
    }
    const counts = [...live.values()];
    if (Math.max(...counts) - Math.min(...counts) > 1) problems.push(`held: ${counts.join(', ')}`);
    return problems;
  }

  note(line: string): void {
    this.trace.note(line);
  }

  #start(pod: string, revision: number, restartedAt: number): SimWorker {
    const worker = new SimWorker(this.#world, {
      pod,
      revision,
      restartedAt,
      clock: this.#clock(pod),
      handlerStartMs: 100 + randomInt(this.random, 2_000),
    });
    this.workers.push(worker);
    this.note(`start ${pod}, revision ${revision}`);
    return worker;
  }

  #clock(pod: string): ProcessClock {
    const spread = (most: number) => (2 * this.random() - 1) * most;
    let clock = this.#machines.get(pod);
    if (!clock) {
      clock = { rate: 1 + spread(this.clocks.rate), skewMs: spread(this.clocks.skewMs) };
      this.#machines.set(pod, clock);
    }
    return clock;
  }

  #nudge(from: SimWorker, address: string, shardIds?: readonly string[]): Promise<boolean> {
    const target = this.workers.findLast((worker) => worker.pod === address);
    return new Promise((resolve) => {
      const answer = (afterMs: number, took: boolean) => {
        this.time.after(afterMs, () => from.process.deliver(() => resolve(took)));
      };
      const isLost = from.cut.peers || target?.cut.peers || this.random() < this.weather.answerLost;
      if (isLost || target?.process.state !== 'running') return answer(500, false);
      this.time.after(1 + this.random() * 5, () =>
        target.process.deliver(() => target.worker.nudged(shardIds)),
      );
      answer(10, true);
    });
  }
}
