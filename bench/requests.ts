import type { MemoryKinesis } from '../src/kinesis/memory-stream.ts';
import { workerKey, type Row } from '../src/leases/row.ts';
import type { MemoryLeaseTable } from '../src/leases/memory-lease-table.ts';
import { AGroup } from '../test/runtime/a-group.ts';

/*
 * What a group costs: requests per shard-minute by what they are for, in steady state. The real worker code runs on
 * the memory twins and a virtual clock, so that minutes take a second and nothing depends on the machine.
 *
 * Baseline, counted the same way: KCL's scheme at the same failover time. Each lease is renewed by a write of its own
 * every third of the duration, and each worker scans the table every two durations (KCL 3: leaseRenewerInterval =
 * failoverTime / 3 − 25 ms, leaseTakerInterval = (failoverTime + 25 ms) × 2); a busy shard is checkpointed after each
 * batch, as KCL's own samples do.
 */

const LEASE_MS = 15_000;
const WARM_UP_MINUTES = 3;
const MINUTES = 10;
const RECORDS_PER_SECOND = 10;

export interface Setting {
  shards: number;
  workers: number;
  isBusy: boolean;
}

export interface Cost {
  /** Per shard-minute, by what they are for. */
  dynamodb: Map<string, number>;
  kinesis: Map<string, number>;
  /** Bytes the reads after a beat bring to one worker. */
  bytesPerBeat: number;
}

/** Counts while `isOn`. */
class Counter {
  isOn = false;
  readonly #counts = new Map<string, number>();

  add(what: string, n = 1): void {
    if (this.isOn) this.#counts.set(what, (this.#counts.get(what) ?? 0) + n);
  }

  per(unit: number): Map<string, number> {
    return new Map(
      [...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([what, n]) => [what, n / unit]),
    );
  }
}

export async function measure({ shards, workers, isBusy }: Setting): Promise<Cost> {
  const group = new AGroup(shards);
  const dynamodb = new Counter();
  const kinesis = new Counter();
  const bytes = new Counter();
  countTable(group.table, dynamodb, bytes);
  countStream(group.kinesis, kinesis);
  for (let i = 0; i < workers; i += 1) group.start(`worker-${i}`, { config: { leaseDurationMs: LEASE_MS } });
  const run = async (minutes: number) => {
    for (let second = 0; second < minutes * 60; second += 1) {
      if (isBusy) putEvenly(group.kinesis, shards);
      await group.clock.advance(1_000);
    }
  };
  await run(WARM_UP_MINUTES);
  for (const counter of [dynamodb, kinesis, bytes]) counter.isOn = true;
  await run(MINUTES);
  const beats = dynamodb.per(1).get('UpdateItem beat') ?? 0;
  return {
    dynamodb: dynamodb.per(shards * MINUTES),
    kinesis: kinesis.per(shards * MINUTES),
    bytesPerBeat: (bytes.per(1).get('read') ?? 0) / beats,
  };
}

function countTable(table: MemoryLeaseTable, requests: Counter, bytes: Counter): void {
  const query = table.query.bind(table);
  const get = table.get.bind(table);
  const write = table.write.bind(table);
  const operations = { put: 'PutItem', update: 'UpdateItem', delete: 'DeleteItem' } as const;
  table.query = async (rows, options) => {
    requests.add(`Query ${rows === 'all' ? 'all rows' : 'worker rows'}`);
    const found = await query(rows, options);
    bytes.add(
      'read',
      found.reduce((sum, row) => sum + sizeOf(row), 0),
    );
    return found;
  };
  table.get = (key, options) => {
    requests.add('GetItem');
    return get(key, options);
  };
  table.write = (row, options) => {
    requests.add(`${operations[row.kind]} ${row.name}`);
    return write(row, options);
  };
}

function countStream(stream: MemoryKinesis, requests: Counter): void {
  const call = stream.call.bind(stream);
  stream.call = (operation, ...rest) => {
    requests.add(operation);
    return call(operation, ...rest) as never;
  };
}

