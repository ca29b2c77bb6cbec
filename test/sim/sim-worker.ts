import type { WorkerConfig } from '../../src/api/worker-config.ts';
import type { StreamClient } from '../../src/kinesis/stream-client.ts';
import type { LeaseTable } from '../../src/leases/lease-table.ts';
import { formatRef } from '../../src/leases/lease.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Random } from '../../src/lib/random.ts';
import { Worker } from '../../src/runtime/worker.ts';
import type { WorkerEvent } from '../../src/runtime/worker-event.ts';
import type { DeliveryChecker } from './delivery-checker.ts';
import { SimHandler, type Mood } from './sim-handler.ts';
import { SimProgram } from './sim-program.ts';
import { SimLink, type Fate, type Weather } from './sim-link.ts';
import { SimDestination } from './sim-destination.ts';
import { SimProcess, worldClock, type ProcessClock } from './sim-process.ts';
import type { SimTime } from './sim-time.ts';

/** The services of one simulation, and what its faults ask of everybody. */
export interface World {
  time: SimTime;
  random: Random;
  table: LeaseTable;
  stream: StreamClient;
  checker: DeliveryChecker;
  config: WorkerConfig;
  /** Handlers checkpoint themselves. */
  programs: boolean;
  weather: () => Weather;
  mood: () => Mood;
  onCall: (worker: SimWorker, operation: string) => Partial<Fate> | undefined;
  onEvent: (worker: SimWorker, event: WorkerEvent) => void;
  nudge: (from: SimWorker, address: string, shardIds?: readonly string[]) => Promise<boolean>;
}

export interface SimWorkerOptions {
  pod: string;
  revision: number;
  restartedAt: number;
  clock: ProcessClock;
  handlerStartMs: number;
}

/** As the real clients have it. */
const TABLE_TIMEOUT_MS = 2_000;
const STREAM_TIMEOUT_MS = 10_000;

/** One worker process: the real worker, on clocks, links and a handler that can fail. */
export class SimWorker {
  readonly pod: string;
  readonly revision: number;
  readonly restartedAt: number;
  readonly process: SimProcess;
  readonly worker: Worker;
  /** What this worker cannot reach. */
  readonly cut = { table: false, stream: false, peers: false };
  incarnation = '';
  /** SIGTERM has been sent. */
  isTerminating = false;
  /** Of its handler; default: as everybody's. */
  mood: Mood | undefined;
  startedAt = 0;
  readonly #stop = new AbortController();

  constructor(world: World, { pod, revision, restartedAt, clock, handlerStartMs }: SimWorkerOptions) {
    const { time, random, weather, config, checker, mood } = world;
    this.pod = pod;
    this.revision = revision;
    this.restartedAt = restartedAt;
    this.process = new SimProcess(time, random, clock);
    const { process } = this;
    const onCall = (operation: string) => world.onCall(this, operation);
    const link = { time, random, process, weather, onCall };
    const toTable = new SimLink({ ...link, timeoutMs: TABLE_TIMEOUT_MS, isCut: () => this.cut.table });
    const toStream = new SimLink({ ...link, timeoutMs: STREAM_TIMEOUT_MS, isCut: () => this.cut.stream });
    this.worker = new Worker({
      config,
      identity: { worker: pod, podUid: `uid-${pod}`, node: 'node', address: pod, revision, restartedAt },
      table: tableOver(toTable, world.table),
      stream: streamOver(toStream, world.stream),
      handler: this.#handler(world, handlerStartMs),
      destination: new SimDestination({
        process,
        random,
        mood: () => this.mood ?? mood(),
        checker,
        ref: () => this.ref,
        streamNow: () => worldClock(time).now(),
      }),
      nudge: (address, shardIds) => world.nudge(this, address, shardIds),
      clock: process,
      random,
      log: silentLog,
      onEvent: (event) => {
        if (event.type === 'WorkerAnnounced') this.incarnation = event.incarnation;
        world.onEvent(this, event);
      },
    });
    this.worker.run(this.#stop.signal).then(
      () => process.kill(),
      (thrown: unknown) => {
        // A handler that does not stop ends with its process.
        if (KcgError.from(thrown).code === 'Timeout') return process.kill();
        checker.violations.push(`${pod} ended with ${KcgError.from(thrown).stack}`);
      },
    );
  }

  #handler({ time, random, mood, checker, programs }: World, startMs: number): SimHandler {
    const options = {
      process: this.process,
      random,
      mood: () => this.mood ?? mood(),
      checker,
      ref: () => this.ref,
      isEnding: () => this.worker.isEnding,
      streamNow: () => worldClock(time).now(),
      startMs,
    };
    return new SimHandler({
      ...options,
      ...(programs ? { open: (context) => new SimProgram(options, context) } : {}),
    });
  }

  /** As shard rows name the owner. */
  get ref(): string {
    return formatRef({ worker: this.pod, incarnation: this.incarnation });
  }

  get isAlive(): boolean {
    return this.process.state !== 'killed';
  }

  get isLive(): boolean {
    return this.process.state === 'running' && this.worker.state === 'live';
  }

  /** SIGTERM. */
  terminate(): void {
    this.isTerminating = true;
    this.process.deliver(() => this.#stop.abort(new KcgError('Aborted', 'SIGTERM')));
  }

  /** For the end of a simulation: signals that never abort would keep all of it in memory. */
  forget(): void {
    this.process.kill();
    this.#stop.abort(new KcgError('Aborted', 'the simulation is over'));
  }

  /** SIGKILL, or the machine is gone. */
  crash(): void {
    this.process.kill();
  }
}

function tableOver(link: SimLink, table: LeaseTable): LeaseTable {
  return {
    query: (rows, options) => link.call(`query ${rows}`, options.signal, () => table.query(rows, options)),
    get: (key, options) => link.call('get', options.signal, () => table.get(key, options)),
    write: (write, { signal } = {}) => link.call(write.name, signal, () => table.write(write)),
  };
}

function streamOver(link: SimLink, stream: StreamClient): StreamClient {
  return {
    describe: ({ signal } = {}) => link.call('DescribeStreamSummary', signal, () => stream.describe()),
    now: ({ signal } = {}) => link.call('DescribeStreamSummary', signal, () => stream.now()),
    listShards: (filter, { signal } = {}) => link.call('ListShards', signal, () => stream.listShards(filter)),
    getIterator: (shardId, position, { signal } = {}) =>
      link.call('GetShardIterator', signal, () => stream.getIterator(shardId, position)),
    getRecords: (iterator, limit, { signal } = {}) =>
      link.call('GetRecords', signal, () => stream.getRecords(iterator, limit)),
    async subscribe(request, { signal } = {}) {
      const subscription = await link.call('SubscribeToShard', signal, () => stream.subscribe(request));
      let isBroken = false;
      return {
        // A connection loses nothing in the middle: an event that does not come is the end of it.
        async next() {
          if (isBroken) return undefined;
          try {
            return await link.call('SubscribeToShardEvent', undefined, () => subscription.next());
          } catch (thrown) {
            isBroken = true;
            subscription.close();
            throw thrown;
          }
        },
        close: () => subscription.close(),
      };
    },
    close: () => {},
  };
}
