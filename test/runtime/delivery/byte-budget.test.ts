import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { ByteBudget } from '../../../src/runtime/delivery/byte-budget.ts';

/** A budget of ten bytes, and two shards of it. */
function aBudget() {
  const budget = new ByteBudget(10);
  return { budget, slow: budget.share(100), quick: budget.share(100), stop: new AbortController() };
}

test('room comes when enough is removed, and not before', async () => {
  const { budget, slow, quick, stop } = aBudget();
  slow.add(15);
  quick.add(1);
  let resumed = false;
  const waiting = quick.room(stop.signal).then(() => (resumed = true));
  slow.remove(6);
  await Promise.resolve();
  expect([budget.isFull, resumed]).toEqual([true, false]);
  slow.remove(1);
  await waiting;
  expect(budget.isFull).toBe(false);
});

test('a shard that holds nothing may always fetch, also one that waited when it held something', async () => {
  const { slow, quick, stop } = aBudget();
  slow.add(15);
  expect([slow.mayFetch, quick.mayFetch]).toEqual([false, true]);
  quick.add(1);
  const waiting = quick.room(stop.signal);
  quick.remove(1);
  await waiting;
});

test('a shard fetches no further ahead than it may, however much room there is', () => {
  const share = new ByteBudget(1_000).share(10);
  share.add(10);
  expect(share.mayFetch).toBe(true);
  share.add(1);
  expect(share.mayFetch).toBe(false);
  share.clear();
  expect(share.mayFetch).toBe(true);
});

test('reads are to be small once half is used', () => {
  const { budget, slow } = aBudget();
  slow.add(4);
  expect(budget.isTight).toBe(false);
  slow.add(1);
  expect(budget.isTight).toBe(true);
});

test('a thousand waits leave nothing behind, whether there was room or the waiter gave up', async () => {
  const { slow, quick, stop } = aBudget();
  quick.add(1);
  for (let i = 0; i < 1_000; i += 1) {
    slow.add(10);
    const waiting = quick.room(stop.signal);
    slow.remove(10);
    await waiting;
  }
  slow.add(10);
  const waiting = quick.room(stop.signal);
  expect(getEventListeners(stop.signal, 'abort')).toHaveLength(1);
  stop.abort();
  await waiting;
  expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0);
});
