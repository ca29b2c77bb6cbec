import { wantsLongTests } from '../support/long-tests.ts';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { encodeWorkerConfig, WORKER_CONFIG_ENV, type WorkerConfig } from '../../src/api/worker-config.ts';
import { startCollector, type Collector } from '../../src/dev/demo/collector.ts';
import { startLocalDynamoDb } from '../../src/dev/dynamodb/server.ts';
import { startLocalKinesis, type LocalKinesis } from '../../src/dev/kinesis/server.ts';
import { LOCAL_CREDENTIALS } from '../../src/dev/local-mode.ts';
import { produce } from '../../src/dev/demo/producer.ts';
import { createDynamoDbClient } from '../../src/aws/dynamodb-client.ts';
import { openLeaseTable } from '../../src/leases/dynamodb/lease-table.ts';
import { parseRef } from '../../src/leases/lease.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog as log } from '../../src/lib/log.ts';
import { seededRandom, type Random } from '../../src/lib/random.ts';
import { DynamoDbProcess } from './dynamodb-process.ts';
import { FleetWorker, type Proxies } from './fleet-worker.ts';
import { NAMES } from './lose-names.ts';
import { ChaosProxy, type Faults } from './proxy.ts';
import { TableWatch } from './table-watch.ts';
import { selfSigned, startTls, type Identity } from './tls.ts';
import { breaches } from './trace.ts';
import { KCG } from '../support/kcg-program.ts';
import { createTable } from '../support/local-table.ts';

export interface FleetOptions {
  /** For the figures. */
  name: string;
  /** One of each file runs with every `npm test`, the others where long tests run. */
  everyRun?: boolean;
  /** Workers at the beginning: `w1`, `w2`, …. */
  workers?: number;
  shards?: number;
  leaseMs?: number;
  recordsPerSecond?: number;
  /** Each worker reaches both servers through proxies of its own; `tls`: which see only what TLS lets them. */
  proxied?: boolean | 'tls';
  /** DynamoDB is a process of its own with its rows on disk: `killTable`, `startTable`. */
  tableOnDisk?: boolean;
  /** Workers know both servers by names, which they can lose. */
  named?: boolean;
  config?: Partial<WorkerConfig>;
  env?: NodeJS.ProcessEnv;
}

export interface WorkerStart {
  name?: string;
  env?: NodeJS.ProcessEnv;
  endpoints?: WorkerConfig['endpoints'];
  /** Given program and arguments of the worker, what to run instead. */
  wrap?: (command: string[]) => string[];
  /** Through these, where the fleet is proxied; a worker started anew keeps its own. */
  proxies?: Proxies;
}

/** Where the table is. */
type TableServer = Pick<DynamoDbProcess, 'endpoint' | 'close'>;

const STREAM = 'orders';
const TABLE = 'checkpoints';
const GROUP = 'shop.orders';
/** Where every process waits long for its turn, a lease of 3 s runs out without any chaos. */
const busy = () => Math.min(8, Math.max(1, loadavg()[0]! / availableParallelism() / 2));
/** Nothing here takes as long on a machine that works at all. */
const PATIENCE_MS = 300_000;
const RUNS = Number(process.env['KCG_CHAOS_RUNS'] ?? 1);
const SEED = Number(process.env['KCG_CHAOS_SEED'] ?? 1);
/** Fleets of one file at the same time: their servers are all in this one process. */
const SLOTS = 3;

/** Real worker processes on local servers, without an operator, and a producer that goes on all the time. */
export class Fleet {
  readonly options: FleetOptions;
  readonly name: string;
  readonly kinesis: LocalKinesis;
  readonly dynamodb: TableServer;
  readonly workers: FleetWorker[] = [];
  readonly watch: TableWatch;
  readonly shardIds: readonly string[];
  readonly random: Random;
  readonly leaseMs: number;
  readonly #collector: Collector;
  readonly #folder: string;
  readonly #client;
  readonly #stopProducing = new AbortController();
  readonly #producing: Promise<void>;
  readonly #proxies: ChaosProxy[] = [];
  #faults: Faults = {};
  readonly #identity: Identity | undefined;
  readonly #closeTls: (() => void)[] = [];

