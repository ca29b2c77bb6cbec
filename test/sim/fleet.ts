import type { WorkerConfig } from '../../src/api/worker-config.ts';
import { MemoryKinesis } from '../../src/kinesis/memory-stream.ts';
import { decodeRows } from '../../src/leases/group-rows.ts';
import { isEnded } from '../../src/leases/lease.ts';
import { MemoryLeaseTable } from '../../src/leases/memory-lease-table.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { randomInt, seededRandom, type Random } from '../../src/lib/random.ts';
import { VirtualClock } from '../support/virtual-clock.ts';
import { DeliveryChecker } from './delivery-checker.ts';
import { SimWorker } from './sim-worker.ts';

export const STREAM = 'orders';

export interface FleetOptions {
  seed: number;
  shards: number;
  workers: number;
  /** Crashes, pauses, slow and failing calls, lost responses, stale reads. */
  faults: boolean;
  config?: Partial<WorkerConfig>;
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
  paused: false,
};

/** A whole group in one process on a virtual clock: everything that happens follows from the seed. */
export class Fleet {
  readonly clock = new VirtualClock();
  readonly random: Random;
  readonly kinesis: MemoryKinesis;
  readonly table: MemoryLeaseTable;
  readonly checker: DeliveryChecker;
  readonly workers: SimWorker[] = [];
  readonly trace: string[] = [];
  readonly config: WorkerConfig;
  #faults: boolean;
  #names = 0;
  readonly #keys: string[];
  readonly #numbers = new Map<string, number>();

  constructor(options: FleetOptions) {
    this.random = seededRandom(options.seed);
    this.#faults = options.faults;
    this.config = { ...CONFIG, ...options.config };
    this.kinesis = new MemoryKinesis({ clock: this.clock, transitionMs: 0 });
    this.kinesis.createStream({ name: STREAM, shardCount: options.shards });
    this.kinesis.latencyMs = () => this.#latency();
    this.kinesis.faults = (operation) =>
      this.#chance(0.02) ? new KcgError('Unavailable', `injected: ${operation}`) : undefined;
    this.#keys = Array.from({ length: options.shards * 4 }, (_, i) => `key-${i}`);
    this.checker = new DeliveryChecker(() => this.table);
    this.table = new MemoryLeaseTable({
      before: async (operation) => {
        await this.clock.sleep(this.#latency());
        if (this.#chance(0.02)) throw new KcgError('Throttled', `injected: ${operation}`);
      },
      after: async (operation) => {
        await this.clock.sleep(this.#latency());
        if (this.#chance(0.02)) throw new KcgError('Timeout', `injected after the effect: ${operation}`);
      },
      staleness: () => (this.#chance(0.2) ? randomInt(this.random, 3) : 0),
      onWrite: (write, before, result) => {
        if (write.name !== 'beat') this.note(`${write.name} ${write.key} ${result.outcome}`);
        this.checker.write(write, before, result);
      },
    });
    for (let i = 0; i < options.workers; i += 1) this.start();
  }

  start(revision = 0): SimWorker {
    const name = `worker-${this.#names++}`;
    const worker = new SimWorker(
      name,
      {
        table: this.table,
        kinesis: this.kinesis,
        clock: this.clock,
        random: this.random,
        config: this.config,
      },
      {
        onEvent: (who, event) => {
          if (event.type !== 'BatchDelivered') this.note(`${who} ${JSON.stringify(event)}`);
        },
        onDelivery: (who, incarnation, batch) => this.checker.delivery(who, incarnation, batch),
        onProcessed: (who, batch, count) => this.checker.processed(who, batch, count),
        handlerFault: () => (this.#chance(0.05) ? 'fail' : this.#chance(0.05) ? 'partial' : undefined),
        nudge: (_, address) => this.#nudge(address),
      },
      revision,
    );
    this.workers.push(worker);
    this.note(`start ${name}`);
    return worker;
  }

  running(): SimWorker[] {
    return this.workers.filter((worker) => !worker.isCrashed && worker.worker.state !== 'stopped');
  }

  /** Puts `count` numbered records of random keys. */
  produce(count: number): void {
    for (let i = 0; i < count; i += 1) {
      const key = this.#keys[randomInt(this.random, this.#keys.length)]!;
      const number = (this.#numbers.get(key) ?? 0) + 1;
      this.kinesis.putRecord(STREAM, { partitionKey: key, data: Buffer.from(String(number)) });
      this.#numbers.set(key, number);
      this.checker.produced(key, number);
    }
  }

  /** Shards split or merged at random; refused by the twin where it cannot be. */
  reshard(): void {
    const open = this.kinesis.listShards(STREAM, { filter: { type: 'AT_LATEST' } }).shards;
    const shard = open[randomInt(this.random, open.length)]!;
    const [low, high] = [BigInt(shard.hashStart), BigInt(shard.hashEnd)];
    const neighbour = open.find((other) => BigInt(other.hashStart) === high + 1n);
    const merge = neighbour !== undefined && open.length > 2 && this.random() < 0.5;
    this.note(merge ? `merge ${shard.shardId} ${neighbour.shardId}` : `split ${shard.shardId}`);
    if (merge) this.kinesis.mergeShards(STREAM, shard.shardId, neighbour.shardId);
    else this.kinesis.splitShard(STREAM, shard.shardId, String((low + high) / 2n + 1n));
  }

  /** Ends all trouble: paused processes go on, calls succeed. */
  heal(): void {
    this.#faults = false;
    for (const worker of this.workers) worker.resume();
    this.note('heal');
  }

  /** Moves time on, until `until` holds or the time is over; stops at the first violation. */
  async advance(ms: number, until: () => boolean = () => false): Promise<boolean> {
    for (let left = ms; left > 0 && this.checker.violations.length === 0; left -= 500) {
      if (until()) return true;
      await this.clock.advance(Math.min(left, 500));
    }
    return until();
  }

  /** Shard → owner of every shard that is not ended. */
  owners(): Map<string, string | undefined> {
    const { leases } = decodeRows(this.table.rows());
    return new Map(leases.filter((lease) => !isEnded(lease)).map((lease) => [lease.shardId, lease.owner]));
  }

  note(line: string): void {
    this.trace.push(`${(this.clock.monotonic() / 1000).toFixed(3).padStart(9)} ${line}`);
  }

  async #nudge(address: string): Promise<boolean> {
    const target = this.workers.find((worker) => worker.name === address);
    if (!target || target.isCrashed || target.isPaused || this.#chance(0.1)) return false;
    target.worker.nudged();
    return true;
  }

  #latency(): number {
    if (!this.#faults) return 2;
    return this.#chance(0.02) ? randomInt(this.random, 3_000) : 1 + randomInt(this.random, 20);
  }

  #chance(probability: number): boolean {
    return this.#faults && this.random() < probability;
  }
}
