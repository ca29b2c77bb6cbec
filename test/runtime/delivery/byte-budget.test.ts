import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { ByteBudget } from '../../../src/runtime/delivery/byte-budget.ts';

test('room comes when enough is removed, and not before', async () => {
  const budget = new ByteBudget(10);
  budget.add(15);
  let resumed = false;
  const waiting = budget.room(new AbortController().signal).then(() => (resumed = true));
  budget.remove(5);
  await Promise.resolve();
  expect([budget.isFull, resumed]).toEqual([true, false]);
  budget.remove(1);
  await waiting;
  expect(budget.isFull).toBe(false);
});

test('a thousand waits leave nothing behind, whether there was room or the waiter gave up', async () => {
  const budget = new ByteBudget(10);
  const stop = new AbortController();
  for (let i = 0; i < 1_000; i += 1) {
    budget.add(10);
    const waiting = budget.room(stop.signal);
    budget.remove(10);
    await waiting;
  }
  budget.add(10);
  const waiting = budget.room(stop.signal);
  expect(getEventListeners(stop.signal, 'abort')).toHaveLength(1);
  stop.abort();
  await waiting;
  expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0);
});
