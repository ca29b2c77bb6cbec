import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { spawn, type ChildProcess } from 'node:child_process';
import { encodeWorkerConfig, WORKER_CONFIG_ENV } from '../../src/api/worker-config.ts';
import { startCollector } from '../../src/dev/demo/collector.ts';
import { startLocalDynamoDb } from '../../src/dev/dynamodb/server.ts';
import { startLocalKinesis } from '../../src/dev/kinesis/server.ts';
import { LOCAL_CREDENTIALS } from '../../src/dev/local-mode.ts';
import { produce } from '../../src/dev/demo/producer.ts';
import { createDynamoDbClient } from '../../src/aws/dynamodb-client.ts';
import { WORKER_PREFIX, workerKey } from '../../src/leases/row.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog as log } from '../../src/lib/log.ts';
import { systemRandom as random } from '../../src/lib/random.ts';
import { KCG } from './kcg-program.ts';
import { createTable } from './local-table.ts';

export interface FleetOptions {
  shards: number;
  leaseSeconds: number;
  /** Default: the quickstart's, which forwards to the collector. */
  handler?: string;
}

export interface WorkerChanges {
  /** Other addresses of the servers, of a proxy say. */
  kinesis?: string;
  dynamodb?: string;
  env?: NodeJS.ProcessEnv;
  /** File descriptor of its output; default: read for events. */
  stdout?: number;
}

export interface WorkerLine {
  message: string;
  shardId?: string;
  error?: string;
}

export type Fleet = Awaited<ReturnType<typeof startFleet>>;
export type FleetWorker = ReturnType<Fleet['startWorker']>;

const ROOT = join(import.meta.dirname, '../..');
const PATIENCE_MS = 300_000;

/** Real worker processes on local servers, without an operator; their handler tells the collector what came. */
export async function startFleet({ shards, leaseSeconds, handler }: FleetOptions) {
  Object.assign(process.env, LOCAL_CREDENTIALS);
  const kinesis = await startLocalKinesis({ clock, log });
  const dynamodb = await startLocalDynamoDb({ clock, log });
  const collector = await startCollector(clock);
  /** When DynamoDB was asked about a worker's row for the first time: so an announcement begins. */
  const announcedAtMs = new Map<string, number>();
  dynamodb.fail((_, input) => {
    const { Key, Item } = input as Record<'Key' | 'Item', { shard_id?: { S?: string } } | undefined>;
    const key = (Key ?? Item)?.shard_id?.S;
    if (key?.startsWith(WORKER_PREFIX) && !announcedAtMs.has(key)) announcedAtMs.set(key, clock.monotonic());
    return undefined;
  });
  kinesis.kinesis.createStream({ name: 'orders', shardCount: shards });
  await kinesis.kinesis.whenCreated('orders');
  const client = createDynamoDbClient({ region: 'eu-west-1', endpoint: dynamodb.endpoint });
  await createTable(client, 'checkpoints');
  client.destroy();
  const configOf = (endpoints: { kinesis: string; dynamodb: string }) =>
    encodeWorkerConfig({
      groupId: 'bench.orders',
      stream: { name: 'orders' },
      region: 'eu-west-1',
      endpoints,
      table: 'checkpoints',
      initialPosition: { type: 'TrimHorizon' },
      maxRecords: 10_000,
      pollIntervalMs: 200,
      checkpointIntervalMs: 5_000,
      leaseDurationMs: leaseSeconds * 1_000,
      handoffTimeoutMs: 30_000,
      maxLeases: 0,
      handler: { type: 'module', path: handler ?? join(ROOT, 'examples/quickstart/handler.ts') },
      batchSize: 100,
      batchWindowMs: 0,
      parallelizationFactor: 1,
      handlerTimeoutMs: 900_000,
      retry: { maxAttempts: -1, maxRecordAgeMs: -1, bisectOnError: false },
    });
  const workers = new Set<{ child: ChildProcess; exited: Promise<unknown> }>();
  return {
    tally: collector.tally,
    shardIds: kinesis.kinesis.listShards('orders', {}).shards.map(({ shardId }) => shardId),
    endpoints: { kinesis: kinesis.endpoint, dynamodb: dynamodb.endpoint },
    kinesis: kinesis.kinesis,
    startWorker(name: string, changes: WorkerChanges = {}) {
      const { kinesis: streams = kinesis.endpoint, dynamodb: tables = dynamodb.endpoint } = changes;
      const child = spawn(process.execPath, [KCG, 'worker'], {
        env: {
          ...process.env,
          [WORKER_CONFIG_ENV]: configOf({ kinesis: streams, dynamodb: tables }),
          COLLECTOR_URL: collector.url,
          KCG_POD_NAME: name,
          KCG_HOST: '127.0.0.1',
          KCG_PORT: '0',
          KCG_EXIT_WITH_PARENT: 'true',
          ...changes.env,
        },
        stdio: ['pipe', changes.stdout ?? 'pipe', 'pipe'],
      });
      /** Shards it reads now, by its own events. */
      const reads = new Set<string>();
      const lines: WorkerLine[] = [];
      let liveAtMs: number | undefined;
      const onLine = (line: string) => {
        const event = parsed(line);
        lines.push(event);
        if (event.message === 'WorkerLive') liveAtMs ??= clock.monotonic();
        if (event.message === 'ShardStarted') reads.add(event.shardId ?? '');
        if (event.message === 'ShardStopped') reads.delete(event.shardId ?? '');
      };
      for (const stream of [child.stdout, child.stderr]) {
        if (stream) createInterface({ input: stream }).on('line', onLine);
      }
      // Not before all that it has said is read.
      const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
      const times = { announcedAtMs: () => announcedAtMs.get(workerKey(name)), liveAtMs: () => liveAtMs };
      const worker = { name, child, exited, reads, lines, ...times };
      workers.add(worker);
      return worker;
    },
    /** Puts records evenly into the shards; the returned function stops it. */
    produce(recordsPerSecond: number) {
      const stop = new AbortController();
      const options = { kinesis: kinesis.kinesis, stream: 'orders', tally: collector.tally, clock, random };
      const running = produce({ ...options, recordsPerSecond, keys: 256 }, stop.signal);
      return () => {
        stop.abort();
        return running;
      };
    },
    async stop() {
      for (const { child } of workers) child.kill('SIGKILL');
      await Promise.all([...workers].map(({ exited }) => exited));
      await Promise.all([kinesis.close(), dynamodb.close(), collector.close()]);
    },
  };
}

/** One that was killed may have said half a line. */
function parsed(line: string): WorkerLine {
  try {
    return JSON.parse(line) as WorkerLine;
  } catch {
    return { message: line };
  }
}

/** @throws Error when it takes longer than anything here may */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  const endMs = clock.monotonic() + PATIENCE_MS;
  while (!(await holds())) {
    if (clock.monotonic() > endMs) throw new Error(`gave up waiting until ${what}`);
    await clock.sleep(10);
  }
}
