import { env } from 'node:process';
import { describe, expect, it } from 'vitest';
import { wantsLongTests } from '../support/long-tests.ts';
import { explain, runGroup } from './run-group.ts';

/*
 * Replay one failing seed, with its whole trace: KCG_SIM_SEED=<seed>. Explore: KCG_SIM_SEEDS=<count>, and
 * KCG_SIM_FROM=<seed> to go on where others have been.
 */
const only = env['KCG_SIM_SEED'];
const from = Number(only ?? env['KCG_SIM_FROM'] ?? 1);
const count = only ? 1 : Number(env['KCG_SIM_SEEDS'] ?? (wantsLongTests(env) ? 300 : 100));
const PER_TEST = 50;
/** A seed takes 30 ms on an idle core; a busy machine may take its time. */
const TIMEOUT_MS = 300_000;
const fanOutCount = only ? 1 : Math.ceil(count / 5);
const fanOutFirsts = Array.from({ length: Math.ceil(fanOutCount / PER_TEST) }, (_, i) => from + i * PER_TEST);
const fatalCount = only ? 1 : Math.ceil(count / 5);
const fatalFirsts = Array.from({ length: Math.ceil(fatalCount / PER_TEST) }, (_, i) => from + i * PER_TEST);
/** Long enough for owners to end one after the other on the same record. */
const FATAL_MS = 150_000;
const programCount = only ? 1 : Math.ceil((count * 2) / 3);
const programFirsts = Array.from(
  { length: Math.ceil(programCount / PER_TEST) },
  (_, i) => from + i * PER_TEST,
);
const firsts = Array.from({ length: Math.ceil(count / PER_TEST) }, (_, i) => from + i * PER_TEST);

describe('a small group in trouble', () => {
  it.each(firsts)(
    'delivers all, in order, by one owner at a time, and comes to rest: seeds from %i',
    async (first) => {
      for (let seed = first; seed < Math.min(first + PER_TEST, from + count); seed += 1) {
        const run = await runGroup({ seed });
        expect(explain(run, seed, import.meta.filename)).toBe('');
      }
    },
    TIMEOUT_MS,
  );

  it.each(fanOutFirsts)(
    'does so as well when it reads by subscriptions: seeds from %i',
    async (first) => {
      for (let seed = first; seed < Math.min(first + PER_TEST, from + fanOutCount); seed += 1) {
        const run = await runGroup({ seed, fanOut: true });
        expect(explain(run, seed, import.meta.filename)).toBe('');
      }
    },
    TIMEOUT_MS,
  );

  it.each(programFirsts)(
    'does so as well when handlers checkpoint themselves: seeds from %i',
    async (first) => {
      for (let seed = first; seed < Math.min(first + PER_TEST, from + programCount); seed += 1) {
        const run = await runGroup({ seed, programs: true });
        expect(explain(run, seed, import.meta.filename)).toBe('');
      }
    },
    TIMEOUT_MS,
  );

  it.each(fatalFirsts)(
    'does so as well when records end the workers that try them: seeds from %i',
    async (first) => {
      let afterEndings = 0;
      for (let seed = first; seed < Math.min(first + PER_TEST, from + fatalCount); seed += 1) {
        const run = await runGroup({ seed, fatal: true, troubleMs: FATAL_MS });
        expect(explain(run, seed, import.meta.filename)).toBe('');
        afterEndings += run.fleet.checker.attempts.afterEndings;
      }
      if (only === undefined) expect(afterEndings).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );

  it('does the same again for the same seed', async () => {
    // Read at once: what is freed after a run may still say that it ends.
    const { fleet } = await runGroup({ seed: from });
    const once = [...fleet.trace.lines()];
    const { fleet: sameFleet } = await runGroup({ seed: from });
    expect([...sameFleet.trace.lines()]).toEqual(once);
    expect(fleet.checker.deliveries).toBeGreaterThan(0);
  });
});
