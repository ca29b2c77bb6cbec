import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { desiredReplicas, type Want } from '../../../../src/operator/plan/scaling/desired-replicas.ts';
import type { LagShard } from '../../../../src/operator/plan/scaling/lag-samples.ts';
import { NO_LAG_HISTORY, wantedForLag } from '../../../../src/operator/plan/scaling/wanted-for-lag.ts';

/** What a group may show at one look; times are from the last one. */
const aLook = fc.record({
  afterS: fc.integer({ min: 1, max: 400 }),
  lags: fc.array(fc.option(fc.integer({ min: 0, max: 600 }), { nil: undefined, freq: 20 }), {
    minLength: 1,
    maxLength: 12,
  }),
  load: fc.integer({ min: 0, max: 1000 }),
  isReadable: fc.boolean(),
  missing: fc.nat({ max: 2 }),
  isFree: fc.boolean(),
  isStuck: fc.boolean(),
  resharding: fc.boolean(),
});
const aHistory = fc.record({
  start: fc.nat({ max: 12 }),
  min: fc.nat({ max: 3 }),
  span: fc.nat({ max: 20 }),
  looks: fc.array(aLook, { minLength: 1, maxLength: 25 }),
});
type Step = typeof aLook extends fc.Arbitrary<infer T> ? T : never;

interface Decided {
  look: Step;
  before: number;
  after: number;
  live: number;
  reason: string;
}

function follow({ start, min, span, looks }: typeof aHistory extends fc.Arbitrary<infer T> ? T : never) {
  const bounds = { min, max: Math.max(1, min + span) };
  let history = NO_LAG_HISTORY;
  let window: readonly Want[] = [];
  let before = Math.min(start, bounds.max);
  let nowMs = 0;
  const decided = looks.map((look): Decided => {
    nowMs += look.afterS * 1000;
    const live = Math.max(0, before - look.missing);
    const wanted = wantedForLag(
      {
        nowMs,
        shards: look.isReadable ? shardsOf(look, live) : undefined,
        liveWorkers: live,
        currentReplicas: before,
        revision: 1,
      },
      { targetMs: 60_000, lanes: 1, mayBeZero: min === 0 },
      history,
    );
    ({ history } = wanted);
    const decision = desiredReplicas({
      desiredState: 'Running',
      scaling: { mode: 'lag', wanted, maxPerWorker: undefined, ...bounds },
      readableShards: look.lags.length,
      resharding: look.resharding,
      currentReplicas: before,
      stabilizationMs: 300_000,
      window,
      nowMs,
    });
    ({ window } = decision);
    const seen = { look, before, after: decision.replicas, live, reason: decision.reason };
    before = decision.replicas;
    return seen;
  });
  return { decided, bounds };
}

function shardsOf({ lags, load, isFree, isStuck }: Step, live: number): LagShard[] {
  return lags.map((lag, index) => ({
    shardId: `${index}`,
    worker: live === 0 || (isFree && index === 0) ? undefined : `${index % live}`,
    lagMs: lag === undefined ? undefined : lag * 1000,
    load,
    position: '',
    isStuck,
  }));
}

describe('whatever a group shows', () => {
  test('the number is within its bounds, and has a reason', () => {
    fc.assert(
      fc.property(aHistory, (input) => {
        const { decided, bounds } = follow(input);
        for (const { after, reason } of decided) {
          expect(after).toBeLessThanOrEqual(bounds.max);
          expect(after).toBeGreaterThanOrEqual(bounds.min);
          expect(reason).not.toBe('');
        }
      }),
    );
  });

  test('it grows only for a measured lag that another worker can help, and never past the shards', () => {
    fc.assert(
      fc.property(aHistory, (input) => {
        const { decided, bounds } = follow(input);
        for (const { look, before, after, live } of decided) {
          if (after <= Math.max(before, bounds.min, 1)) continue;
          expect(look.isReadable && !look.isStuck && live >= before).toBe(true);
          expect(look.lags.some((lag) => lag !== undefined && lag > 30)).toBe(true);
          expect(after).toBeLessThanOrEqual(Math.max(look.lags.length, bounds.min));
        }
      }),
    );
  });

  test('it goes down only when all is known and nothing is behind, but for idle workers beyond the shards', () => {
    fc.assert(
      fc.property(aHistory, (input) => {
        for (const { look, before, after, live } of follow(input).decided) {
          if (after >= before || before > look.lags.length) continue;
          expect(look.isReadable && !look.isFree && !look.resharding).toBe(true);
          expect(live >= before || after === 0 || after >= live).toBe(true);
          expect(look.lags.every((lag) => lag !== undefined && lag <= 15)).toBe(true);
        }
      }),
    );
  });
});
