import { expect, test } from 'vitest';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { withFleet, type Fleet } from './fleet.ts';
import type { Faults } from './proxy.ts';

/* Servers that are away, silent or half there, for all workers or for one. */

const sum = (fleet: Fleet, message: string) =>
  fleet.workers.reduce((count, { trace }) => count + trace.count(message), 0);

test.concurrent.for([
  ['refuses connections', 'refuse'],
  ['says nothing', 'stall'],
] as const)('a worker for whom alone the table %s stops before others take its shards', ([, how]) =>
  withFleet({ name: `one worker without DynamoDB, ${how}`, proxied: true }, async (fleet) => {
    const [cut, others] = await fleet.pick();
    const { dynamodb } = cut.proxies!;
    const before = cut.trace.count('WorkerSelfFenced');
    if (how === 'refuse') await dynamodb.refuse();
    else dynamodb.faults = { stall: true };
    const seconds = await fleet.readAgain(others);
    await fleet.allOwned(others);
    await fleet.until('it has noticed', () => cut.said('WorkerSelfFenced', before));
    // What it sent and gave up arrives now, long after it counted.
    dynamodb.faults = {};
    await dynamodb.accept();
    await fleet.until('it has shards again', () => cut.trace.shardIds.length > 0);
    await fleet.prove({ 'read again after s': seconds.toFixed(1) });
  }),
);

test.concurrent.for([
  ['refuses connections', 'refuse'],
  ['says nothing', 'stall'],
] as const)('all workers stop while the table %s, and go on when it is back', ([, how]) =>
  withFleet({ name: `DynamoDB away for two leases, ${how}`, proxied: true }, async (fleet) => {
    const fenced = fleet.workers.map(({ trace }) => trace.count('WorkerSelfFenced'));
    if (how === 'refuse') await Promise.all(fleet.ways('dynamodb').map((way) => way.refuse()));
    else for (const way of fleet.ways('dynamodb')) way.faults = { stall: true };
    await clock.sleep(2 * fleet.leaseMs);
    await fleet.until('all have given up', () =>
      fleet.workers.every(
        (worker, i) => worker.said('WorkerSelfFenced', fenced[i]) && worker.trace.shardIds.length === 0,
      ),
    );
    for (const way of fleet.ways('dynamodb')) way.faults = {};
    await Promise.all(fleet.ways('dynamodb').map((way) => way.accept()));
    const seconds = await fleet.readAgain();
    await fleet.allOwned();
    expect(fleet.alive).toHaveLength(3);
    // Trouble that goes on is said once a minute of each kind, not at each attempt.
    expect(sum(fleet, 'TableTrouble')).toBeLessThan(3 * 10);
    await fleet.prove({ 'read again after s': seconds.toFixed(1) });
  }),
);

test.concurrent('no shard changes hands because Kinesis is away', () =>
  withFleet({ name: 'Kinesis away', proxied: true, leaseMs: 20_000 }, async (fleet) => {
    await fleet.settled();
    const started = sum(fleet, 'ShardStarted');
    await Promise.all(fleet.ways('kinesis').map((way) => way.refuse()));
    await fleet.until('all have noticed', () => fleet.workers.every((worker) => worker.said('ReadTrouble')));
    await clock.sleep(5_000);
    await Promise.all(fleet.ways('kinesis').map((way) => way.accept()));
    const seconds = await fleet.readAgain();
    expect(sum(fleet, 'ShardStarted')).toBe(started);
    await fleet.prove({ 'read again after s': seconds.toFixed(1) });
    expect(fleet.tally.result().duplicated).toBe(0);
  }));

test.concurrent('workers start by themselves once the servers are there', () =>
  withFleet({ name: 'servers refuse at the start', proxied: true, workers: 1 }, async (fleet) => {
    const [first] = fleet.alive;
    await first!.kill();
    const { dynamodb, kinesis } = first!.proxies!;
    await Promise.all([dynamodb.refuse(), kinesis.refuse()]);
    const late = await fleet.again(first!);
    await fleet.until('it says that the table is away', () =>
      late.said('the table cannot be reached yet', 1),
    );
    await dynamodb.accept();
    await fleet.until('it says that the stream is away', () =>
      late.said('stream and table cannot be used yet'),
    );
    await kinesis.accept();
    const seconds = await fleet.readAgain([late]);
    await fleet.prove({ 'read after s': seconds.toFixed(1) });
  }));

test.concurrent('a worker whose endpoint has no address says so, tries on, and ends when it is told', () =>
  withFleet({ name: 'endpoint without an address', workers: 1 }, async (fleet) => {
    const nowhere = 'http://kcg-nowhere.invalid:8000';
    const lost = await fleet.add({ endpoints: { dynamodb: nowhere } });
    const blind = await fleet.add({ endpoints: { kinesis: nowhere } });
    await fleet.until('both have said so, more than once', () =>
      [lost, blind].every(
        ({ trace }) =>
          trace.lines.filter(({ error }) => /kcg-nowhere\.invalid/.test(String(error))).length > 1,
      ),
    );
    expect([lost, blind].map(({ trace }) => trace.rest)).toEqual([[], []]);
    expect(await Promise.all([lost.stop(), blind.stop()])).toMatchObject([{ code: 0 }, { code: 0 }]);
    await fleet.prove();
  }));

/** What a bad line does: each chunk has this chance of each. */
const BAD_LINE: Faults = {
  delayMs: [0, 150],
  drop: 0.03,
  cut: 0.03,
  duplicate: 0.03,
  reorder: 0.03,
  corrupt: 0.03,
};

test.concurrent('lines that drop, delay, double, swap and change bytes cost time and nothing else', () =>
  withFleet(
    { name: 'bad lines for 20 s', proxied: 'tls', seed: Number(process.env['KCG_CHAOS_SEED'] ?? 1) },
    async (fleet) => {
      const ways = [...fleet.ways('dynamodb'), ...fleet.ways('kinesis')];
      for (const way of ways) way.faults = BAD_LINE;
      await clock.sleep(20_000);
      for (const way of ways) way.faults = {};
      const seconds = await fleet.readAgain();
      await fleet.allOwned();
      expect(fleet.alive).toHaveLength(3);
      const counts: Record<string, number> = {};
      for (const way of ways)
        for (const [fault, times] of way.counts) counts[fault] = (counts[fault] ?? 0) + times;
      expect(Object.keys(counts).sort()).toEqual(['corrupt', 'cut', 'drop', 'duplicate', 'reorder']);
      await fleet.prove({ ...counts, 'read again after s': seconds.toFixed(1) });
    },
  ));
