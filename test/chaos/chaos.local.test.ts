import { openSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import {
  startFleet,
  until,
  type Fleet,
  type FleetWorker,
  type WorkerChanges,
} from '../support/worker-fleet.ts';
import { startChaosProxy, type ChaosProxy } from './chaos-proxy.ts';

/*
 * Real worker processes and what happens to processes and networks. After each: nothing is lost, every key is in order,
 * and the group reads on by itself. How long things took is printed, and is nobody's business here.
 */

const LEASE_SECONDS = 3;
const SHARDS = 6;

let fleet: Fleet;
let proxies: { kinesis: ChaosProxy; dynamodb: ChaosProxy };
let workers: FleetWorker[];
let stopProducer: () => Promise<void>;

vi.setConfig({ testTimeout: 240_000, hookTimeout: 60_000 });
beforeEach(async () => {
  fleet = await startFleet({
    shards: SHARDS,
    leaseSeconds: LEASE_SECONDS,
    handler: join(import.meta.dirname, 'handler.ts'),
  });
  const seed = Number(process.env['KCG_CHAOS_SEED'] ?? 1);
  proxies = {
    kinesis: await startChaosProxy(fleet.endpoints.kinesis, seed),
    dynamodb: await startChaosProxy(fleet.endpoints.dynamodb, seed + 1),
  };
  workers = [];
  stopProducer = fleet.produce(300);
});
afterEach(async () => {
  await stopProducer();
  await fleet.stop();
  await Promise.all(Object.values(proxies).map((proxy) => proxy.close()));
});

function start(name: string, changes: WorkerChanges = {}): FleetWorker {
  const { kinesis, dynamodb } = proxies;
  const worker = fleet.startWorker(name, {
    kinesis: kinesis.endpoint,
    dynamodb: dynamodb.endpoint,
    ...changes,
  });
  workers.push(worker);
  return worker;
}
async function startThree(): Promise<[FleetWorker, FleetWorker, FleetWorker]> {
  const three: [FleetWorker, FleetWorker, FleetWorker] = [start('w1'), start('w2'), start('w3')];
  await until('the shards are spread', () => three.every(({ reads }) => reads.size === SHARDS / 3));
  await allRead();
  return three;
}
/** Every shard was read since now. */
async function allRead(by?: readonly FleetWorker[]): Promise<void> {
  const since = performance.now();
  const names = by?.map(({ name }) => name);
  await until('all shards are read', () =>
    fleet.shardIds.every((id) => {
      const latest = fleet.tally.latest(id);
      return latest !== undefined && latest.atMs > since && (names?.includes(latest.pod) ?? true);
    }),
  );
}
async function report(what: string, since?: number): Promise<void> {
  await stopProducer();
  await until('nothing is missing', () => fleet.tally.result().lost === 0);
  const { produced, duplicated, outOfOrder } = fleet.tally.result();
  const seconds =
    since === undefined ? '' : `, read again after ${((performance.now() - since) / 1e3).toFixed(1)} s`;
  console.log(`${what}: ${produced} records, ${duplicated} twice${seconds}`);
  expect(outOfOrder).toBe(0);
}
const kill = (signal: NodeJS.Signals, ...some: FleetWorker[]) => {
  for (const { child } of some) child.kill(signal);
};

test('kill -9 of one, of all but one, and of all', async () => {
  const [first, second, third] = await startThree();
  kill('SIGKILL', first);
  await allRead([second, third]);
  const fourth = start('w4');
  await until('the fourth reads', () => fourth.reads.size > 0);
  kill('SIGKILL', second, third);
  await allRead([fourth]);
  kill('SIGKILL', fourth);
  await fourth.exited;
  const last = start('w5');
  const since = performance.now();
  await allRead([last]);
  await report('kill -9 of one, two, all', since);
});

test('a process stopped for longer than its lease delivers nothing when it wakes', async () => {
  const [sleeper, ...others] = await startThree();
  kill('SIGSTOP', sleeper);
  await allRead(others);
  await setTimeout(LEASE_SECONDS * 1_000);
  const stale: string[] = [];
  const processed = fleet.tally.processed.bind(fleet.tally);
  fleet.tally.processed = (delivery, nowMs) => {
    const isOwner = sleeper.reads.has(delivery.shardId);
    if (delivery.pod === sleeper.name && !isOwner) stale.push(delivery.shardId);
    processed(delivery, nowMs);
  };
  const lives = () => sleeper.lines.filter(({ message }) => message === 'WorkerAnnounced').length;
  sleeper.reads.clear(); // by now they are others'
  kill('SIGCONT', sleeper);
  await until('it begins a new life', () => lives() === 2);
  await until('and has its share again', () => sleeper.reads.size === SHARDS / 3);
  expect(stale).toEqual([]);
  await report('SIGSTOP past the lease');
});

test('a storm of SIGTERM delivers nothing twice, and a second signal changes nothing', async () => {
  const three = await startThree();
  const early = start('early');
  kill('SIGTERM', early, ...three);
  kill('SIGTERM', ...three);
  expect(await Promise.all([...three, early].map(({ exited }) => exited))).toEqual([
    0,
    0,
    0,
    expect.anything(),
  ]);
  const since = performance.now();
  const next = [start('w4'), start('w5')];
  await allRead(next);
  kill('SIGTERM', next[0]!);
  await allRead([next[1]!]);
  await report('SIGTERM storm', since);
  expect(fleet.tally.result().duplicated).toBe(0);
});

test('an event loop blocked by a handler costs the lease, and others go on', async () => {
  const blocked = start('blocked', { env: { BLOCK_MS: String(LEASE_SECONDS * 3_000) } });
  await until('it owns all', () => blocked.reads.size === SHARDS);
  const since = performance.now();
  const others = [start('w2'), start('w3')];
  await allRead(others);
  await report('event loop blocked for three leases', since);
  await until('the blocked one noticed', () =>
    blocked.lines.some(({ message }) => message === 'WorkerSelfFenced'),
  );
});

test('DynamoDB away for two leases: all stop in time, and go on', async () => {
  const three = await startThree();
  proxies.dynamodb.set('refuse');
  await until('all have given up their lease', () => three.every(({ reads }) => reads.size === 0));
  await setTimeout(LEASE_SECONDS * 2_000);
  proxies.dynamodb.set('pass');
  const since = performance.now();
  await allRead(three);
  await report('DynamoDB away', since);
  for (const { lines } of three) {
    const said = lines.filter(({ message, error }) => message === 'TableTrouble' && error !== undefined);
    expect(said.length).toBeGreaterThan(0);
    expect(said.length).toBeLessThan(10);
  }
});

test('DynamoDB that accepts and says nothing is as good as away', async () => {
  const three = await startThree();
  proxies.dynamodb.set('stall');
  await until('all have given up their lease', () => three.every(({ reads }) => reads.size === 0));
  proxies.dynamodb.set('refuse'); // the stalled connections end
  proxies.dynamodb.set('pass');
  const since = performance.now();
  await allRead(three);
  await report('DynamoDB silent', since);
});

test('Kinesis away for two leases changes no owner', async () => {
  const three = await startThree();
  proxies.kinesis.set('refuse');
  await setTimeout(LEASE_SECONDS * 2_000);
  proxies.kinesis.set('pass');
  const since = performance.now();
  await allRead(three);
  await report('Kinesis away', since);
  expect(three.flatMap(({ lines }) => lines.filter(({ message }) => message === 'WorkerSelfFenced'))).toEqual(
    [],
  );
});

test('a worker cut off from DynamoDB alone stops before others take its shards', async () => {
  const alone = await startChaosProxy(fleet.endpoints.dynamodb, 3);
  const cut = start('w1', { dynamodb: alone.endpoint });
  const others = [start('w2'), start('w3')];
  await until('the shards are spread', () =>
    [cut, ...others].every(({ reads }) => reads.size === SHARDS / 3),
  );
  const taken: string[] = [];
  const processed = fleet.tally.processed.bind(fleet.tally);
  fleet.tally.processed = (delivery, nowMs) => {
    const before = fleet.tally.latest(delivery.shardId)?.pod;
    if (delivery.pod === cut.name && before !== undefined && before !== cut.name)
      taken.push(delivery.shardId);
    processed(delivery, nowMs);
  };
  const since = performance.now();
  alone.set('refuse');
  await allRead(others);
  expect(taken).toEqual([]);
  await report('one worker without DynamoDB', since);
  await alone.close();
});

test('connections that are dropped, delayed, cut and garbled by chance', async () => {
  await startThree();
  proxies.dynamodb.set('garble');
  proxies.kinesis.set('garble');
  await setTimeout(15_000);
  proxies.dynamodb.set('pass');
  proxies.kinesis.set('pass');
  const since = performance.now();
  await allRead();
  await report('garbled networks', since);
});

test('an address that does not resolve is told of, tried on, and left at SIGTERM', async () => {
  const lost = start('lost', { dynamodb: 'http://nowhere.invalid:8000' });
  await until('it says so', () =>
    lost.lines.some(({ error, message }) => `${error} ${message}`.includes('nowhere.invalid')),
  );
  expect(lost.child.exitCode).toBeNull();
  kill('SIGTERM', lost);
  expect(await lost.exited).toBe(0);
});

test('a full disk under its log stops no worker', async () => {
  const full = openSync('/dev/full', 'w');
  const writer = start('w1', { stdout: full });
  closeSync(full);
  await allRead([writer]);
  kill('SIGTERM', writer);
  expect(await writer.exited).toBe(0);
  await allRead([start('w2')]);
  await report('log on a full disk');
});
