import { describe, expect, it } from 'vitest';
import { ObservedWorkers } from '../../src/leases/observed-workers.ts';
import { aWorker } from '../support/builders.ts';

const DURATION_MS = 15_000;
/** Reads of one worker's row every five seconds; whether its lease has lapsed after each. */
function watch(...beats: Parameters<typeof aWorker>[0][]): boolean[] {
  const observed = new ObservedWorkers();
  return beats.map((row, i) => {
    const workers = [aWorker(row)];
    observed.observe(workers, i * 5_000);
    return observed.lapsed(workers, i * 5_000, DURATION_MS).length > 0;
  });
}

describe('ObservedWorkers', () => {
  it('lets a lease lapse when its beat has stood still for its duration, from the first sight on', () => {
    expect(watch({ beat: 7 }, { beat: 7 }, { beat: 7 }, { beat: 7 })).toEqual([false, false, false, true]);
  });

  it('begins anew with each beat and each life', () => {
    expect(watch({ beat: 7 }, { beat: 7 }, { beat: 8 }, { beat: 8 }, { beat: 8 }).at(-1)).toBe(false);
    const reborn = { beat: 7, incarnation: 'i2' };
    expect(watch({ beat: 7 }, { beat: 7 }, reborn, reborn, reborn).at(-1)).toBe(false);
  });

  it('does not take an older beat, which a stale read shows, for movement', () => {
    expect(watch({ beat: 7 }, { beat: 6 }, { beat: 7 }, { beat: 6 }, { beat: 7 }).at(-1)).toBe(true);
  });

  it('waits for the longer lease of a worker that was configured before', () => {
    const patient = { beat: 7, leaseDurationMs: 20_000 };
    expect(watch(patient, patient, patient, patient, patient)).toEqual([false, false, false, false, true]);
    const brief = { beat: 7, leaseDurationMs: 6_000 };
    expect(watch(brief, brief, brief, brief)).toEqual([false, false, false, true]);
  });

  it('never lets the dead lapse', () => {
    const dead = { beat: 7, state: 'dead' as const };
    expect(watch(dead, dead, dead, dead).at(-1)).toBe(false);
  });
});
