import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { SilenceWatch } from '../../src/lib/silence-watch.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const BOUNDS = { silenceMs: 10_000, firstMs: 30_000 };
const failureOf = (work: Promise<unknown>) => work.then(String, (error: Error) => error.message);
const never = () => new Promise<never>(() => {});

test('a deadline for silence lets work go on for as long as something comes', async () => {
  const clock = new VirtualClock();
  const work = new SilenceWatch(clock, BOUNDS).run('the call', undefined, async (_, onHeard) => {
    await clock.sleep(29_000);
    for (let i = 0; i < 100; i += 1) {
      onHeard();
      await clock.sleep(9_000);
    }
    return 'all of it';
  });
  await clock.advance(1_000_000);
  expect(await work).toBe('all of it');
});

test.each([
  ['before anything has come', 0, 'nothing came of the call for 30000 ms', 30_000],
  ['after something has come', 3, 'nothing came of the call for 10000 ms', 40_000],
])('and ends it %s', async (_, times, message, atMs) => {
  const clock = new VirtualClock();
  let endedMs = 0;
  const work = new SilenceWatch(clock, BOUNDS).run('the call', undefined, async (signal, onHeard) => {
    signal.addEventListener('abort', () => (endedMs = clock.monotonic()));
    for (let i = 0; i < times; i += 1) {
      await clock.sleep(10_000 - i);
      onHeard();
    }
    return new Promise(() => {});
  });
  const failure = failureOf(work);
  await clock.advance(100_000);
  expect(await failure).toBe(message);
  expect(endedMs).toBeLessThanOrEqual(atMs);
  expect(endedMs).toBeGreaterThan(atMs - 10);
});

test('each work has its own time, however many are watched', async () => {
  const clock = new VirtualClock();
  const watch = new SilenceWatch(clock, BOUNDS);
  const endedMs: number[] = [];
  for (let i = 0; i < 100; i += 1) {
    void failureOf(watch.run('the call', undefined, never)).then(() => endedMs.push(clock.monotonic()));
    await clock.advance(70);
  }
  await clock.advance(100_000);
  expect(endedMs).toEqual(Array.from({ length: 100 }, (_, i) => 30_000 + 70 * i));
});

test('work ends with its outer signal, for its reason, and leaves no listener behind', async () => {
  const watch = new SilenceWatch(new VirtualClock(), BOUNDS);
  const outer = new AbortController();
  expect(await watch.run('the call', outer.signal, async () => 1)).toBe(1);
  let inner: unknown;
  const failure = failureOf(
    watch.run('the call', outer.signal, (signal) => {
      signal.addEventListener('abort', () => (inner = signal.reason));
      return never();
    }),
  );
  expect(getEventListeners(outer.signal, 'abort')).toHaveLength(1);
  const reason = new Error('enough');
  outer.abort(reason);
  expect([await failure, inner]).toEqual(['enough', reason]);
  expect(getEventListeners(outer.signal, 'abort')).toHaveLength(0);
  expect(await failureOf(watch.run('the call', outer.signal, never))).toBe('enough');
});

test('nothing is slept for once nothing is watched', async () => {
  const clock = new VirtualClock();
  let sleeps = 0;
  const counting = {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    sleep: (...args: Parameters<VirtualClock['sleep']>) => {
      sleeps += 1;
      return clock.sleep(...args);
    },
  };
  const watch = new SilenceWatch(counting, BOUNDS);
  for (let i = 0; i < 1_000; i += 1) await watch.run('the call', undefined, async () => i);
  await clock.advance(100_000);
  expect(sleeps).toBe(1);
});
