import { join } from 'node:path';
import { encodeWorkerConfig, WORKER_CONFIG_ENV, type WorkerConfig } from '../../src/api/worker-config.ts';
import { createDynamoDbClient } from '../../src/aws/dynamodb-client.ts';
import { startLocalDynamoDb, type LocalDynamoDb } from '../../src/dev/dynamodb/server.ts';
import { startLocalKinesis, type LocalKinesis } from '../../src/dev/kinesis/server.ts';
import { LOCAL_CREDENTIALS } from '../../src/dev/local-mode.ts';
import { openLeaseTable } from '../../src/leases/dynamodb/lease-table.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog as log } from '../../src/lib/log.ts';
import type { Random } from '../../src/lib/random.ts';
import { ChaosProxy } from '../chaos/proxy.ts';
import { TableWatch } from '../chaos/table-watch.ts';
import { startCollectors, type Collectors } from './collectors.ts';
import type { KeyAccount } from './key-account.ts';
import { SoakWorker } from './soak-worker.ts';
import { KCG } from '../support/kcg-program.ts';
import { createTable } from '../support/local-table.ts';

export const STREAM = 'orders';
export const LEASE_MS = 5_000;
const TABLE = 'checkpoints';
const GROUP = 'shop.orders';
const REGION = 'eu-west-1';
const SHARDS = 4;
const WATCH_MS = 1_000;

export interface FleetParts {
  kinesis: LocalKinesis;
  dynamodb: LocalDynamoDb;
  collectors: Collectors;
  /** Workers reach each server through one. */
  proxies: { kinesis: ChaosProxy; dynamodb: ChaosProxy; bucket: ChaosProxy };
  watch: TableWatch;
  consumerArn: string;
  /** Handlers leak memory and descriptors on purpose. */
  leaks: boolean;
}

/** Worker processes of one group on local servers: two elders, one of each way to read, and others that come and go. */
export class SoakFleet {
  readonly parts: FleetParts;
  readonly workers = new Set<SoakWorker>();
  /** In words. */
  readonly breaches: string[] = [];
  started = 0;

  private constructor(parts: FleetParts) {
    this.parts = parts;
  }

  static async start(account: KeyAccount, random: Random, leaks: boolean): Promise<SoakFleet> {
    Object.assign(process.env, LOCAL_CREDENTIALS);
    const kinesis = await startLocalKinesis({ clock, log });
    const dynamodb = await startLocalDynamoDb({ clock, log });
    const collectors = await startCollectors(account);
    const proxy = (endpoint: string) => ChaosProxy.start(Number(new URL(endpoint).port), random);
    const proxies = {
      kinesis: await proxy(kinesis.endpoint),
      dynamodb: await proxy(dynamodb.endpoint),
      bucket: await proxy(`http://127.0.0.1:${collectors.bucketPort}`),
    };
    const client = createDynamoDbClient({ region: REGION, endpoint: dynamodb.endpoint });
    await createTable(client, TABLE);
    const table = await openLeaseTable({ client, clock, tableName: TABLE, groupId: GROUP });
    const watch = new TableWatch(table, WATCH_MS);
    kinesis.kinesis.createStream({ name: STREAM, shardCount: SHARDS });
    await kinesis.kinesis.whenCreated(STREAM);
    const consumerArn = kinesis.kinesis.stream(STREAM).consumers.register('soak', clock.now()).arn;
    const fleet = new SoakFleet({ kinesis, dynamodb, collectors, proxies, watch, consumerArn, leaks });
    fleet.add({ isElder: true, reads: 'polling' });
    fleet.add({ isElder: true, reads: 'fan-out' });
    fleet.add();
    fleet.add();
    return fleet;
  }

  get elders(): SoakWorker[] {
    return [...this.workers].filter(({ isElder }) => isElder);
  }

