import * as fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { DelayHeap } from '../../src/kubernetes/delay-heap.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { WorkQueue, type Work, type WorkQueueOptions } from '../../src/kubernetes/work-queue.ts';
import { ManualClock, settle } from '../support/manual-clock.ts';

let clock: ManualClock;
let stop: AbortController;
beforeEach(() => {
  clock = new ManualClock();
  stop = new AbortController();
});

const backoff = { baseMs: 100, maxMs: 1_000 };
function aQueue(options: Partial<WorkQueueOptions> = {}): WorkQueue {
  return new WorkQueue({ clock, random: () => 1, concurrency: 2, backoff, onFailure: () => {}, ...options });
}

/** Work that ends when the test says so. */
function heldWork() {
  const started: string[] = [];
  const ends = new Map<string, PromiseWithResolvers<number | undefined>>();
  const work: Work = (key) => {
    started.push(key);
    const end = Promise.withResolvers<number | undefined>();
    ends.set(key, end);
    return end.promise;
  };
  const finish = async (key: string, afterMs?: number) => {
    ends.get(key)?.resolve(afterMs);
    await settle();
  };
  return { started, work, finish };
}

describe('the work queue', () => {
  test('works on a key once however often it was added', async () => {
    const queue = aQueue();
    const seen: string[] = [];
    for (let i = 0; i < 5; i += 1) queue.add('a');
    queue.add('b');
    void queue.run(stop.signal, async (key) => void seen.push(key));
    await settle();
    expect(seen).toEqual(['a', 'b']);
  });

  test('tells how long the round that has run longest has been running', async () => {
    const queue = aQueue();
    const { work, finish } = heldWork();
    void queue.run(stop.signal, work);
    expect(queue.longestRoundMs).toBe(0);
    queue.add('a');
    await settle();
    await clock.advance(1_000);
    queue.add('b');
    await settle();
    await clock.advance(500);
    expect(queue.longestRoundMs).toBe(1_500);
    await finish('a');
    expect(queue.longestRoundMs).toBe(500);
    await finish('b');
    expect(queue.longestRoundMs).toBe(0);
  });

  test('never works twice on a key at a time, and comes back once when it was added meanwhile', async () => {
    const queue = aQueue();
    const { started, work, finish } = heldWork();
    void queue.run(stop.signal, work);
    queue.add('a');
    await settle();
    queue.add('a');
    queue.add('a');
    await settle();
    expect(started).toEqual(['a']);
    await finish('a');
    expect(started).toEqual(['a', 'a']);
    await finish('a');
    expect(started).toEqual(['a', 'a']);
  });

  test('works on as many keys at once as it may, first come, first served', async () => {
    const queue = aQueue({ concurrency: 2 });
    const { started, work, finish } = heldWork();
    void queue.run(stop.signal, work);
    for (const key of ['a', 'b', 'c', 'd']) queue.add(key);
    await settle();
    expect([started, queue.running, queue.waiting]).toEqual([['a', 'b'], 2, 2]);
    await finish('b');
    expect(started).toEqual(['a', 'b', 'c']);
  });

  test('waits as long as asked, and no longer than the earliest asked', async () => {
    const queue = aQueue();
    const seen: [string, number][] = [];
    void queue.run(stop.signal, async (key) => void seen.push([key, clock.monotonic()]));
    queue.add('late', { afterMs: 500 });
    queue.add('a', { afterMs: 300 });
    queue.add('a', { afterMs: 100 });
    queue.add('a', { afterMs: 200 });
    await clock.advance(1_000);
    expect(seen).toEqual([
      ['a', 100],
      ['late', 500],
    ]);
  });

  test('looks again when the work asks for it', async () => {
    const queue = aQueue();
    const seen: number[] = [];
    void queue.run(stop.signal, async () => {
      seen.push(clock.monotonic());
      return seen.length < 3 ? 1_000 : undefined;
    });
    queue.add('a');
    await clock.advance(10_000);
    expect(seen).toEqual([0, 1_000, 2_000]);
  });

  test('backs a failing key off up to the bound, holds up no other, and forgets after a success', async () => {
    const failures: [number, number][] = [];
    const queue = aQueue({
      concurrency: 1,
      onFailure: ({ failures: n, retryInMs }) => failures.push([n, retryInMs]),
    });
    const good: number[] = [];
    let broken = true;
    void queue.run(stop.signal, async (key) => {
      if (key === 'bad' && broken) throw new Error('no');
      good.push(clock.monotonic());
      return undefined;
    });
    queue.add('bad');
    queue.add('good');
    await clock.advance(2_400);
    expect(failures).toEqual([
      [1, 100],
      [2, 200],
      [3, 400],
      [4, 800],
      [5, 1_000],
    ]);
    expect(good).toEqual([0]);
    broken = false;
    await clock.advance(1_000);
    expect(good).toEqual([0, 2_500]);
    broken = true;
    queue.add('bad');
    await clock.advance(0);
    expect(failures.at(-1)).toEqual([1, 100]);
  });

  test('keeps the pace of a round that failed in part, and counts it as failed', async () => {
    const failures: [number, number][] = [];
    const failed: boolean[] = [];
    const queue = aQueue({
      onFailure: ({ failures: n, retryInMs }) => failures.push([n, retryInMs]),
      onDone: (round) => failed.push(round.failed),
    });
    const error = new KcgError('AccessDenied', 'no');
    void queue.run(stop.signal, async () =>
      failed.length === 0 ? { error, failures: 3, retryInMs: 60_000, inMs: 500 } : undefined,
    );
    queue.add('a');
    await clock.advance(499);
    expect(failed).toEqual([true]);
    await clock.advance(1);
    expect(failed).toEqual([true, false]);
    expect(failures).toEqual([[3, 60_000]]);
  });

  test('says of a round in which nothing was tried that it is stuck, and of no failure', async () => {
    const rounds: boolean[][] = [];
    const queue = aQueue({ onDone: ({ failed, stuck }) => rounds.push([failed, stuck]) });
    void queue.run(stop.signal, async () => {
      if (rounds.length === 0) throw new KcgError('Unavailable', 'no');
      return rounds.length === 1 ? { stuck: true, inMs: 500 } : undefined;
    });
    queue.add('a');
    await clock.advance(1_000);
    expect(rounds).toEqual([
      [true, true],
      [false, true],
      [false, false],
    ]);
  });

  test('works on the first change of a burst at once, and on the rest together after the gap', async () => {
    const queue = aQueue({ gapMs: 1_000 });
    const seen: [string, number][] = [];
    void queue.run(stop.signal, async (key) => void seen.push([key, clock.monotonic()]));
    for (let change = 0; change < 10; change += 1) {
      queue.add('a');
      await clock.advance(50);
    }
    queue.add('b');
    await clock.advance(5_000);
    queue.add('a');
    await clock.advance(0);
    expect(seen).toEqual([
      ['a', 0],
      ['b', 500],
      ['a', 1_000],
      ['a', 5_500],
    ]);
  });

  test('keeps the gap after a round during which the key changed, and counts it from the end', async () => {
    const queue = aQueue({ gapMs: 1_000 });
    const { started, work, finish } = heldWork();
    void queue.run(stop.signal, work);
    queue.add('a');
    await clock.advance(3_000);
    queue.add('a');
    await finish('a');
    await clock.advance(999);
    expect(started).toEqual(['a']);
    await clock.advance(1);
    expect(started).toEqual(['a', 'a']);
  });

  test('keeps no gap before what is urgent, whether the key rests, waits for its gap or is worked on', async () => {
    const queue = aQueue({ gapMs: 1_000 });
    const { started, work, finish } = heldWork();
    void queue.run(stop.signal, work);
    queue.add('a');
    await settle();
    queue.add('a', { reason: 'urgent' });
    await finish('a');
    expect(started).toHaveLength(2);
    await finish('a');
    queue.add('a');
    await clock.advance(500);
    expect(started).toHaveLength(2);
    queue.add('a', { reason: 'urgent' });
    await clock.advance(0);
    expect(started).toHaveLength(3);
    await finish('a');
    queue.add('a');
    await clock.advance(999);
    expect(started).toHaveLength(3);
    await clock.advance(1);
    expect(started).toHaveLength(4);
  });

  test('keeps no gap when the work itself asks to look again sooner', async () => {
    const queue = aQueue({ gapMs: 1_000 });
    const seen: number[] = [];
    void queue.run(stop.signal, async () => {
      seen.push(clock.monotonic());
      return seen.length < 3 ? 100 : undefined;
    });
    queue.add('a');
    await clock.advance(2_000);
    expect(seen).toEqual([0, 100, 200]);
  });

  test('looks at a failed key at once when it changes', async () => {
    const queue = aQueue({ backoff: { baseMs: 60_000, maxMs: 60_000 } });
    const seen: number[] = [];
    void queue.run(stop.signal, async () => {
      seen.push(clock.monotonic());
      throw new Error('no');
    });
    queue.add('a');
    await clock.advance(10);
    queue.add('a');
    await clock.advance(10);
    expect(seen).toEqual([0, 10]);
  });

  test('ends after the work under way has ended, and starts nothing more', async () => {
    const queue = aQueue();
    const { started, work, finish } = heldWork();
    let ended = false;
    const run = queue.run(stop.signal, work).then(() => (ended = true));
    queue.add('a');
    await settle();
    stop.abort();
    queue.add('b');
    await settle();
    expect([started, ended]).toEqual([['a'], false]);
    await finish('a', 0);
    await run;
    expect(started).toEqual(['a']);
  });
});