  private constructor(
    options: FleetOptions,
    seed: number,
    servers: {
      kinesis: LocalKinesis;
      dynamodb: TableServer;
      collector: Collector;
      watch: TableWatch;
      client: ReturnType<typeof createDynamoDbClient>;
      folder: string;
    },
  ) {
    const { kinesis, dynamodb, collector, watch, client, folder } = servers;
    this.options = options;
    this.name = `${options.name} (seed ${seed})`;
    this.random = seededRandom(seed);
    this.kinesis = kinesis;
    this.dynamodb = dynamodb;
    this.#collector = collector;
    this.watch = watch;
    this.#client = client;
    this.#folder = folder;
    this.leaseMs = Math.round(busy() * (options.leaseMs ?? 3_000));
    this.#identity = options.proxied === 'tls' ? selfSigned() : undefined;
    if (this.#identity) writeFileSync(join(this.#folder, 'ca.pem'), this.#identity.cert);
    this.shardIds = kinesis.kinesis.listShards(STREAM, {}).shards.map(({ shardId }) => shardId);
    const { recordsPerSecond = 100 } = options;
    const producer = { kinesis: kinesis.kinesis, stream: STREAM, tally: collector.tally, clock };
    this.#producing = produce(
      { ...producer, random: this.random, recordsPerSecond, keys: 64 },
      this.#stopProducing.signal,
    );
  }

  /** Resolves when every shard is read, and every worker has one. */
  static async start(options: FleetOptions, seed: number): Promise<Fleet> {
    Object.assign(process.env, LOCAL_CREDENTIALS);
    const kinesis = await startLocalKinesis({ clock, log });
    const folder = mkdtempSync(join(tmpdir(), 'kcg-chaos-'));
    const dynamodb = options.tableOnDisk
      ? await DynamoDbProcess.start(join(folder, 'tables'))
      : await startLocalDynamoDb({ clock, log });
    const collector = await startCollector(clock);
    kinesis.kinesis.createStream({ name: STREAM, shardCount: options.shards ?? 6 });
    await kinesis.kinesis.whenCreated(STREAM);
    const client = createDynamoDbClient({ region: 'eu-west-1', endpoint: dynamodb.endpoint });
    await createTable(client, TABLE);
    const keySchema = 'group_id HASH, shard_id RANGE';
    const table = { client, clock, tableName: TABLE, groupId: GROUP, keySchema, callTimeoutMs: 10_000 };
    const watch = new TableWatch(await openLeaseTable(table));
    const fleet = new Fleet(options, seed, { kinesis, dynamodb, collector, watch, client, folder });
    const { workers = 3 } = options;
    try {
      for (let i = 0; i < workers; i += 1) await fleet.add();
      await fleet.until('every worker has a shard', () =>
        fleet.alive.every((worker) => worker.trace.shardIds.length > 0),
      );
      if (workers > 0) await fleet.readAgain();
    } catch (error) {
      await fleet.close();
      throw error;
    }
    return fleet;
  }

  get tally() {
    return this.#collector.tally;
  }

  /** The ways of those who live to one of the servers. */
  ways(to: keyof Proxies): ChaosProxy[] {
    return this.alive.flatMap(({ proxies }) => proxies?.[to] ?? []);
  }

