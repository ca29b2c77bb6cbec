import { expect, test } from 'vitest';
import { withDeadline, withSilenceDeadline } from '../../src/lib/clock.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const OPTIONS = { what: 'the call', firstMs: 30_000 };
const failureOf = (work: Promise<unknown>) => work.then(String, (error: Error) => error.message);

test('a deadline ends work that takes longer', async () => {
  const clock = new VirtualClock();
  const failure = failureOf(withDeadline(clock, 10_000, OPTIONS, () => new Promise(() => {})));
  await clock.advance(10_000);
  expect(await failure).toBe('the call took longer than 10000 ms');
});

test('a deadline for silence lets work go on for as long as something comes', async () => {
  const clock = new VirtualClock();
  const work = withSilenceDeadline(clock, 10_000, OPTIONS, async (_, onHeard) => {
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
  const work = withSilenceDeadline(clock, 10_000, OPTIONS, async (signal, onHeard) => {
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
