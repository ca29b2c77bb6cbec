import { expect } from 'vitest';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { scenario, type Fleet } from './fleet.ts';
import type { Line } from './trace.ts';

/* Servers that end and come back, and names that do. */

/** For each worker, whether it has fenced itself since now and holds nothing. */
function givenUp(fleet: Fleet): () => boolean {
  const before = fleet.workers.map(({ trace }) => trace.count('WorkerSelfFenced'));
  return () =>
    fleet.workers.every(
      (worker, i) => worker.said('WorkerSelfFenced', before[i]) && worker.trace.shardIds.length === 0,
    );
}

scenario(
  'all workers stop when DynamoDB is killed, and go on with the rows it comes back with',
  { name: 'DynamoDB restarted after two leases', tableOnDisk: true },
  async (fleet) => {
    const allHaveGivenUp = givenUp(fleet);
    await fleet.killTable();
    await clock.sleep(2 * fleet.leaseMs);
    await fleet.until('all have given up', allHaveGivenUp);
    await fleet.startTable();
    const seconds = await fleet.readAgain();
    await fleet.allOwned();
    expect(fleet.alive).toHaveLength(3);
    await fleet.prove({ 'read again after s': seconds });
  },
);

scenario(
  'no shard changes hands when DynamoDB is back before the leases are over',
  { name: 'DynamoDB restarted at once', everyRun: true, tableOnDisk: true, leaseMs: 20_000 },
  async (fleet) => {
    await fleet.settled();
    const started = fleet.sum('ShardStarted');
    for (let times = 0; times < 3; times += 1) {
      await fleet.killTable();
      await fleet.startTable();
      await clock.sleep(1_000);
    }
    const seconds = await fleet.readAgain();
    expect(fleet.sum('ShardStarted')).toBe(started);
    await fleet.prove({ 'read again after s': seconds });
    expect(fleet.tally.result().duplicated).toBe(0);
  },
);

scenario(
  'workers read on without names while their connections last, stop with them, and go on when names are back',
  { name: 'names lost for two leases', proxied: true, named: true },
  async (fleet) => {
    for (const worker of fleet.workers) worker.loseNames();
    await fleet.readAgain();
    const allHaveGivenUp = givenUp(fleet);
    for (const way of [...fleet.ways('dynamodb'), ...fleet.ways('kinesis')]) way.cutAll();
    await clock.sleep(2 * fleet.leaseMs);
    await fleet.until('all have given up', allHaveGivenUp);
    for (const worker of fleet.workers) worker.findNames();
    const seconds = await fleet.readAgain();
    await fleet.allOwned();
    expect(fleet.alive).toHaveLength(3);
    const saidSo = (line: Line) => /kcg\.test/.test(String(line['error']));
    expect(fleet.workers.filter(({ trace }) => !trace.lines.some(saidSo))).toEqual([]);
    await fleet.prove({ 'read again after s': seconds });
  },
);

scenario(
  'a worker for whom alone the table has no name stops before others take its shards',
  { name: 'one worker, for whom DynamoDB has no name', proxied: true, named: true },
  async (fleet) => {
    const [nameless, others] = await fleet.pick();
    const before = nameless.trace.count('WorkerSelfFenced');
    nameless.loseNames();
    nameless.proxies!.dynamodb.cutAll();
    await fleet.until('it has noticed', () => nameless.said('WorkerSelfFenced', before));
    const seconds = await fleet.readAgain(others);
    await fleet.allOwned(others);
    nameless.findNames();
    await fleet.until('it has shards again', () => nameless.trace.shardIds.length > 0);
    await fleet.prove({ 'read again after s': seconds });
  },
);
