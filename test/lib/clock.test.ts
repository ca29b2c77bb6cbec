import { expect, test } from 'vitest';
import { withDeadline } from '../../src/lib/clock.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const OPTIONS = { what: 'the call' };
const failureOf = (work: Promise<unknown>) => work.then(String, (error: Error) => error.message);

test('a deadline ends work that takes longer', async () => {
  const clock = new VirtualClock();
  const failure = failureOf(withDeadline(clock, 10_000, OPTIONS, () => new Promise(() => {})));
  await clock.advance(10_000);
  expect(await failure).toBe('the call took longer than 10000 ms');
});
