import { systemClock as clock } from '../src/lib/clock.ts';
import { startFleet, until, type FleetWorker } from '../test/support/worker-fleet.ts';
import { spread } from './figures.ts';

/*
 * A worker more than there are shards waits with its credentials resolved and its connections open. How long until it
 * reads, from the moment a shard becomes its own: to compare, a worker that starts only then.
 */

const SHARDS = 2;

export async function spares(runs: number, print: (line: string) => void): Promise<void> {
  const fleet = await startFleet({ shards: SHARDS, leaseSeconds: 15 });
  const stopProducer = fleet.produce(200);
  const workers: FleetWorker[] = [];
  const start = () => workers.push(fleet.startWorker(`worker-${workers.length + 1}`));
  const alive = () => workers.filter(({ child }) => child.exitCode === null && !child.killed);
  const spare = () => alive().find(({ reads, liveAtMs }) => reads.size === 0 && liveAtMs() !== undefined);
  const warm: number[] = [];
  const cold: number[] = [];
  try {
    for (let i = 0; i < SHARDS + 1; i += 1) start();
    for (let run = 0; run < runs; run += 1) {
      const owners = () => alive().filter(({ reads }) => reads.size === 1);
      await until('one is spare', () => owners().length === SHARDS && spare() !== undefined);
      const waiting = spare()!;
      owners()[0]!.child.kill('SIGTERM');
      await until('the spare owns a shard', () => waiting.reads.size === 1);
      const ownsAt = clock.monotonic();
      await until('it reads', () => fleet.tally.shardsOf(waiting.name).length > 0);
      warm.push((clock.monotonic() - ownsAt) / 1_000);
      const startedAt = clock.monotonic();
      start();
      await until('the new one is live', () => workers.at(-1)!.liveAtMs() !== undefined);
      cold.push((clock.monotonic() - startedAt) / 1_000);
    }
    print(`${SHARDS} shards, ${SHARDS + 1} workers, read every 0.2 s`);
    print(`a spare worker, from owning a shard to its first batch   ${spread(warm)}`);
    print(`  to compare: a new process, until it may own one        ${spread(cold)}`);
  } finally {
    await stopProducer();
    await fleet.stop();
  }
}
