import { systemClock as clock } from '../src/lib/clock.ts';
import { spread } from './figures.ts';
import { startFleet, until, type FleetWorker } from '../test/support/worker-fleet.ts';

/*
 * How long workers take to spread 16 shards evenly when more of them join: 1 → 2 → 4 → 8, all that join started together.
 * From the moment the last of them to come begins to announce itself, which is its first request for its own row: what a
 * process takes until then is its start, not the group's work. Until every worker says that it reads its share.
 */

const SHARDS = 16;
const STEPS = [2, 4, 8];

export async function balance(runs: number, print: (line: string) => void): Promise<void> {
  const seconds = new Map<number, number[]>(STEPS.map((step) => [step, []]));
  for (let run = 0; run < runs; run += 1) {
    const fleet = await startFleet({ shards: SHARDS, leaseSeconds: 15 });
    const workers: FleetWorker[] = [fleet.startWorker('worker-1')];
    const even = (count: number) =>
      workers.length === count && workers.every(({ reads }) => reads.size === SHARDS / count);
    try {
      await until('one worker has all', () => even(1));
      for (const step of STEPS) {
        while (workers.length < step) workers.push(fleet.startWorker(`worker-${workers.length + 1}`));
        await until('the shards are spread', () => even(step));
        const joinedAt = Math.max(...workers.map((worker) => worker.announcedAtMs() ?? 0));
        seconds.get(step)!.push((clock.monotonic() - joinedAt) / 1_000);
      }
    } finally {
      await fleet.stop();
    }
  }
  print(
    `${SHARDS} shards, leases of 15 s, no operator: from the last announcement's begin until the spread is even`,
  );
  for (const [step, values] of seconds) print(`  ${step / 2} → ${step} workers   ${spread(values)}`);
}