  /** Those that may be killed, frozen or told to go. */
  get others(): SoakWorker[] {
    return [...this.workers].filter(({ isElder, isGoing, isFrozen }) => !isElder && !isGoing && !isFrozen);
  }

  add({
    name = `w${this.started + 1}`,
    isElder = false,
    reads = this.started % 2 === 0 ? 'polling' : 'fan-out',
  }: Partial<Pick<SoakWorker, 'name' | 'isElder' | 'reads'>> = {}): void {
    const { leaks, collectors } = this.parts;
    this.started += 1;
    const worker = new SoakWorker({
      name,
      isElder,
      reads,
      command: [process.execPath, '--expose-gc', KCG, 'worker'],
      env: {
        ...process.env,
        AWS_EC2_METADATA_DISABLED: 'true',
        [WORKER_CONFIG_ENV]: encodeWorkerConfig(this.#config(reads)),
        COLLECTOR_URL: collectors.url,
        KCG_POD_NAME: name,
        KCG_HOST: '127.0.0.1',
        KCG_PORT: '0',
        KCG_EXIT_WITH_PARENT: 'true',
        ...(leaks ? { SOAK_LEAK: '1' } : {}),
      },
    });
    this.workers.add(worker);
  }

  /** Says what ended without being told to, and measures what lives. */
  look(): void {
    for (const worker of this.workers) {
      worker.measure();
      if (worker.isAlive || worker.isGoing) continue;
      this.workers.delete(worker);
      const { name, exit, lines } = worker;
      this.breaches.push(
        `${name} ended by itself (${exit?.code ?? exit?.signal}): ${lines.slice(-3).join(' ')}`,
      );
      this.add();
    }
  }

  /** Ends a worker with this signal. */
  async end(worker: SoakWorker, signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const exit = await worker.end(signal);
    this.workers.delete(worker);
    // Before the program is read nobody takes the signal, and the system ends the process.
    const isStarting = worker.lines.length === 0;
    if (signal === 'SIGTERM' && exit.code !== 0 && !isStarting)
      this.breaches.push(`${worker.name} ended with ${exit.code ?? exit.signal} on SIGTERM`);
  }

  async close(): Promise<void> {
    const { kinesis, dynamodb, collectors, proxies, watch } = this.parts;
    dynamodb.fail();
    for (const proxy of Object.values(proxies)) proxy.heal();
    await Promise.all([watch.stop(), ...[...this.workers].map((worker) => worker.end('SIGKILL'))]);
    await Promise.all(Object.values(proxies).map((proxy) => proxy.refuse()));
    await Promise.all([kinesis.close(), dynamodb.close(), collectors.close()]);
  }

  #config(reads: SoakWorker['reads']): WorkerConfig {
    const { proxies, consumerArn, kinesis } = this.parts;
    const at = ({ port }: ChaosProxy) => `http://127.0.0.1:${port}`;
    const { arn } = kinesis.kinesis.describe(STREAM);
    return {
      groupId: GROUP,
      stream: { name: STREAM, arn },
      region: REGION,
      endpoints: { kinesis: at(proxies.kinesis), dynamodb: at(proxies.dynamodb) },
      table: TABLE,
      initialPosition: { type: 'TrimHorizon' },
      maxRecords: 1_000,
      pollIntervalMs: 500,
      ...(reads === 'fan-out' ? { consumerArn } : {}),
      checkpointIntervalMs: 1_000,
      leaseDurationMs: LEASE_MS,
      handoffTimeoutMs: 10_000,
      maxLeases: 0,
      handler: { type: 'module', path: join(import.meta.dirname, 'handler.ts') },
      batchSize: 50,
      batchWindowMs: 0,
      parallelizationFactor: 3,
      handlerTimeoutMs: 2_000,
      retry: { maxAttempts: 1, maxRecordAgeMs: -1, bisectOnError: true },
      onFailure: { type: 's3', bucketArn: 'arn:aws:s3:::given-up', endpoint: at(proxies.bucket) },
    };
  }
}