describe('the delay heap', () => {
  test('gives keys by time, then by arrival, like a sorted list would', () => {
    const step = fc.record({
      key: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      at: fc.nat(9),
      remove: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const heap = new DelayHeap();
        const model = new Map<string, { at: number; order: number }>();
        for (const [order, { key, at, remove }] of steps.entries()) {
          if (remove) {
            heap.remove(key);
            model.delete(key);
          } else {
            heap.add(key, at);
            if ((model.get(key)?.at ?? Infinity) > at) model.set(key, { at, order });
          }
        }
        const expected = [...model]
          .sort(([, a], [, b]) => a.at - b.at || a.order - b.order)
          .map(([key]) => key);
        const actual: string[] = [];
        for (let first = heap.first(); first; first = heap.first()) {
          actual.push(first.key);
          heap.remove(first.key);
        }
        expect(actual).toEqual(expected);
      }),
    );
  });
});

describe('a queue with lanes', () => {
  const laneOf = (key: string) => key[0]!;

  test('works on so many keys of each, so that a slow lane holds up no other', async () => {
    const queue = aQueue({ concurrency: 2, laneOf });
    const { started, work, finish } = heldWork();
    void queue.run(stop.signal, work);
    for (const key of ['a1', 'a2', 'a3', 'a4', 'b1']) queue.add(key);
    await settle();
    expect(started).toEqual(['a1', 'b1', 'a2']);
    expect(queue.waiting).toBe(2);
    await finish('b1');
    expect(started).toEqual(['a1', 'b1', 'a2']);
    await finish('a2');
    await finish('a1');
    expect(started).toEqual(['a1', 'b1', 'a2', 'a3', 'a4']);
  });

  test('takes an urgent key first, in its lane as well, but all others at least each fourth time', async () => {
    const queue = aQueue({ concurrency: 1, laneOf });
    const { started, work, finish } = heldWork();
    void queue.run(stop.signal, work);
    queue.add('a0');
    await settle();
    for (const key of ['a1', 'a2']) queue.add(key);
    await settle();
    for (const key of ['a5', 'a6']) queue.add(key, { reason: 'urgent' });
    await settle();
    for (const key of ['a0', 'a5', 'a6', 'a1', 'a2']) await finish(key);
    expect(started).toEqual(['a0', 'a5', 'a6', 'a1', 'a2']);
  });

  test('does not let an urgent key that is added again and again while it runs keep others waiting', async () => {
    const queue = aQueue({ concurrency: 1, laneOf });
    const { started, work, finish } = heldWork();
    void queue.run(stop.signal, work);
    queue.add('a0', { reason: 'urgent' });
    await settle();
    for (const key of ['a1', 'a2']) queue.add(key);
    await settle();
    for (let round = 0; round < 8; round += 1) {
      queue.add('a0', { reason: 'urgent' });
      await settle();
      await finish(started.at(-1)!);
    }
    expect(started).toEqual(['a0', 'a1', 'a0', 'a2', 'a0', 'a0', 'a0', 'a0', 'a0']);
  });

  test('never works twice on a key at a time whose lane changes while it waits for room', async () => {
    const moved = new Set<string>();
    const queue = aQueue({ concurrency: 1, laneOf: (key) => (moved.has(key) ? 'other' : laneOf(key)) });
    const { started, work, finish } = heldWork();
    void queue.run(stop.signal, work);
    for (const key of ['a1', 'a2', 'a3']) queue.add(key);
    await settle();
    moved.add('a2');
    queue.add('a2');
    await settle();
    expect(started).toEqual(['a1', 'a2']);
    await finish('a1');
    expect(started).toEqual(['a1', 'a2', 'a3']);
    await finish('a2');
    expect(started).toEqual(['a1', 'a2', 'a3']);
    expect([queue.running, queue.waiting]).toEqual([1, 0]);
  });

  test('does not let urgent keys keep others waiting for ever', async () => {
    const queue = aQueue({ concurrency: 1 });
    const seen: string[] = [];
    for (let n = 0; n < 6; n += 1) queue.add(`urgent-${n}`, { reason: 'urgent' });
    queue.add('other');
    void queue.run(stop.signal, async (key) => void seen.push(key));
    await settle();
    expect(seen).toHaveLength(7);
    expect(seen.indexOf('other')).toBe(3);
  });

  test('looks at what has changed before what was never looked at, and at that before what is only due', async () => {
    const queue = aQueue({ concurrency: 1 });
    const { started, work, finish } = heldWork();
    void queue.run(stop.signal, work);
    queue.add('busy');
    queue.add('due', { afterMs: 10, reason: 'routine' });
    await clock.advance(20);
    for (const key of ['new-1', 'new-2', 'moved-later']) queue.add(key, { reason: 'first' });
    queue.add('moved');
    await clock.advance(10);
    queue.add('moved-later');
    for (const key of ['busy', 'moved', 'moved-later', 'new-1', 'new-2']) await finish(key);
    expect(started).toEqual(['busy', 'moved', 'moved-later', 'new-1', 'new-2', 'due']);
  });

  test('takes a look that waits for what is on its way for a change, unless something is in the way', async () => {
    const queue = aQueue({ concurrency: 1 });
    const started: string[] = [];
    void queue.run(stop.signal, async (key) => {
      started.push(key);
      if (key === 'held') await clock.sleep(3_500);
      if (key === 'table is made') return 3_000;
      return key === 'refused' ? { stuck: true, inMs: 3_000 } : undefined;
    });
    for (const key of ['refused', 'table is made']) queue.add(key);
    await settle();
    for (const key of ['held', 'new']) queue.add(key, { reason: 'first' });
    await clock.advance(3_500);
    expect(started).toEqual(['refused', 'table is made', 'held', 'table is made', 'new', 'refused']);
  });
});