function putEvenly(kinesis: MemoryKinesis, shards: number): void {
  const data = Buffer.alloc(100);
  for (let shard = 0; shard < shards; shard += 1) {
    const explicitHashKey = String((2n ** 128n / BigInt(shards)) * BigInt(shard) + 1n);
    for (let i = 0; i < RECORDS_PER_SECOND; i += 1) {
      kinesis.putRecord('orders', { partitionKey: 'k', data, explicitHashKey });
    }
  }
}

/** About as DynamoDB counts an item: names and values. */
function sizeOf(row: Row): number {
  return JSON.stringify(row).length;
}

/** KCL's scheme on the same table, for as long; per shard-minute. */
export async function baseline({ shards, workers, isBusy }: Setting): Promise<Map<string, number>> {
  const group = new AGroup(1);
  const requests = new Counter();
  requests.isOn = true;
  const bytes = new Counter();
  countTable(group.table, requests, bytes);
  const every = async (ms: number, what: () => Promise<unknown>) => {
    for (;;) {
      await group.clock.sleep(ms);
      await what();
    }
  };
  const touch = (name: string, key: string) =>
    group.table.write({ name, key, kind: 'update', when: [], add: { leaseCounter: 1 }, proof: [] });
  for (let shard = 0; shard < shards; shard += 1) {
    const key = workerKey(`shard-${shard}`);
    void every(LEASE_MS / 3 - 25, () => touch('renew lease', key));
    if (isBusy) void every(1_000, () => touch('checkpoint', key));
  }
  for (let worker = 0; worker < workers; worker += 1) {
    void every((LEASE_MS + 25) * 2, () => group.table.query('all', { consistent: false }));
  }
  await group.clock.advance(MINUTES * 60_000);
  return requests.per(shards * MINUTES);
}

export function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, n) => sum + n, 0);
}

const WHY: Record<string, string> = {
  'UpdateItem beat': 'each worker, every third of the duration: the lease of all it holds',
  'Query worker rows': 'after each beat: who else is there, who has fallen silent',
  'Query all rows': 'once a minute and worker: what the plan is made of',
  'UpdateItem checkpoint': 'busy shards, at most once an interval (5 s)',
  DescribeStreamSummary: 'at each shard sync, once a minute for the whole group',
  ListShards: 'the same',
  GetRecords: 'each shard, every poll interval (1 s) while it is caught up',
};

/** Steady and seeded: one run is as good as ten. */
export async function requests(_runs: number, print: (line: string) => void): Promise<void> {
  for (const isBusy of [false, true]) {
    const setting = { shards: 16, workers: 2, isBusy };
    const [ours, theirs] = [await measure(setting), await baseline(setting)];
    print(
      `16 shards, 2 workers, leases of 15 s, ${isBusy ? `${RECORDS_PER_SECOND} records/s a shard` : 'idle'}: requests per shard-minute`,
    );
    for (const [what, n] of [...ours.dynamodb, ...ours.kinesis]) {
      print(`  ${what.padEnd(24)} ${n.toFixed(3).padStart(8)}   ${WHY[what] ?? ''}`);
    }
    const ratio = total(theirs) / total(ours.dynamodb);
    print(`  DynamoDB in all          ${total(ours.dynamodb).toFixed(3).padStart(8)}`);
    print(
      `  a heartbeat per lease    ${total(theirs).toFixed(3).padStart(8)}   ${ratio.toFixed(1)} times as many`,
    );
  }
  print('idle, by shards per worker: DynamoDB requests per shard-minute, bytes read per beat');
  for (const [shards, workers] of [
    [2, 2],
    [16, 2],
    [128, 2],
    [64, 8],
  ] as const) {
    const cost = await measure({ shards, workers, isBusy: false });
    const each = `${shards / workers} (${workers} workers)`.padEnd(22);
    print(
      `  ${each} ${total(cost.dynamodb).toFixed(3).padStart(8)} ${cost.bytesPerBeat.toFixed(0).padStart(8)}`,
    );
  }
}
