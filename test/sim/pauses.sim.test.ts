import { env } from 'node:process';
import { describe, expect, it } from 'vitest';
import { parseRef } from '../../src/leases/lease.ts';
import { wantsLongTests } from '../support/long-tests.ts';
import { explain, runGroup } from './run-group.ts';
import { Scenario } from './scenario.ts';
import { CALM } from './sim-handler.ts';
import type { SimWorker } from './sim-worker.ts';

/* Processes that stand still for minutes, many leases long, and wake while everything goes on without them. */

const MINUTE = 60_000;
const only = env['KCG_SIM_SEED'];
const from = Number(only ?? env['KCG_SIM_FROM'] ?? 1);
const count = only ? 1 : Number(env['KCG_SIM_SEEDS'] ?? (wantsLongTests(env) ? 100 : 10));
const PER_TEST = 10;
const TIMEOUT_MS = 300_000;
const firsts = Array.from({ length: Math.ceil(count / PER_TEST) }, (_, i) => from + i * PER_TEST);

describe('a small group in trouble, whose workers sleep for one to three minutes', () => {
  it.each(firsts)(
    'delivers nothing in a life that was slept through, and comes to rest: seeds from %i',
    async (first) => {
      let woken = 0;
      for (let seed = first; seed < Math.min(first + PER_TEST, from + count); seed += 1) {
        const run = await runGroup({ seed, troubleMs: 5 * MINUTE, sleeps: true });
        expect(explain(run, seed, import.meta.filename)).toBe('');
        woken += run.woken;
      }
      expect(woken).toBeGreaterThan(0);
    },
    TIMEOUT_MS,
  );
});

/** Wakes it, and holds it to delivering nothing in the life that it fell asleep in. */
function sleep(group: Scenario, worker: SimWorker): () => void {
  const { ref } = worker;
  worker.process.pause();
  return () => {
    group.checker.sleptThrough(ref);
    worker.process.resume();
  };
}

const fenced = (group: Scenario) => group.trace.writes('fence').map(({ write }) => write.key);

describe('workers that sleep', () => {
  it.each([1, 2, 3])('for %i minutes, one after another, find their shards with others', async (minutes) => {
    const group = new Scenario({ shards: 12, workers: 4, config: { batchSize: 1 } });
    await group.settle();
    group.mood = { ...CALM, slow: 0.1 };
    group.rate = 30;
    await group.pass(5_000);
    const [first, second] = group.alive();
    const wakeFirst = sleep(group, first!);
    await group.pass((minutes * MINUTE) / 2);
    const wakeSecond = sleep(group, second!);
    await group.pass((minutes * MINUTE) / 2);
    expect(group.held()).toMatchObject({ [first!.pod]: 0, [second!.pod]: 0 });
    wakeFirst();
    await group.pass((minutes * MINUTE) / 2);
    expect(group.held()[first!.pod]).toBeGreaterThan(0);
    wakeSecond();
    group.mood = CALM;
    group.rate = 1;
    await group.settle();
    await group.deliverAll();
    expect(new Set(fenced(group)).size).toBe(2);
  });

  it('all together, as on a machine that is suspended, begin anew, and nothing is lost', async () => {
    const group = new Scenario({ shards: 12, workers: 4, config: { batchSize: 1 } });
    await group.settle();
    group.mood = { ...CALM, slow: 0.3 };
    group.rate = 30;
    await group.pass(5_000);
    const lives = group.alive().map((worker) => worker.ref);
    const wakes = group.alive().map((worker) => sleep(group, worker));
    await group.pass(3 * MINUTE);
    for (const wake of wakes) wake();
    group.mood = CALM;
    group.rate = 1;
    await group.settle();
    await group.deliverAll();
    const now = group.alive().map((worker) => worker.ref);
    expect(now.filter((ref) => lives.includes(ref))).toEqual([]);
    expect(now.map((ref) => parseRef(ref).worker)).toEqual(lives.map((ref) => parseRef(ref).worker));
  });
});
