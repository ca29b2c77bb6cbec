import { env } from 'node:process';
import { describe, expect, it } from 'vitest';
import { explain, runGroup } from './run-group.ts';

const only = env['KCG_SIM_SEED'];
/** All of them come to rest in about as much work, so one with trouble for long costs little more. */
const LONG_TROUBLE = new Set([1]);
const seeds = only ? [Number(only)] : [1, 2];
const TIMEOUT_MS = 300_000;

describe('64 workers on 1,024 shards in trouble', () => {
  it.each(seeds)(
    'deliver all, in order, by one owner at a time, and come to rest: seed %i',
    async (seed) => {
      const troubleMs = LONG_TROUBLE.has(seed) ? 60_000 : 20_000;
      const run = await runGroup({ seed, workers: 64, shards: 1_024, troubleMs });
      expect(explain(run, seed, import.meta.filename)).toBe('');
    },
    TIMEOUT_MS,
  );
});
