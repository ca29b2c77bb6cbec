import { MemoryLeaseTable } from '../src/leases/memory/lease-table.ts';
import type { MemoryKinesis } from '../src/kinesis/memory/stream.ts';
import { AGroup } from '../test/runtime/a-group.ts';
import { VirtualClock } from '../test/support/virtual-clock.ts';
import { Counter, countStream, countTable, total, type Counts } from './count-requests.ts';
import { heartbeatPerLease, KCL_READ_MS } from './heartbeat-per-lease.ts';
import { operatorRequests } from './operator-requests.ts';

/*
 * What a group costs: requests per shard-minute by what they are for, in steady state. The real worker code runs on
 * the memory twins and a virtual clock, so that minutes take a second and nothing depends on the machine;
 * `requests-on-servers` does the same over HTTP in real time. Baseline, counted the same way: `heartbeat-per-lease.ts`.
 */

const LEASE_MS = 15_000;
const CHECKPOINT_MS = 5_000;
const WARM_UP_MINUTES = 3;
const MINUTES = 10;
export const RECORDS_PER_SECOND = 10;

export interface Setting {
  shards: number;
  workers: number;
  isBusy: boolean;
  leaseMs?: number;
}

export interface Cost {
  /** Per shard-minute, by what they are for. */
  dynamodb: Counts;
  kinesis: Counts;
  /** Bytes of one read that follows a beat, of the worker rows; and of one full read, of all rows. */
  bytes: { look: number; full: number };
}

export async function measure({ shards, workers, isBusy, leaseMs = LEASE_MS }: Setting): Promise<Cost> {
  const group = new AGroup(shards);
  const requests = new Counter();
  const bytesRead = new Counter();
  const kinesis = new Counter();
  countTable(group.table, { requests, bytesRead });
  countStream(group.kinesis, kinesis);
  const config = { leaseDurationMs: leaseMs, checkpointIntervalMs: CHECKPOINT_MS };
  for (let i = 0; i < workers; i += 1) group.start(`worker-${i}`, { config });
  const run = async (minutes: number) => {
    for (let second = 0; second < minutes * 60; second += 1) {
      if (isBusy) putEvenly(group.kinesis, 'orders', shards);
      await group.clock.advance(1_000);
    }
  };
  await run(WARM_UP_MINUTES);
  for (const counter of [requests, bytesRead, kinesis]) counter.clear();
  await run(MINUTES);
  const bytesOf = (rows: string) => bytesRead.get(rows) / requests.get(`Query ${rows}`);
  return {
    dynamodb: requests.per(shards * MINUTES),
    kinesis: kinesis.per(shards * MINUTES),
    bytes: { look: bytesOf('worker rows'), full: bytesOf('all rows') },
  };
}

/** A second's records for each shard. */
export function putEvenly(kinesis: MemoryKinesis, stream: string, shards: number): void {
  const data = Buffer.alloc(100);
  for (let shard = 0; shard < shards; shard += 1) {
    const explicitHashKey = String((2n ** 128n / BigInt(shards)) * BigInt(shard) + 1n);
    for (let i = 0; i < RECORDS_PER_SECOND; i += 1) {
      kinesis.putRecord(stream, { partitionKey: 'k', data, explicitHashKey });
    }
  }
}

/** Per shard-minute. */
export async function baseline(setting: Setting, checkpointMs = KCL_READ_MS): Promise<Counts> {
  const { shards, workers, isBusy, leaseMs: failoverMs = LEASE_MS } = setting;
  const table = new MemoryLeaseTable();
  const clock = new VirtualClock();
  const requests = new Counter();
  countTable(table, { requests, bytesRead: new Counter() });
  const stop = new AbortController();
  const options = { table, clock, shards, workers, failoverMs };
  const running = heartbeatPerLease(
    { ...options, checkpointMs: isBusy ? checkpointMs : undefined },
    stop.signal,
  );
  await clock.advance(MINUTES * 60_000);
  stop.abort();
  await running;
  return requests.per(shards * MINUTES);
}

