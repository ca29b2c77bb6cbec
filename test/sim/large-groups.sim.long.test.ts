import { env } from 'node:process';
import { describe, expect, it } from 'vitest';
import { explain, runGroup } from './run-group.ts';

const only = env['KCG_SIM_SEED'];
const seeds = [Number(only ?? 1)];
const TIMEOUT_MS = 300_000;

describe('64 workers on 1,024 shards in trouble', () => {
  it.each(seeds)(
    'deliver all, in order, by one owner at a time, and come to rest: seed %i',
    async (seed) => {
      const run = await runGroup({ seed, workers: 64, shards: 1_024, troubleMs: 60_000 });
      expect(explain(run, seed, import.meta.filename)).toBe('');
    },
    TIMEOUT_MS,
  );
});
