import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { bounded, systemClock, withDeadline } from '../../src/lib/clock.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const OPTIONS = { what: 'the call' };
const failureOf = (work: Promise<unknown>) => work.then(String, (error: Error) => error.message);
const untilAborted = (signal: AbortSignal) =>
  new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('of the work'))));

test('a deadline ends work that takes longer', async () => {
  const clock = new VirtualClock();
  const failure = failureOf(withDeadline(clock, 10_000, OPTIONS, untilAborted));
  await clock.advance(10_000);
  expect(await failure).toBe('the call took longer than 10000 ms');
});

test.each([
  ['of a test', new VirtualClock(), 0],
  ['of the system', systemClock, 0],
  ['of the system, later', systemClock, 1],
])('a deadline by the clock %s ends work that takes longer', async (_, clock, ms) => {
  expect(await failureOf(withDeadline(clock, ms, OPTIONS, untilAborted))).toBe(
    `the call took longer than ${ms} ms`,
  );
});

test.each([
  ['of a test', new VirtualClock()],
  ['of the system', systemClock],
])(
  'a call by the clock %s ends with its caller, whose reason it has, and leaves nothing',
  async (_, clock) => {
    const caller = new AbortController();
    const options = { ...OPTIONS, signal: caller.signal };
    expect(await withDeadline(clock, 60_000, options, async () => 'done')).toBe('done');
    expect(getEventListeners(caller.signal, 'abort')).toEqual([]);
    const failure = failureOf(withDeadline(clock, 60_000, options, untilAborted));
    caller.abort(new Error('of the caller'));
    expect(await failure).toBe('of the caller');
    const never = () => new Promise(() => {});
    expect(await failureOf(withDeadline(clock, 60_000, options, never))).toBe('of the caller');
  },
);

test('work is told once that it is over, also when it is only asked later how to stop it', async () => {
  const clock = new VirtualClock();
  const told: string[] = [];
  const tell = (name: string) => (reason: unknown) => void told.push(`${name}: ${(reason as Error).message}`);
  const late = Promise.withResolvers<void>();
  const failure = failureOf(
    bounded(clock, 1_000, OPTIONS, async (onEnd) => {
      onEnd(tell('first'));
      onEnd(tell('second'));
      await late.promise;
      onEnd(tell('third'));
    }),
  );
  await clock.advance(1_000);
  const message = 'the call took longer than 1000 ms';
  expect(await failure).toBe(message);
  expect(told).toEqual([`second: ${message}`]);
  late.resolve();
  await clock.advance(0);
  expect(told).toEqual([`second: ${message}`, `third: ${message}`]);
});

test('work that throws at once, on a call that is over already, ends with the reason of its caller', async () => {
  const signal = AbortSignal.abort(new Error('of the caller'));
  const throws = () => {
    throw new Error('of the work');
  };
  expect(await failureOf(bounded(systemClock, 1_000, { ...OPTIONS, signal }, throws))).toBe('of the caller');
});