const WHY: Record<string, string> = {
  'UpdateItem beat': 'each worker, every third of the duration: the lease of all it holds',
  'Query worker rows': 'after each beat: who else is there, who has fallen silent',
  'Query all rows': 'once a minute and worker: what the plan is made of',
  'UpdateItem checkpoint': 'busy shards, at most once an interval (5 s)',
  DescribeStreamSummary: 'shard sync: one worker once a minute, each other every three',
  ListShards: 'the same',
  GetRecords: 'each shard, every poll interval (1 s) while it is caught up',
};

type Print = (line: string) => void;

function printRow(print: Print, what: string, figures: readonly number[], why = ''): void {
  print(`  ${what.padEnd(34)}${figures.map((n) => n.toFixed(3).padStart(9)).join('')}   ${why}`.trimEnd());
}

/** One line for each of what is counted in any of `columns`. */
export function printCounts(print: Print, columns: readonly Counts[], indent = ''): void {
  for (const what of new Set(columns.flatMap((counts) => [...counts.keys()]))) {
    const figures = columns.map((counts) => counts.get(what) ?? 0);
    printRow(print, `${indent}${what}`, figures, indent === '' ? WHY[what] : '');
  }
}

/** Steady and seeded: one run is as good as ten. */
export async function requests(_runs: number, print: Print): Promise<void> {
  await printGroup(print);
  await printSizes(print);
}

async function printGroup(print: Print): Promise<void> {
  const settings = [false, true].map((isBusy) => ({ shards: 16, workers: 2, isBusy }));
  const ours = await Promise.all(settings.map(measure));
  const theirs = await Promise.all(settings.map((setting) => baseline(setting)));
  const operator = total(await operatorRequests(16)) / 16;
  const workers = ours.map(({ dynamodb }) => total(dynamodb));
  const all = workers.map((n) => n + operator);
  const whole = theirs.map(total);
  print(`16 shards, 2 workers, leases of 15 s; idle, and ${RECORDS_PER_SECOND} records/s a shard`);
  print(`requests per shard-minute${''.padEnd(15)}idle     busy`);
  const { length } = settings;
  printCounts(
    print,
    ours.map(({ dynamodb }) => dynamodb),
  );
  printRow(print, 'DynamoDB, workers', workers);
  printRow(print, 'Query all rows, operator', Array(length).fill(operator), 'every 5 s, for the whole group');
  printRow(print, 'DynamoDB in all', all);
  printCounts(
    print,
    ours.map(({ kinesis }) => kinesis),
  );
  print('a heartbeat per lease, as KCL 3 does, at the same failover time');
  printCounts(print, theirs, '  ');
  printRow(print, '  DynamoDB in all', whole);
  const times = (theirs: readonly number[], ours: readonly number[]) => theirs.map((n, i) => n / ours[i]!);
  printRow(print, 'times as many as the workers', times(whole, workers));
  printRow(print, 'times as many, operator included', times(whole, all));
  const coalesced = await Promise.all(settings.map((setting) => baseline(setting, CHECKPOINT_MS)));
  const why = 'were it to checkpoint every 5 s';
  printRow(print, 'times as many, operator included', times(coalesced.map(total), all), why);
}

async function printSizes(print: Print): Promise<void> {
  print(
    'idle, by size: DynamoDB requests per shard-minute; bytes of the read after a beat, and of a full read,',
  );
  print('which each worker makes once a minute');
  print(
    '  shards a worker, workers, leases   workers  operator   in all  per lease    times  after a beat  full',
  );
  for (const [shards, workers, leaseMs] of [
    [2, 2, LEASE_MS],
    [16, 2, LEASE_MS],
    [16, 2, 10_000],
    [128, 2, LEASE_MS],
    [64, 8, LEASE_MS],
  ] as const) {
    const setting = { shards, workers, leaseMs, isBusy: false };
    const cost = await measure(setting);
    const [ours, theirs] = [total(cost.dynamodb), total(await baseline(setting))];
    const operator = total(await operatorRequests(shards)) / shards;
    const name = `${shards / workers}, ${workers}, ${leaseMs / 1_000} s`.padEnd(33);
    const figures = [ours, operator, ours + operator, theirs, theirs / (ours + operator)];
    const { look, full } = cost.bytes;
    const bytes = `${look.toFixed(0).padStart(12)} ${full.toFixed(0).padStart(6)}`;
    print(`  ${name} ${figures.map((n) => n.toFixed(3).padStart(9)).join(' ')} ${bytes}`);
  }
}
