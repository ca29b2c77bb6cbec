import { describe, expect, it } from 'vitest';
import { runGroup } from './run-group.ts';

/** Replay one failing seed with KCG_SIM_SEED=<seed>; run more with KCG_SIM_SEEDS=<count>. */
const only = process.env['KCG_SIM_SEED'];
const count = Number(process.env['KCG_SIM_SEEDS'] ?? 60);
const seeds = only ? [Number(only)] : Array.from({ length: count }, (_, i) => i + 1);

describe('a group', () => {
  it.each(seeds)('seed %i', async (seed) => {
    const { fleet, problems } = await runGroup({ seed });
    if (problems.length > 0) console.log(fleet.trace.lines(only ? Infinity : 60).join('\n'));
    expect(problems.slice(0, 10).join('\n')).toBe('');
  });
});
