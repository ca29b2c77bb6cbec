import { systemClock as clock } from '../src/lib/clock.ts';
import { spread } from './figures.ts';
import { startFleet, until, type Fleet, type FleetWorker } from '../test/support/worker-fleet.ts';

/*
 * What a group's readers feel when a worker goes: seconds until each of its shards is read by somebody else after
 * kill -9, and the longest silence and what came twice after SIGTERM. Workers alone, without an operator: after a kill
 * the lease has to lapse, so the figure to compare with is its duration plus a third.
 */

const LEASE_SECONDS = 6;
const SHARDS = 8;
const RECORDS_PER_SECOND = 400;

export async function failover(runs: number, print: (line: string) => void): Promise<void> {
  const fleet = await startFleet({ shards: SHARDS, leaseSeconds: LEASE_SECONDS });
  const workers = new Map<string, FleetWorker>();
  let started = 0;
  const start = () => {
    const worker = fleet.startWorker(`worker-${(started += 1)}`);
    workers.set(worker.name, worker);
  };
  for (let i = 0; i < 4; i += 1) start();
  const stopProducer = fleet.produce(RECORDS_PER_SECOND);
  const killed: number[] = [];
  const silences: number[] = [];
  const twice: number[] = [];
  try {
    for (let run = 0; run < runs; run += 1) {
      await settled(fleet, workers);
      killed.push(await kill(fleet, workers));
      start();
      await settled(fleet, workers);
      const stopped = await terminate(fleet, workers);
      silences.push(stopped.silence);
      twice.push(stopped.twice);
      start();
    }
    await stopProducer();
    await until('everything arrived', () => fleet.tally.result().lost === 0);
    const { lost, outOfOrder } = fleet.tally.result();
    print(`leases of ${LEASE_SECONDS} s, ${SHARDS} shards, 4 workers, no operator, read every 0.2 s`);
    print(`kill -9, until its shards are read again   ${spread(killed)}`);
    print(`  to compare: duration + 1/3               ${((LEASE_SECONDS * 4) / 3).toFixed(2)} s`);
    print(`SIGTERM, longest silence of its shards     ${spread(silences)}`);
    print(`SIGTERM, records delivered twice           ${spread(twice, 'records', 0)}`);
    print(`lost ${lost}, out of order ${outOfOrder}`);
  } finally {
    await stopProducer();
    await fleet.stop();
  }
}

/** Everybody reads two shards, and each shard was read since. */
async function settled(fleet: Fleet, workers: Map<string, FleetWorker>): Promise<void> {
  await until('the shards are spread', () => [...workers.values()].every(({ reads }) => reads.size === 2));
  const since = clock.monotonic();
  await until('all are read', () =>
    fleet.shardIds.every((id) => (fleet.tally.latest(id)?.atMs ?? 0) > since + 500),
  );
}

function take(workers: Map<string, FleetWorker>): FleetWorker {
  const worker = [...workers.values()][0]!;
  workers.delete(worker.name);
  return worker;
}

async function kill(fleet: Fleet, workers: Map<string, FleetWorker>): Promise<number> {
  const worker = take(workers);
  const shards = [...worker.reads];
  const atMs = clock.monotonic();
  worker.child.kill('SIGKILL');
  await until('its shards are read again', () =>
    shards.every((id) => fleet.tally.latest(id)?.pod !== worker.name),
  );
  return (Math.max(...shards.map((id) => fleet.tally.latest(id)?.atMs ?? 0)) - atMs) / 1_000;
}

async function terminate(
  fleet: Fleet,
  workers: Map<string, FleetWorker>,
): Promise<{ silence: number; twice: number }> {
  const worker = take(workers);
  const shards = [...worker.reads];
  const before = fleet.tally.result().duplicated;
  fleet.tally.resetGaps();
  worker.child.kill('SIGTERM');
  await worker.exited;
  await until('its shards are read by others', () =>
    shards.every((id) => fleet.tally.latest(id)?.pod !== worker.name),
  );
  return {
    silence: fleet.tally.longestGapMs(shards) / 1_000,
    twice: fleet.tally.result().duplicated - before,
  };
}
