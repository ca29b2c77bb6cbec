import { expect, test } from 'vitest';
import { withFleet } from './fleet.ts';

/* A worker writes nothing but its log, and no log is worth a worker. */

const inShell = (script: string) => (command: string[]) => ['bash', '-c', script, ...command];

test.concurrent('a full disk under its log and no place for temporary files stop no worker', () =>
  withFleet({ name: 'disk full', workers: 0 }, async (fleet) => {
    const full = await fleet.add({
      wrap: inShell('exec "$0" "$@" >/dev/full 2>&1'),
      env: { TMPDIR: '/dev/full/nowhere', NODE_COMPILE_CACHE: '/dev/full/nowhere', CHAOS_WORK_MS: '20' },
    });
    await fleet.readAgain([full]);
    // Another one comes: shards are given and taken as ever.
    const other = await fleet.add();
    await fleet.until('it has its share', () => other.trace.shardIds.length === fleet.shardIds.length / 2);
    expect(await full.stop()).toMatchObject({ code: 0 });
    await fleet.allOwned([other]);
    await fleet.prove();
  }));

test.concurrent('a worker goes on when nobody is there any more to read its log', () =>
  withFleet({ name: 'log pipe closed', workers: 0 }, async (fleet) => {
    const cut = await fleet.add({ wrap: inShell('exec "$0" "$@" > >(head -n 3)') });
    await fleet.readAgain([cut]);
    const other = await fleet.add();
    await fleet.until(
      'the other has its share',
      () => other.trace.shardIds.length === fleet.shardIds.length / 2,
    );
    expect(await cut.stop()).toMatchObject({ code: 0 });
    await fleet.allOwned([other]);
    await fleet.prove();
  }));

test.concurrent('a worker whose log is taken by nobody stands still, and others read its shards', () =>
  withFleet({ name: 'log pipe full', workers: 2 }, async (fleet) => {
    const stuck = await fleet.add({
      wrap: inShell('exec "$0" "$@" > >(head -n 20; tail --pid=$$ -f /dev/null)'),
      env: { CHAOS_NOISE: '4000' },
    });
    const others = fleet.workers.slice(0, 2);
    await fleet.until('it is declared dead', () =>
      others.some(({ trace }) => trace.lines.some((line) => line.message === 'WorkerFenced')),
    );
    await fleet.allOwned(others);
    const seconds = await fleet.readAgain(others);
    expect(stuck.isAlive).toBe(true);
    stuck.trace.freeze(stuck.trace.spans.at(-1)!.beganMs); // the last that it could say
    await fleet.prove({ 'read after s': seconds.toFixed(1) });
  }));
