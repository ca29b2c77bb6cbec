import { startLocalDynamoDb, type LocalDynamoDb } from '../src/dev/dynamodb/server.ts';
import { startLocalKinesis } from '../src/dev/kinesis/server.ts';
import { awsStreamClient } from '../src/kinesis/aws/stream-client.ts';
import { createDynamoDbClient } from '../src/aws/dynamodb-client.ts';
import { openLeaseTable } from '../src/leases/dynamodb/lease-table.ts';
import type { LeaseTable } from '../src/leases/lease-table.ts';
import { systemClock as clock } from '../src/lib/clock.ts';
import { KcgError } from '../src/lib/errors.ts';
import { silentLog as log } from '../src/lib/log.ts';
import { systemRandom as random } from '../src/lib/random.ts';
import { Worker } from '../src/runtime/worker.ts';
import { createTable } from '../test/support/local-table.ts';
import {
  byOperation,
  Counter,
  countStream,
  countTable,
  total,
  type Counts,
  type TableCounter,
} from './count-requests.ts';
import { heartbeatPerLease, KCL_READ_MS } from './heartbeat-per-lease.ts';
import { baseline, measure, printCounts, putEvenly, type Setting } from './requests.ts';

/*
 * `requests` in real time: the worker with the real SDKs against the local servers, and the baseline against the same
 * DynamoDB. Shows that the virtual clock counts what really goes out: causes are counted in the worker's port, and the
 * server's own count, table by table, has to be the same.
 */

const REGION = 'eu-west-1';
const CREDENTIALS = { accessKeyId: 'bench', secretAccessKey: 'bench' };
const OPERATIONS = new Set(['GetItem', 'PutItem', 'UpdateItem', 'DeleteItem', 'Query', 'Scan']);

export interface Window {
  /** Workers are given so long to spread the shards. */
  warmUpMs: number;
  /** And until each kind of write was seen, however slow the machine is. */
  windowMs: number;
}

export interface Observed {
  /** Per shard-minute, by what they are for. */
  dynamodb: Counts;
  kinesis: Counts;
  /** How many the clients sent, and how many the server saw, by operation. */
  sent: Counts;
  served: Counts;
  /** Calls that failed or were given up, from the start: on a machine that is too busy they run out of time. */
  failed: number;
}

/** DynamoDB's own count for each table, with the names of the calls alone. */
class Served {
  readonly #tables = new Map<string, Counter>();

  constructor(dynamodb: LocalDynamoDb) {
    dynamodb.fail((operation, input) => {
      if (OPERATIONS.has(operation)) this.of(String(input['TableName'])).add(operation);
      return undefined;
    });
  }

  of(table: string): Counter {
    const counter = this.#tables.get(table) ?? new Counter();
    this.#tables.set(table, counter);
    return counter;
  }
}

export async function observe(
  setting: Required<Setting>,
  window: Window,
): Promise<{ ours: Observed; theirs: Observed }> {
  process.env['AWS_ACCESS_KEY_ID'] ??= CREDENTIALS.accessKeyId;
  process.env['AWS_SECRET_ACCESS_KEY'] ??= CREDENTIALS.secretAccessKey;
  const dynamodb = await startLocalDynamoDb({ clock, log });
  const kinesis = await startLocalKinesis({ clock, log });
  const served = new Served(dynamodb);
  const stop = new AbortController();
  const broken = new AbortController();
  const running: Promise<void>[] = [];
  /** What ends early with an error ends the benchmark, not the process. */
  const run = (work: Promise<void>) =>
    running.push(work.catch((thrown: unknown) => broken.abort(KcgError.from(thrown))));
  const pass = async (ms: number) => {
    await clock.sleep(ms, { signal: broken.signal });
    broken.signal.throwIfAborted();
  };
  const requests = new Counter();
  const inPort = { requests, bytesRead: new Counter() };
  const streamRequests = new Counter();
  countStream(kinesis.kinesis, streamRequests);
  const theirRequests = { requests: new Counter(), bytesRead: new Counter() };
  try {
    kinesis.kinesis.createStream({ name: 'orders', shardCount: setting.shards });
    while (kinesis.kinesis.describe('orders').status !== 'ACTIVE') await clock.sleep(50);
    const [ours, theirs] = await Promise.all(
      ['ours', 'theirs'].map((tableName) => openTable(dynamodb.endpoint, tableName)),
    );
    const theirCounter = countTable(theirs!.table, theirRequests);
    const { shards, workers, isBusy, leaseMs: failoverMs } = setting;
    const checkpointMs = isBusy ? KCL_READ_MS : undefined;
    const model = {
      table: theirs!.table,
      clock,
      shards,
      workers,
      failoverMs,
      checkpointMs,
      onFailure: () => {},
    };
    run(heartbeatPerLease(model, stop.signal));
    const ourCounters = [countTable(ours!.table, inPort)];
    for (let i = 0; i < workers; i += 1) {
      const own = i === 0 ? ours! : await openTable(dynamodb.endpoint, 'ours');
      if (i > 0) ourCounters.push(countTable(own.table, inPort));
      const worker = newWorker(`worker-${i}`, setting, own.table, kinesis.endpoint);
      run(worker.run(stop.signal).finally(own.close));
    }
    if (isBusy) run(produce(() => putEvenly(kinesis.kinesis, 'orders', shards), stop.signal));
    await pass(window.warmUpMs);
    const counters = [...ourCounters, theirCounter];
    const beginMs = await quietly(counters, () => {
      for (const counter of [requests, streamRequests, theirRequests.requests]) counter.clear();
      for (const table of ['ours', 'theirs']) served.of(table).clear();
    });
    await pass(window.windowMs);
    const kinds = isBusy ? ['UpdateItem checkpoint'] : [];
    const isSeen = () =>
      ['UpdateItem beat', ...kinds].every((what) => requests.get(what) > 0) &&
      ['UpdateItem renew lease', ...kinds].every((what) => theirRequests.requests.get(what) > 0);
    while (!isSeen()) await pass(50);
    let result: { ours: Observed; theirs: Observed } | undefined;
    await quietly(counters, (nowMs) => {
      const shardMinutes = (shards * (nowMs - beginMs)) / 60_000;
      const of = (
        counter: Counter,
        table: 'ours' | 'theirs',
        kinesis: Counter,
        counters: readonly TableCounter[],
      ): Observed => ({
        dynamodb: counter.per(shardMinutes),
        kinesis: kinesis.per(shardMinutes),
        sent: byOperation(counter.per(1)),
        served: served.of(table).per(1),
        failed: counters.reduce((sum, each) => sum + each.failed(), 0),
      });
      result = {
        ours: of(requests, 'ours', streamRequests, ourCounters),
        theirs: of(theirRequests.requests, 'theirs', new Counter(), [theirCounter]),
      };
    });
    stop.abort();
    await Promise.all(running);
    theirs!.close();
    return result!;
  } finally {
    stop.abort();
    await Promise.allSettled(running);
    await Promise.all([dynamodb.close(), kinesis.close()]);
  }
}

