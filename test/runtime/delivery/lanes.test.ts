import { describe, expect, test } from 'vitest';
import { KcgError } from '../../../src/lib/errors.ts';
import { laneOf } from '../../../src/runtime/delivery/lane-of.ts';
import type { HandlerResult } from '../../../src/runtime/handlers/handler.ts';
import { aReadShard, numbersOf, type Handle } from './a-read-shard.ts';

const LANES = 4;
/** A key of each lane. */
const KEYS = Array.from({ length: LANES }, (_, lane) => {
  const key = Array.from({ length: 100 }, (_, i) => `key-${i}`).find((key) => laneOf(key, LANES) === lane);
  return key!;
});
const [A, B, C, D] = KEYS as [string, string, string, string];
const failed: HandlerResult = { outcome: 'failed', error: new KcgError('HandlerFailed', 'no') };
const done: HandlerResult = { outcome: 'done' };

/** Calls that wait until somebody answers them, by the first record. */
function answeredByHand() {
  const open = new Map<number, (result: HandlerResult) => void>();
  const batches: number[][] = [];
  return {
    open,
    batches,
    handle: ((batch, { signal }) =>
      new Promise((resolve) => {
        const numbers = numbersOf(batch);
        batches.push(numbers);
        open.set(numbers[0]!, (result) => (open.delete(numbers[0]!), resolve(result)));
        signal.addEventListener('abort', () => resolve(failed));
      })) satisfies Handle,
  };
}

describe('the lanes of a shard', () => {
  test('process batches at the same time, each the records of its keys in their order', async () => {
    const { handle, batches } = answeredByHand();
    const { clock, end } = aReadShard({ reads: [[A, B, A, C, D, B, A]], lanes: LANES, handle });
    await clock.advance(10);
    expect(batches).toEqual([[1, 3, 7], [2, 6], [4], [5]]);
    await end();
  });

  test('go on with their next batch by themselves; the checkpoint is the lowest position that is not finished', async () => {
    const { handle, open } = answeredByHand();
    const shard = aReadShard({ reads: [[A, B, A, B, B]], lanes: LANES, batchSize: 1, handle });
    const answer = async (number: number) => {
      open.get(number)!(done);
      await shard.clock.advance(10);
      return shard.checkpoint();
    };
    await shard.clock.advance(10);
    expect(await answer(2)).toBe(0);
    expect(await answer(4)).toBe(0);
    expect(await answer(1)).toBe(2);
    expect(await answer(5)).toBe(2);
    expect(await answer(3)).toBe(5);
    await shard.end();
  });

  test('are not blocked by a batch of another one that fails again and again', async () => {
    const delivered: number[] = [];
    const shard = aReadShard({
      reads: [
        [A, B, C],
        [B, C],
        [D, B],
      ],
      lanes: LANES,
      handle: async (batch) => {
        const numbers = numbersOf(batch);
        if (numbers.includes(1)) return failed;
        delivered.push(...numbers);
        return done;
      },
    });
    await shard.clock.advance(120_000);
    expect(delivered.toSorted((a, b) => a - b)).toEqual([2, 3, 4, 5, 6, 7]);
    expect(shard.told('HandlerFailed').length).toBeGreaterThan(5);
    expect(shard.checkpoint()).toBe(0);
    await shard.end();
  });

  test('are all waited for when the shard is handed over', async () => {
    const { handle, open } = answeredByHand();
    const shard = aReadShard({ reads: [[A, B, C]], lanes: LANES, handle });
    await shard.clock.advance(10);
    const drained = shard.consumer.drain(30_000);
    let isDrained = false;
    void drained.then(() => (isDrained = true));
    for (const number of [3, 1]) {
      open.get(number)!(done);
      await shard.clock.advance(10);
      expect(isDrained).toBe(false);
    }
    open.get(2)!(done);
    await shard.clock.advance(10);
    expect([await drained, shard.checkpoint()]).toEqual([{ as: 'drained' }, 3]);
  });

  test('are all waited for at the end of the shard', async () => {
    const { handle, open } = answeredByHand();
    const shard = aReadShard({ reads: [[A, B]], isClosed: true, lanes: LANES, handle });
    await shard.clock.advance(10);
    let end: unknown;
    void shard.running.then((ended) => (end = ended));
    open.get(2)!(done);
    await shard.clock.advance(10);
    expect(end).toBeUndefined();
    open.get(1)!(done);
    await shard.clock.advance(10);
    expect(end).toMatchObject({ as: 'ended' });
  });

  test('ask for the lease each before its batch', async () => {
    let isGood = true;
    const { handle, batches, open } = answeredByHand();
    const shard = aReadShard({
      reads: [[A, B, A]],
      lanes: LANES,
      batchSize: 1,
      handle,
      leaseIsGood: () => isGood,
    });
    await shard.clock.advance(10);
    isGood = false;
    open.get(1)!(done);
    await shard.clock.advance(10);
    expect([batches.length, shard.checkpoint()]).toEqual([2, 0]);
    open.get(2)!(done);
    expect(await shard.running).toMatchObject({ as: 'lost' });
    expect(shard.checkpoint()).toBe(0);
  });
});
