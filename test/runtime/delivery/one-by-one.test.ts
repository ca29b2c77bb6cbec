import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { OneByOne } from '../../../src/runtime/delivery/one-by-one.ts';

test('who had its turn listens no more', async () => {
  const turns = new OneByOne();
  const { signal } = new AbortController();
  for (let n = 0; n < 3; n += 1) (await turns.enter(signal))!();
  expect(getEventListeners(signal, 'abort')).toHaveLength(0);
});