/** At a moment when no call is under way, so that both ends have counted the same calls. */
async function quietly(counters: readonly TableCounter[], act: (nowMs: number) => void): Promise<number> {
  while (counters.some(({ running }) => running() > 0)) await clock.sleep(1);
  const nowMs = clock.monotonic();
  act(nowMs);
  return nowMs;
}

async function openTable(endpoint: string, tableName: string) {
  const client = createDynamoDbClient({ region: REGION, endpoint });
  await createTable(client, tableName);
  const table = await openLeaseTable({ client, clock, tableName, groupId: 'bench.orders' });
  return { table, close: () => client.destroy() };
}

function newWorker(
  name: string,
  { leaseMs }: Required<Setting>,
  table: LeaseTable,
  endpoint: string,
): Worker {
  return new Worker({
    config: {
      groupId: 'bench.orders',
      stream: { name: 'orders' },
      region: REGION,
      endpoints: {},
      table: 'ours',
      initialPosition: { type: 'TrimHorizon' },
      maxRecords: 10_000,
      pollIntervalMs: 1_000,
      checkpointIntervalMs: 5_000,
      leaseDurationMs: leaseMs,
      handoffTimeoutMs: 30_000,
      maxLeases: 0,
      handler: { type: 'log' },
      batchSize: 100,
      batchWindowMs: 0,
      parallelizationFactor: 1,
      handlerTimeoutMs: 900_000,
      retry: { maxAttempts: -1, maxRecordAgeMs: -1, bisectOnError: false },
    },
    identity: { worker: name, podUid: '', node: '', address: '', revision: 0, restartedAt: 0 },
    table,
    stream: awsStreamClient({
      region: REGION,
      endpoint,
      streamName: 'orders',
      credentials: CREDENTIALS,
      clock,
    }),
    handler: {
      kind: 'log',
      start: async () => {},
      handle: async () => ({ outcome: 'done' }),
      close: async () => {},
    },
    nudge: async () => false,
    clock,
    random,
    log,
    onEvent: () => {},
  });
}

async function produce(putSecond: () => void, signal: AbortSignal): Promise<void> {
  const startMs = clock.monotonic();
  for (let due = startMs; !signal.aborted; due += 1_000) {
    await clock.sleep(due - clock.monotonic(), { signal });
    if (!signal.aborted) putSecond();
  }
}

/** Four minutes, whatever `runs` says. */
export async function requestsOnServers(_runs: number, print: (line: string) => void): Promise<void> {
  const window = { warmUpMs: 60_000, windowMs: 180_000 };
  const settings = [false, true].map((isBusy) => ({ shards: 16, workers: 2, isBusy, leaseMs: 15_000 }));
  const observed = await Promise.all(settings.map((setting) => observe(setting, window)));
  for (const [i, setting] of settings.entries()) {
    const { ours, theirs } = observed[i]!;
    const virtual = await measure(setting);
    print(`16 shards, 2 workers, leases of 15 s, ${setting.isBusy ? 'busy' : 'idle'}: per shard-minute`);
    print(`                                        servers  virtual`);
    printCounts(print, [ours.dynamodb, virtual.dynamodb]);
    printCounts(print, [ours.kinesis, virtual.kinesis]);
    print('a heartbeat per lease');
    printCounts(print, [theirs.dynamodb, await baseline(setting)], '  ');
    const times = total(theirs.dynamodb) / total(ours.dynamodb);
    print(`  ${times.toFixed(2)} times as many as the workers`);
    if (ours.dynamodb.has('PutItem announce')) {
      print(
        '  NOT A STEADY STATE: the machine stood still for so long that workers lost their leases and began anew',
      );
    }
    for (const [name, { sent, served, failed }] of [
      ['kcg', ours],
      ['baseline', theirs],
    ] as const) {
      print(`  ${name}: sent ${listed(sent)}; the server saw ${listed(served)}; failed ${failed}`);
    }
  }
}

function listed(counts: Counts): string {
  return [...counts].map(([operation, n]) => `${n} ${operation}`).join(', ');
}
