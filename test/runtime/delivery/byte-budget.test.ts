import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { ByteBudget } from '../../../src/runtime/delivery/byte-budget.ts';

/** A budget of twenty bytes, and two shards of it: each has a part of five. */
function aBudget() {
  const budget = new ByteBudget(20);
  return { budget, slow: budget.share(100), quick: budget.share(100), stop: new AbortController() };
}

test('room comes when enough is removed, and not before', async () => {
  const { budget, slow, quick, stop } = aBudget();
  quick.add(6);
  slow.add(20);
  let resumed = false;
  const waiting = quick.room(stop.signal).then(() => (resumed = true));
  slow.remove(6);
  await Promise.resolve();
  expect([budget.isFull, resumed]).toEqual([true, false]);
  slow.remove(1);
  await waiting;
  expect(budget.isFull).toBe(false);
});

test('a shard that waits takes nothing of the others’ parts: they read on while they process', () => {
  const { budget, slow, quick } = aBudget();
  slow.add(15);
  expect([budget.isFull, slow.mayFetch]).toEqual([true, false]);
  quick.add(4);
  expect(quick.mayFetch).toBe(true);
  quick.add(1);
  expect(quick.mayFetch).toBe(false);
});

test('what shards hold in all stays within the budget, and one more read each, whoever waits', () => {
  const budget = new ByteBudget(1_000);
  const shares = Array.from({ length: 10 }, () => budget.share(1_000));
  let held = 0;
  for (const share of [...shares, ...shares]) {
    while (share.mayFetch) {
      share.add(1);
      held += 1;
    }
  }
  expect(held).toBe(1_000);
});

test('a shard that holds nothing may always fetch, also one that waited when it held something', async () => {
  const { slow, quick, stop } = aBudget();
  slow.add(25);
  expect([slow.mayFetch, quick.mayFetch]).toEqual([false, true]);
  quick.add(5);
  const waiting = quick.room(stop.signal);
  quick.remove(5);
  await waiting;
});

test('a shard fetches no further ahead than it may, however much room there is', () => {
  const share = new ByteBudget(1_000).share(10);
  share.add(10);
  expect(share.mayFetch).toBe(true);
  share.add(1);
  expect(share.mayFetch).toBe(false);
  share.remove(11);
  expect(share.mayFetch).toBe(true);
});

const MIB = 1024 * 1024;

test('a read may bring much where there is room, and what was asked for makes the next ones smaller', () => {
  const budget = new ByteBudget(4 * MIB);
  const [first, second, third, fourth] = Array.from({ length: 4 }, () => budget.share(100 * MIB));
  expect(first!.ask()).toBe(1.5 * MIB);
  expect(second!.ask()).toBe(1.5 * MIB);
  // Each may always ask for its part.
  expect([third!.ask(), fourth!.ask()]).toEqual([0.5 * MIB, 0.5 * MIB]);
  first!.settle();
  expect(fourth!.ask()).toBe(1.5 * MIB);
});

test('what has come counts in place of what was asked for', () => {
  const budget = new ByteBudget(4 * MIB);
  const [first, second] = [budget.share(100 * MIB), budget.share(100 * MIB)];
  first.ask();
  first.add(2.75 * MIB);
  first.settle();
  expect(second.ask()).toBe(1.25 * MIB);
});

test('what was asked for keeps nobody from reading, and hurries nobody', () => {
  const budget = new ByteBudget(4 * MIB);
  const shares = Array.from({ length: 100 }, () => budget.share(100 * MIB));
  const [one] = shares;
  one!.add(1);
  for (const share of shares) share.ask();
  expect([one!.mayFetch, one!.isCrowded]).toEqual([true, false]);
});

test('a thousand shards ask for their parts of half the budget, or 64 KiB each', () => {
  const budget = new ByteBudget(64 * MIB);
  const shares = Array.from({ length: 999 }, () => budget.share(100 * MIB));
  const sick = budget.share(100 * MIB);
  sick.add(64 * MIB);
  expect(new Set(shares.map((share) => share.ask()))).toEqual(new Set([64 * 1024]));
  for (const share of shares.slice(31)) share.close();
  expect(shares[0]!.ask()).toBe(1 * MIB);
});

test('a share that is closed gives back what it held and what it asked for', () => {
  const budget = new ByteBudget(4 * MIB);
  const [gone, left] = [budget.share(100 * MIB), budget.share(100 * MIB)];
  gone.ask();
  gone.add(4 * MIB);
  gone.close();
  expect([budget.isFull, left.ask()]).toEqual([false, 1.5 * MIB]);
});

test('a thousand waits leave nothing behind, whether there was room or the waiter gave up', async () => {
  const { slow, quick, stop } = aBudget();
  quick.add(5);
  for (let i = 0; i < 1_000; i += 1) {
    slow.add(20);
    const waiting = quick.room(stop.signal);
    slow.remove(20);
    await waiting;
  }
  slow.add(20);
  const waiting = quick.room(stop.signal);
  expect(getEventListeners(stop.signal, 'abort')).toHaveLength(1);
  stop.abort();
  await waiting;
  expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0);
});
