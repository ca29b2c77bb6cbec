import { describe, expect, test } from 'vitest';
import { KcgError } from '../../../src/lib/errors.ts';
import type { HandlerResult } from '../../../src/runtime/handlers/handler.ts';
import { numbersOf, type Handle } from './a-read-shard.ts';
import { aTroubledShard } from './a-troubled-shard.ts';

const done: HandlerResult = { outcome: 'done' };
const failed: HandlerResult = { outcome: 'failed', error: new KcgError('HandlerFailed', 'no') };
const once = { maxAttempts: 0 };
const unfinished = { endings: 2 };

describe('the lanes of a shard after two owners that ended', () => {
  test('its lanes take turns in the order of the stream', async () => {
    const keys = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
    const { clock, calls, end } = aTroubledShard({
      reads: [keys],
      lanes: 4,
      batchSize: 1,
      policy: once,
      unfinished,
    });
    await clock.advance(1_000);
    expect(calls.flat()).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    await end();
  });

  test('a record that fails and does not end its worker holds up no other lane', async () => {
    const handle: Handle = async (batch) => (numbersOf(batch).includes(1) ? failed : done);
    const reads = [['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h']];
    const policy = { maxAttempts: 10_000 };
    const { clock, calls, end } = aTroubledShard({
      reads,
      lanes: 4,
      batchSize: 1,
      policy,
      unfinished,
      handle,
    });
    await clock.advance(300_000);
    expect(new Set(calls.flat()).size).toBeGreaterThan(4);
    await end();
  });

  test('nor is any at work beside it when it does not stop as its time is up', async () => {
    const handle: Handle = async (batch, { signal }) => {
      if (!numbersOf(batch).includes(1)) return (await clock.sleep(2_000), done);
      if (calls.length === 1) return failed;
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return { ...failed, running: new Promise<void>(() => {}) };
    };
    const options = { lanes: 4, batchSize: 1, policy: { maxAttempts: 9 }, unfinished, timeoutMs: 5_000 };
    const reads = [['a', ...Array.from({ length: 99 }, (_, n) => `${n}`)]];
    const { clock, calls, end } = aTroubledShard({ reads, handle, ...options });
    await clock.advance(25_000);
    expect(calls.length).toBeGreaterThan(2);
    expect(calls.at(-1)).toEqual([1]);
    await end();
  });

  test('what another lane gives up meanwhile leaves no batch without care', async () => {
    const later = ['b', 'c', 'd', 'e', 'f', 'g'].flatMap((key) => [`${key}@-100000`, key]);
    const { clock, calls, told, end } = aTroubledShard({
      reads: [['a', 'a', 'a', 'a'], ['a'], later],
      readEveryMs: 6_000,
      lanes: 4,
      batchSize: 1,
      policy: { maxAttempts: 0, maxRecordAgeMs: 60_000 },
      unfinished,
      handle: async () => {
        if (calls.length > 4) await clock.sleep(20_000);
        return done;
      },
    });
    await clock.advance(20_000);
    expect(told('RecordsGivenUp').length).toBeGreaterThan(1);
    expect(calls.flat()).toEqual([1, 2, 3, 4, 5]);
    await clock.advance(600_000);
    await end();
  });
});
