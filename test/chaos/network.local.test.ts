import { expect } from 'vitest';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { scenario } from './fleet.ts';
import type { ChaosProxy, Faults } from './proxy.ts';

/* Servers that are away, silent or not where they should be, for all workers or for one. */

/** Two ways of not being there; what was sent into silence arrives when it is over, long after it counted. */
const AWAY: {
  what: string;
  begin: (way: ChaosProxy) => Promise<void>;
  end: (way: ChaosProxy) => Promise<void>;
}[] = [
  { what: 'refuses connections', begin: (way) => way.refuse(), end: (way) => way.accept() },
  { what: 'says nothing', begin: async (way) => way.stall(), end: async (way) => way.heal() },
];

for (const { what, begin, end } of AWAY) {
  scenario(
    `a worker for whom alone the table ${what} stops before others take its shards`,
    {
      name: `one worker, for whom DynamoDB ${what}`,
      everyRun: what === 'refuses connections',
      proxied: true,
    },
    async (fleet) => {
      const [cut, others] = await fleet.pick();
      const before = cut.trace.count('WorkerSelfFenced');
      await begin(cut.proxies!.dynamodb);
      const seconds = await fleet.readAgain(others);
      await fleet.allOwned(others);
      await fleet.until('it has noticed', () => cut.said('WorkerSelfFenced', before));
      await end(cut.proxies!.dynamodb);
      await fleet.until('it has shards again', () => cut.trace.shardIds.length > 0);
      await fleet.prove({ 'read again after s': seconds });
    },
  );

  scenario(
    `all workers stop while the table ${what}, and go on when it is back`,
    { name: `DynamoDB ${what} for two leases`, proxied: true },
    async (fleet) => {
      const fenced = fleet.workers.map(({ trace }) => trace.count('WorkerSelfFenced'));
      const [before, beganMs] = [fleet.sum('TableTrouble'), clock.monotonic()];
      await Promise.all(fleet.ways('dynamodb').map(begin));
      await clock.sleep(2 * fleet.leaseMs);
      await fleet.until('all have given up', () =>
        fleet.workers.every(
          (worker, i) => worker.said('WorkerSelfFenced', fenced[i]) && worker.trace.shardIds.length === 0,
        ),
      );
      await Promise.all(fleet.ways('dynamodb').map(end));
      const seconds = await fleet.readAgain();
      await fleet.allOwned();
      expect(fleet.alive).toHaveLength(3);
      // Trouble that goes on is said once a minute of each kind, not at each attempt.
      const minutes = Math.ceil((clock.monotonic() - beganMs) / 60_000);
      expect(fleet.sum('TableTrouble') - before).toBeLessThan(3 * 10 * minutes);
      await fleet.prove({ 'read again after s': seconds });
    },
  );
}

scenario(
  'no shard changes hands because Kinesis is away',
  { name: 'Kinesis away', proxied: true, leaseMs: 20_000 },
  async (fleet) => {
    await fleet.settled();
    const started = fleet.sum('ShardStarted');
    await Promise.all(fleet.ways('kinesis').map((way) => way.refuse()));
    await fleet.until('all have noticed', () => fleet.workers.every((worker) => worker.said('ReadTrouble')));
    await clock.sleep(4_000);
    await Promise.all(fleet.ways('kinesis').map((way) => way.accept()));
    const seconds = await fleet.readAgain();
    expect(fleet.sum('ShardStarted')).toBe(started);
    await fleet.prove({ 'read again after s': seconds });
    expect(fleet.tally.result().duplicated).toBe(0);
  },
);

scenario(
  'a worker whose way out closes when it is told to stop, as with a sidecar that ends first, ends as well',
  { name: 'proxies close at SIGTERM', proxied: true },
  async (fleet) => {
    const [cut, others] = await fleet.pick();
    const exit = cut.stop();
    await Promise.all([cut.proxies!.dynamodb.refuse(), cut.proxies!.kinesis.refuse()]);
    // Nothing can be given any more: its lease runs out, which others see and it does itself.
    expect(await exit).toMatchObject({ code: 0 });
    const seconds = await fleet.readAgain(others);
    await fleet.allOwned(others);
    await fleet.prove({ 'read again after s': seconds });
  },
);

scenario(
  'a worker starts by itself once the servers are there',
  { name: 'servers refuse at the start', proxied: true, workers: 1 },
  async (fleet) => {
    const [first] = fleet.alive;
    await first!.kill();
    const { dynamodb, kinesis } = first!.proxies!;
    await Promise.all([dynamodb.refuse(), kinesis.refuse()]);
    const late = await fleet.again(first!);
    await fleet.until('it says that the table is away', () => late.said('the table cannot be reached yet'));
    await dynamodb.accept();
    await fleet.until('it says that the stream is away', () =>
      late.said('stream and table cannot be used yet'),
    );
    await kinesis.accept();
    const seconds = await fleet.readAgain();
    await fleet.prove({ 'read after s': seconds });
  },
);

scenario(
  'a worker whose endpoint has no address says so, tries on, and ends when it is told',
  { name: 'endpoint without an address', workers: 1 },
  async (fleet) => {
    const nowhere = 'http://kcg-nowhere.invalid:8000';
    const both = [
      await fleet.add({ endpoints: { dynamodb: nowhere } }),
      await fleet.add({ endpoints: { kinesis: nowhere } }),
    ];
    const said = both.map(
      ({ trace }) =>
        () =>
          trace.lines.filter(({ error }) => String(error).includes('kcg-nowhere.invalid')).length,
    );
    // Once a minute at most, however often it is tried.
    await fleet.until('both have said so', () => said.every((times) => times() > 0));
    // Nothing but whole lines of their log, and on stderr nothing.
    expect(both.map(({ trace }) => trace.rest)).toEqual([[], []]);
    expect(await Promise.all(both.map((worker) => worker.stop()))).toMatchObject([{ code: 0 }, { code: 0 }]);
    await fleet.prove();
  },
);

scenario(
  'lines that drop, delay, double, swap and change bytes cost time and nothing else',
  { name: 'bad lines for 20 s', proxied: 'tls' },
  async (fleet) => {
    const share = 0.02;
    const faults: Faults = {
      delayMs: [0, 150],
      drop: share,
      cut: share,
      duplicate: share,
      reorder: share,
      corrupt: share,
    };
    fleet.spoil(faults);
    // Shards are given, taken from the dead and taken up anew meanwhile.
    const [leaving, killed] = fleet.alive;
    await clock.sleep(5_000);
    expect(await leaving!.stop()).toMatchObject({ code: 0 });
    await fleet.add();
    await clock.sleep(5_000);
    await killed!.kill();
    await fleet.add();
    await clock.sleep(10_000);
    const happened = () => Object.keys(fleet.faultCounts()).sort().join();
    await fleet.until('each has happened', () => happened() === 'corrupt,cut,drop,duplicate,reorder');
    fleet.spoil({});
    const seconds = await fleet.readAgain();
    await fleet.allOwned();
    expect(fleet.alive).toHaveLength(3);
    const counts = fleet.faultCounts();
    await fleet.prove({ ...counts, 'read again after s': seconds });
  },
);
