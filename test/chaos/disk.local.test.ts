import { expect } from 'vitest';
import { scenario, type Fleet } from './fleet.ts';
import type { FleetWorker } from './fleet-worker.ts';

/* A worker writes nothing but its log, and no log is worth a worker. */

const inShell = (script: string) => (command: string[]) => ['bash', '-c', script, ...command];

/** Another one comes, and gets its share; then the first one goes, and gives the rest. */
async function giveAllToAnother(fleet: Fleet, first: FleetWorker): Promise<void> {
  await fleet.readAgain([first]);
  const other = await fleet.add();
  await fleet.until('the other one has its share', () => other.trace.shardIds.length === 3);
  expect(await first.stop()).toMatchObject({ code: 0 });
  await fleet.allOwned([other]);
  await fleet.prove();
}

scenario(
  'a full disk under its log and no place for temporary files stop no worker',
  { name: 'disk full', workers: 0, leaseMs: 20_000 },
  async (fleet) => {
    const full = await fleet.add({
      wrap: inShell('exec "$0" "$@" >/dev/full 2>&1'),
      env: { TMPDIR: '/dev/full/nowhere', NODE_COMPILE_CACHE: '/dev/full/nowhere' },
    });
    await giveAllToAnother(fleet, full);
  },
);

scenario(
  'a worker goes on when nobody is there any more to read its log',
  { name: 'log pipe closed', everyRun: true, workers: 0, leaseMs: 20_000 },
  async (fleet) =>
    giveAllToAnother(fleet, await fleet.add({ wrap: inShell('exec "$0" "$@" > >(head -n 3)') })),
);

scenario(
  'a worker whose log is taken by nobody stands still, and others read its shards',
  { name: 'log pipe full', workers: 2 },
  async (fleet) => {
    const others = fleet.alive;
    const stuck = await fleet.add({
      wrap: inShell('exec "$0" "$@" > >(head -n 20; tail --pid=$$ -f /dev/null)'),
      env: { CHAOS_NOISE: '4000' },
    });
    const isFenced = () =>
      others.some(({ trace }) =>
        trace.lines.some(
          (line) =>
            line['message'] === 'WorkerFenced' &&
            line['incarnation'] !== undefined &&
            stuck.trace.lines.some((said) => said['incarnation'] === line['incarnation']),
        ),
      );
    await fleet.until('it is declared dead', isFenced);
    const seconds = await fleet.readAgain(others);
    await fleet.allOwned(others);
    expect(stuck.isAlive).toBe(true);
    stuck.trace.freeze(stuck.trace.spans.at(-1)!.beganMs); // the last that it could say
    await fleet.prove({ 'read after s': seconds });
  },
);