  /** All ways of those who live, and of those who come, are so from now on. */
  spoil(faults: Faults): void {
    this.#faults = faults;
    for (const proxy of this.#proxies) proxy.faults = faults;
  }

  /** DynamoDB ends at once, with all its connections. */
  async killTable(): Promise<void> {
    expect(this.dynamodb).toBeInstanceOf(DynamoDbProcess);
    await (this.dynamodb as DynamoDbProcess).kill();
  }

  async startTable(): Promise<void> {
    await (this.dynamodb as DynamoDbProcess).start();
  }

  /** How often each fault has happened. */
  faultCounts(): Record<string, number> {
    const sums: Record<string, number> = {};
    for (const { counts } of this.#proxies) {
      for (const [fault, times] of counts) sums[fault] = (sums[fault] ?? 0) + times;
    }
    return sums;
  }

  /** How often that was said, by all together. */
  sum(message: string): number {
    return this.workers.reduce((count, { trace }) => count + trace.count(message), 0);
  }

  get alive(): FleetWorker[] {
    return this.workers.filter((worker) => worker.isAlive);
  }

  async add({
    name = `w${this.workers.length + 1}`,
    env,
    endpoints,
    wrap,
    proxies,
  }: WorkerStart = {}): Promise<FleetWorker> {
    if (this.options.proxied) {
      proxies ??= {
        kinesis: await this.#proxy(this.kinesis.endpoint),
        dynamodb: await this.#proxy(this.dynamodb.endpoint),
      };
    }
    const local = {
      kinesis: this.#url('kinesis', proxies?.kinesis.port ?? portOf(this.kinesis.endpoint)),
      dynamodb: this.#url('dynamodb', proxies?.dynamodb.port ?? portOf(this.dynamodb.endpoint)),
    };
    const blockFile = join(this.#folder, `block-${this.workers.length}`);
    const noNamesFile = join(this.#folder, `no-names-${this.workers.length}`);
    const names = this.options.named ? ['--import', join(import.meta.dirname, 'lose-names.ts')] : [];
    const command = [process.execPath, ...names, KCG, 'worker'];
    const worker = new FleetWorker({
      name,
      command: wrap ? wrap(command) : command,
      blockFile,
      noNamesFile,
      proxies,
      env: {
        ...process.env,
        [WORKER_CONFIG_ENV]: encodeWorkerConfig({
          ...this.#config(),
          endpoints: { ...local, ...endpoints },
          ...this.options.config,
        }),
        COLLECTOR_URL: this.#collector.url,
        CHAOS_BLOCK_FILE: blockFile,
        CHAOS_NO_NAMES: noNamesFile,
        KCG_POD_NAME: name,
        KCG_HOST: '127.0.0.1',
        KCG_PORT: '0',
        KCG_EXIT_WITH_PARENT: 'true',
        ...(this.#identity ? { NODE_EXTRA_CA_CERTS: join(this.#folder, 'ca.pem') } : {}),
        ...this.options.env,
        ...env,
      },
    });
    this.workers.push(worker);
    return worker;
  }

  /** The same pod once more, after its process has ended. */
  again(worker: FleetWorker): Promise<FleetWorker> {
    return this.add({ name: worker.name, ...(worker.proxies ? { proxies: worker.proxies } : {}) });
  }

  /** One that has shards now, which on a busy machine need not be so a second later, and the others. */
  async pick(): Promise<[busy: FleetWorker, others: FleetWorker[]]> {
    const find = () => this.alive.find((worker) => worker.trace.shardIds.length > 0);
    await this.until('a worker has a shard', () => find() !== undefined);
    const busy = find()!;
    return [busy, this.alive.filter((worker) => worker !== busy)];
  }

  /** Resolves when each shard has been delivered from since now, by one of `by`; returns the seconds that took. */
  async readAgain(by: readonly FleetWorker[] = this.workers): Promise<number> {
    const fromMs = clock.monotonic();
    const names = new Set(by.map((worker) => worker.name));
    await this.until('all shards are read again', () =>
      this.shardIds.every((shardId) => {
        const latest = this.tally.latest(shardId);
        return latest !== undefined && latest.atMs > fromMs && names.has(latest.pod);
      }),
    );
    return (clock.monotonic() - fromMs) / 1_000;
  }

  /** Resolves when each worker has its share and nothing is on its way to another. */
  settled(): Promise<void> {
    const share = this.shardIds.length / this.alive.length;
    return this.until('the shards are spread', () =>
      this.alive.every(({ trace }) => trace.shardIds.length === share),
    );
  }

  /** Sees the rows as they are now. On a busy machine the first call may run out of time. */
  async look(): Promise<void> {
    const isSeen = () =>
      this.watch.look().then(
        () => true,
        () => false,
      );
    await this.until('the table can be read', isSeen);
  }

  /** Resolves when the table names somebody who lives as the owner of each shard. */
  async allOwned(by: readonly FleetWorker[] = this.alive): Promise<void> {
    const names = new Set(by.map((worker) => worker.name));
    await this.until(`all shards are owned by ${[...names].join(', ')}`, async () => {
      await this.look();
      const { leases } = this.watch;
      return (
        leases.length === this.shardIds.length &&
        leases.every(({ owner }) => owner !== undefined && names.has(parseRef(owner).worker))
      );
    });
  }

  /** Ends producing and proves that all is processed, once and again in order, by one owner at a time. */
  async prove(figures: Record<string, number> = {}): Promise<void> {
    this.#stopProducing.abort();
    await this.#producing;
    await this.until('everything put is processed', () => this.tally.result().lost === 0).catch(() => {});
    await this.look();
    const { produced, lost, duplicated, outOfOrder } = this.tally.result();
    const silence = this.tally.longestGapMs(this.shardIds) / 1_000;
    const all = Object.entries({ ...figures, 'longest silence s': silence, produced, duplicated });
    const texts = all.map(([what, n]) => `${what} ${Number.isInteger(n) ? n : n.toFixed(1)}`);
    console.log(`${this.name}: ${texts.join(', ')}`);
    expect({ lost, outOfOrder }, this.story()).toEqual({ lost: 0, outOfOrder: 0 });
    const batches = this.workers.flatMap((worker) => worker.trace.spans).length;
    expect(batches, 'batches that said they began').toBeGreaterThan(0);
    expect(breaches(this.workers.map((worker) => worker.trace)), this.story()).toEqual([]);
    expect(this.watch.breaches).toEqual([]);
  }

  /** @throws Error with what the workers said, when it takes longer than anything here may */
  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    await until(what, holds).catch((cause: unknown) => {
      throw new Error(`${this.name}: gave up waiting until ${what}\n${this.story()}`, { cause });
    });
  }

  /** What the workers said, less the batches: for a failure. */
  story(): string {
    const lines = this.workers.flatMap(({ name, trace, exit }) => [
      ...trace.lines.filter((line) => !line.message.startsWith('batch ')).map((line) => JSON.stringify(line)),
      ...trace.rest.map((line) => `${name}: ${line}`),
      ...(exit ? [`${name} ended: ${exit.code ?? exit.signal}`] : []),
    ]);
    return lines.sort().slice(-120).join('\n');
  }

  async close(): Promise<void> {
    this.#stopProducing.abort();
    await Promise.all([this.#producing, this.watch.stop(), ...this.workers.map((worker) => worker.kill())]);
    for (const proxy of this.#proxies) proxy.faults = {};
    await Promise.all(this.#proxies.map((proxy) => proxy.refuse()));
    for (const close of this.#closeTls) close();
    this.#client.destroy();
    await Promise.all([this.kinesis.close(), this.dynamodb.close(), this.#collector.close()]);
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #url(server: keyof Proxies, port: number): string {
    const host = this.options.named ? `${server}${NAMES}` : '127.0.0.1';
    return `${this.#identity ? 'https' : 'http'}://${host}:${port}`;
  }

  async #proxy(endpoint: string): Promise<ChaosProxy> {
    let port = portOf(endpoint);
    if (this.#identity) {
      const tls = await startTls(port, this.#identity);
      this.#closeTls.push(() => tls.close());
      ({ port } = tls);
    }
    const proxy = await ChaosProxy.start(port, this.random);
    proxy.faults = this.#faults;
    this.#proxies.push(proxy);
    return proxy;
  }

  #config(): WorkerConfig {
    return {
      groupId: GROUP,
      stream: { name: STREAM },
      region: 'eu-west-1',
      endpoints: {},
      table: TABLE,
      initialPosition: { type: 'TrimHorizon' },
      maxRecords: 1_000,
      pollIntervalMs: 250,
      checkpointIntervalMs: 500,
      leaseDurationMs: this.leaseMs,
      handoffTimeoutMs: 5_000,
      maxLeases: 0,
      handler: { type: 'module', path: join(import.meta.dirname, 'tracing-handler.ts') },
      batchSize: 20,
      batchWindowMs: 0,
      parallelizationFactor: 1,
      handlerTimeoutMs: 900_000,
      retry: { maxAttempts: -1, maxRecordAgeMs: -1, bisectOnError: false },
    };
  }
}

let slots = SLOTS;
let seed = SEED;
let starting: Promise<unknown> = Promise.resolve();

/** A test on a fleet of its own; several at a time. `KCG_CHAOS_RUNS` repeats it, each time with another seed. */
export function scenario(title: string, options: FleetOptions, run: (fleet: Fleet) => Promise<void>): void {
  const isDue = options.everyRun === true || wantsLongTests(process.env);
  const timeout = 8 * PATIENCE_MS;
  test.runIf(isDue).concurrent(title, { repeats: RUNS - 1, timeout }, async ({ onTestFinished }) => {
    await until('it is its turn', () => slots > 0, 6 * PATIENCE_MS);
    slots -= 1;
    // Also when the time is up, and the scenario waits on.
    let started: Promise<Fleet> | undefined;
    onTestFinished(async () => {
      slots += 1;
      await (await started?.catch(() => undefined))?.close();
    });
    // One after another: the start of a process costs as much as a minute of its work.
    started = starting.then(() => Fleet.start(options, seed++));
    starting = started.catch(() => {});
    await run(await started);
  });
}

const portOf = (endpoint: string) => Number(new URL(endpoint).port);

/** @throws Error when it takes longer than anything here may */
async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  patienceMs = PATIENCE_MS,
): Promise<void> {
  const endMs = clock.monotonic() + patienceMs;
  while (!(await holds())) {
    if (clock.monotonic() > endMs) throw new Error(`gave up waiting until ${what}`);
    await clock.sleep(20);
  }
}
