import type { WorkerConfig } from '../../src/api/worker-config.ts';
import { memoryStreamClient } from '../../src/kinesis/memory/stream-client.ts';
import { MemoryKinesis } from '../../src/kinesis/memory/stream.ts';
import { CLAIM_KEY } from '../../src/leases/row.ts';
import { MemoryLeaseTable, type MemoryTableHooks } from '../../src/leases/memory/lease-table.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { seededRandom } from '../../src/lib/random.ts';
import type { Handler } from '../../src/runtime/handlers/handler.ts';
import { Worker } from '../../src/runtime/worker.ts';
import type { WorkerEvent } from '../../src/runtime/worker-event.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

export const LEASE_MS = 6_000;
const STREAM = 'orders';
const CONFIG: WorkerConfig = {
  groupId: 'shop.orders',
  stream: { name: STREAM },
  region: 'eu-west-1',
  endpoints: {},
  table: 'checkpoints',
  initialPosition: { type: 'TrimHorizon' },
  maxRecords: 100,
  pollIntervalMs: 1_000,
  checkpointIntervalMs: 5_000,
  leaseDurationMs: LEASE_MS,
  handoffTimeoutMs: 30_000,
  maxLeases: 0,
  handler: { type: 'log' },
  batchSize: 10,
  batchWindowMs: 0,
  parallelizationFactor: 1,
  handlerTimeoutMs: 900_000,
  retry: { maxAttempts: -1, maxRecordAgeMs: -1, bisectOnError: false },
};

/** A worker without a process round it. */
export interface OneWorker {
  worker: Worker;
  events: WorkerEvent[];
  /** Done when it has stopped, also by itself. */
  running: Promise<void>;
  /** As SIGTERM; resolves when it has stopped. */
  stop(): Promise<void>;
  /** As kill −9: no call goes out or comes back any more. */
  crash(): void;
}

export interface WorkerChanges {
  config?: Partial<WorkerConfig>;
  revision?: number;
  handler?: Partial<Handler>;
  /** How far its wall clock is ahead of the stream's. */
  skewMs?: number;
}

/** Workers, table and stream in memory, on one virtual clock, without trouble. */
export class AGroup {
  readonly clock = new VirtualClock();
  readonly kinesis = new MemoryKinesis({ clock: this.clock, transitionMs: 0 });
  readonly table: MemoryLeaseTable;
  readonly #random = seededRandom(1);

  constructor(shards: number, hooks: MemoryTableHooks = {}) {
    this.table = new MemoryLeaseTable(hooks);
    this.kinesis.createStream({ name: STREAM, shardCount: shards });
  }

  start(name: string, { config, revision = 0, handler, skewMs = 0 }: WorkerChanges = {}): OneWorker {
    const clock: Clock = {
      now: () => this.clock.now() + skewMs,
      monotonic: () => this.clock.monotonic(),
      sleep: (ms, options) => this.clock.sleep(ms, options),
    };
    const events: WorkerEvent[] = [];
    const stop = new AbortController();
    let isCrashed = false;
    const gated = <T extends object>(target: T): T => {
      const gate = () => (isCrashed ? new Promise<void>(() => {}) : undefined);
      return new Proxy(target, {
        get(object, property) {
          const member: unknown = Reflect.get(object, property);
          if (typeof member !== 'function' || property === 'close') return member;
          return async (...args: unknown[]) => {
            await gate();
            const answer: unknown = await Reflect.apply(member, object, args);
            await gate();
            return answer;
          };
        },
      });
    };
    const worker = new Worker({
      config: { ...CONFIG, ...config },
      identity: { worker: name, podUid: '', node: '', address: name, revision, restartedAt: 0 },
      table: gated(this.table),
      stream: gated(memoryStreamClient(this.kinesis, STREAM)),
      handler: {
        kind: 'log',
        start: async () => {},
        handle: async () => ({ outcome: 'done' }),
        close: async () => {},
        ...handler,
      },
      nudge: async () => false,
      clock,
      random: this.#random,
      log: silentLog,
      onEvent: (event) => {
        if (!isCrashed) events.push(event);
      },
    });
    const running = worker.run(stop.signal);
    return {
      worker,
      events,
      running,
      stop: () => {
        stop.abort();
        return running;
      },
      crash: () => {
        isCrashed = true;
      },
    };
  }

  /** As the operator does it. */
  async pause(paused: boolean): Promise<void> {
    const change = paused ? { set: { paused: 1 } } : { remove: ['paused'] };
    await this.table.write({ name: 'pause', key: CLAIM_KEY, kind: 'update', when: [], proof: [], ...change });
  }

  put(data: string, partitionKey = 'a'): void {
    this.kinesis.putRecord(STREAM, { partitionKey, data: Buffer.from(data) });
  }

  split(shardId: string): void {
    this.kinesis.splitShard(STREAM, shardId, (2n ** 127n).toString());
  }

  /** Moves time until `promise` is done, at most ten minutes. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let done = false;
    void promise.catch(() => {}).then(() => (done = true));
    for (let i = 0; !done && i < 6_000; i += 1) await this.clock.advance(100);
    return promise;
  }
}
