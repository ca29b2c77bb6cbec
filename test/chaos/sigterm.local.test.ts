import { expect } from 'vitest';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { scenario, type Fleet } from './fleet.ts';
import type { FleetWorker } from './fleet-worker.ts';

/* SIGTERM, in all the ways that rollouts, impatient people and dying nodes send it. */

/** No lease runs out meanwhile, however busy the machine is: so nothing at all may come twice. */
const PATIENT = { leaseMs: 20_000, config: { handoffTimeoutMs: 20_000 } };

async function proveNothingTwice(fleet: Fleet, seconds: number): Promise<void> {
  await fleet.prove({ 'read again after s': seconds });
  expect(fleet.tally.result().duplicated, fleet.story()).toBe(0);
}

const codes = (workers: readonly FleetWorker[]) => workers.map(({ exit }) => exit?.code);

scenario(
  'workers that are all told at once leave the table to whoever comes, and nothing comes twice',
  { name: 'SIGTERM to all at once', ...PATIENT },
  async (fleet) => {
    const all = fleet.alive;
    await Promise.all(all.map((worker) => worker.stop()));
    expect(codes(all)).toEqual([0, 0, 0]);
    await fleet.look();
    expect(fleet.watch.workers).toEqual([]);
    await Promise.all([fleet.add(), fleet.add()]);
    const seconds = await fleet.readAgain();
    await fleet.allOwned();
    await proveNothingTwice(fleet, seconds);
  },
);

scenario(
  'workers that are told one after another, before the last one is done, lose and repeat nothing',
  {
    name: 'SIGTERM one after another',
    everyRun: true,
    workers: 4,
    ...PATIENT,
    env: { CHAOS_WORK_MS: '100' },
  },
  async (fleet) => {
    const [last, ...going] = fleet.alive;
    const ends: Promise<unknown>[] = [];
    for (const worker of going) {
      ends.push(worker.stop());
      await clock.sleep(60); // in the middle of what the one before does
    }
    await Promise.all(ends);
    expect(codes(going)).toEqual([0, 0, 0]);
    await fleet.allOwned([last!]);
    await proveNothingTwice(fleet, await fleet.readAgain());
  },
);

scenario(
  'a second SIGTERM does not cut the drain short',
  { name: 'SIGTERM twice', ...PATIENT, env: { CHAOS_WORK_MS: '1500' } },
  async (fleet) => {
    const [worker, others] = await fleet.pick();
    const began = worker.trace.spans.length;
    await fleet.until('it begins a batch', () => worker.trace.spans.length > began);
    worker.process.signal('SIGTERM');
    await fleet.until('it drains', () => worker.said('WorkerDraining'));
    expect(await worker.stop()).toMatchObject({ code: 0 });
    await fleet.allOwned(others);
    await proveNothingTwice(fleet, await fleet.readAgain(others));
  },
);

scenario(
  'a worker that is told while it starts ends, whatever it was doing',
  { name: 'SIGTERM during start', workers: 1, ...PATIENT },
  async (fleet) => {
    const atOnce = await fleet.add();
    const listening = await fleet.add();
    const announced = await fleet.add();
    const exits = [
      atOnce.stop(),
      fleet.until('it listens', () => listening.said('listening')).then(() => listening.stop()),
      fleet.until('it is announced', () => announced.said('WorkerAnnounced')).then(() => announced.stop()),
      ...[100, 300, 500].map(async (ms) => {
        const worker = await fleet.add();
        await clock.sleep(ms);
        return worker.stop();
      }),
    ];
    // Before the program is read nobody takes the signal, and the system ends the process.
    for (const exit of await Promise.all(exits)) expect(exit.code ?? exit.signal).toBeOneOf([0, 'SIGTERM']);
    expect(codes([listening, announced])).toEqual([0, 0]);
    await fleet.allOwned();
    expect(fleet.watch.workers.map(({ worker }) => worker)).toEqual(['w1']);
    await proveNothingTwice(fleet, await fleet.readAgain());
  },
);
