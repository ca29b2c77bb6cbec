import { expect } from 'vitest';
import { scenario } from './fleet.ts';

/* kill -9: nobody is told, and leases have to lapse by themselves. Without an operator nothing fences early. */

/** Most of the time in the middle of a batch that does not count yet. */
const SLOW = { env: { CHAOS_PREPARE_MS: '300' }, config: { batchSize: 10, checkpointIntervalMs: 100 } };

scenario(
  'the shards of a worker that was killed are read by the others',
  { name: 'kill -9 of one of three', everyRun: true, ...SLOW },
  async (fleet) => {
    const [victim, others] = await fleet.pick();
    await victim.kill();
    const seconds = await fleet.readAgain(others);
    await fleet.allOwned();
    await fleet.prove({ 'read again after s': seconds });
  },
);

scenario(
  'the last worker that lives reads everything when all others were killed',
  { name: 'kill -9 of all but one', ...SLOW },
  async (fleet) => {
    const [, ...victims] = fleet.alive;
    await Promise.all(victims.map((victim) => victim.kill()));
    const seconds = await fleet.readAgain(fleet.alive);
    await fleet.allOwned();
    expect(fleet.alive).toHaveLength(1);
    await fleet.prove({ 'read again after s': seconds });
  },
);

scenario(
  'workers that are started again after all were killed go on where the table says',
  { name: 'kill -9 of all, restarted', ...SLOW },
  async (fleet) => {
    const before = fleet.alive;
    await Promise.all(before.map((victim) => victim.kill()));
    await Promise.all(before.map((victim) => fleet.again(victim)));
    const seconds = await fleet.readAgain();
    // Others in their place: the old names never come back, and only their silence tells.
    await Promise.all(fleet.alive.map((victim) => victim.kill()));
    await Promise.all([fleet.add(), fleet.add()]);
    const byOthers = await fleet.readAgain(fleet.alive);
    await fleet.allOwned();
    await fleet.prove({ 'read again after s': seconds, 'by others after s': byOthers });
  },
);
