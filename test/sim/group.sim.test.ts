import { describe, expect, it } from 'vitest';
import { randomInt } from '../../src/lib/random.ts';
import { Fleet } from './fleet.ts';

/** Replay one failing seed with KCG_SIM_SEED=<seed>; run more with KCG_SIM_SEEDS=<count>. */
const only = process.env['KCG_SIM_SEED'];
const count = Number(process.env['KCG_SIM_SEEDS'] ?? 60);
const seeds = only ? [Number(only)] : Array.from({ length: count }, (_, i) => i + 1);

/** Two minutes of trouble drawn from the seed, then peace until everything is processed. */
async function runGroup(seed: number): Promise<Fleet> {
  const fleet = new Fleet({ seed, shards: 2 + (seed % 5), workers: 2 + (seed % 7), faults: true });
  const { random } = fleet;
  for (let second = 0; second < 120 && fleet.checker.violations.length === 0; second += 2) {
    fleet.produce(randomInt(random, 20));
    const running = fleet.running();
    const victim = running[randomInt(random, running.length)];
    const dice = random();
    if (victim && dice < 0.05) {
      fleet.note(`crash ${victim.name}`);
      victim.crash();
    } else if (victim && dice < 0.1) {
      fleet.note(`pause ${victim.name}`);
      victim.pause();
    } else if (victim && dice < 0.2) {
      fleet.note(`resume ${victim.name}`);
      victim.resume();
    } else if (victim && dice < 0.24) {
      fleet.note(`terminate ${victim.name}`);
      victim.terminate();
    } else if (dice < 0.32 && running.length < 8) {
      fleet.start(random() < 0.3 ? 1 : 0);
    } else if (dice < 0.36 && second < 100) {
      fleet.reshard();
    }
    await fleet.advance(2_000);
  }
  fleet.heal();
  fleet.start(1);
  const isDone = () =>
    fleet.checker.lost().length === 0 && [...fleet.owners().values()].every((owner) => owner !== undefined);
  await fleet.advance(240_000, isDone);
  return fleet;
}

function explain(fleet: Fleet, seed: number): string {
  const problems = [...fleet.checker.violations, ...fleet.checker.lost()];
  if (problems.length === 0) return '';
  const replay = `KCG_SIM_SEED=${seed} npx vitest run test/sim/group.sim.test.ts`;
  return [...fleet.trace.slice(-150), `seed ${seed}: replay with ${replay}`, ...problems.slice(0, 10)].join(
    '\n',
  );
}

describe('a group under crashes, pauses, slow and failing calls, lost responses and resharding', () => {
  it.each(seeds)('seed %i: one owner delivers, nothing is lost or out of order', async (seed) => {
    const fleet = await runGroup(seed);
    expect(explain(fleet, seed)).toBe('');
    expect(fleet.checker.deliveries).toBeGreaterThan(0);
  });
});
