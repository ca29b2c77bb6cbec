import { describe, expect, test } from 'vitest';
import type { BegunBatch } from '../../../src/leases/unfinished.ts';
import { KcgError } from '../../../src/lib/errors.ts';
import { STEADY_MS } from '../../../src/runtime/delivery/care.ts';
import { OneByOne } from '../../../src/runtime/delivery/one-by-one.ts';
import type { HandlerResult } from '../../../src/runtime/handlers/handler.ts';
import type { Handle } from './a-read-shard.ts';
import { aTroubledShard } from './a-troubled-shard.ts';

const done: HandlerResult = { outcome: 'done' };
const failed: HandlerResult = { outcome: 'failed', error: new KcgError('HandlerFailed', 'no') };
const once = { maxAttempts: 0 };

const begun = (more: Partial<BegunBatch> = {}) => ({
  endings: 3,
  begun: { sequence: '1', records: 2, failures: 0, calls: 0, ...more },
});

describe('after two owners that ended', () => {
  const unfinished = { endings: 2 };

  test('the row says what is begun before the handler has it, and how it went before the next', async () => {
    const { clock, rows, end } = aTroubledShard({
      reads: [['a', 'b', 'c', 'd']],
      batchSize: 2,
      policy: once,
      unfinished,
    });
    await clock.advance(1_000);
    expect(rows).toMatchObject([
      {
        sequence: 'TRIM_HORIZON',
        endings: 2,
        begun: '1',
        begun_records: 2,
        begun_failures: 0,
        begun_calls: 0,
      },
      { sequence: '2', endings: 2, begun: '3' },
    ]);
    await end();
  });

  test.each([
    ['nothing is given up or halved', { policy: {} }],
    ['only one has', { policy: once, unfinished: { endings: 1 } }],
    ['the program is not the worker’s', { policy: once, kind: 'http' as const }],
  ])('nothing is written for it where %s', async (_, options) => {
    const { clock, writes, end } = aTroubledShard({ reads: [['a', 'b']], unfinished, ...options });
    await clock.advance(1_000);
    expect(writes.filter(({ set }) => set && 'begun' in set)).toEqual([]);
    await end();
  });

  test('the shard is as any other once an owner has got on with it for a minute', async () => {
    const reads = Array.from({ length: 100 }, () => ['a']);
    const { clock, writes, checkpointer, end } = aTroubledShard({
      reads,
      readEveryMs: 1_000,
      policy: once,
      unfinished,
    });
    expect(checkpointer.mostMs).toBe(0);
    await clock.advance(STEADY_MS - 2_000);
    expect(checkpointer.mostMs).toBe(500);
    expect(writes.at(-1)?.set).toMatchObject({ endings: 2 });
    expect(writes.at(-1)?.set).not.toHaveProperty('begun');
    await clock.advance(5_000);
    expect(writes.at(-1)?.set).not.toHaveProperty('endings');
    expect(writes.at(-1)?.remove).toContain('endings');
    expect(checkpointer.mostMs).toBe(Infinity);
    await end();
  });

  test('the worker has one such batch at work at a time', async () => {
    const turns = new OneByOne();
    let [running, most] = [0, 0];
    const handle: Handle = async () => {
      running += 1;
      most = Math.max(most, running);
      await Promise.resolve();
      running -= 1;
      return done;
    };
    const shared = { reads: [['a', 'b', 'c']], batchSize: 1, policy: once, unfinished, turns, handle };
    const shards = [aTroubledShard(shared), aTroubledShard(shared)];
    for (let ms = 0; ms < 1_000; ms += 10) for (const { clock } of shards) await clock.advance(10);
    expect(shards.map(({ calls }) => calls.length)).toEqual([3, 3]);
    expect(most).toBe(1);
    for (const { end } of shards) await end();
  });

  test('what a program has done and not checkpointed is begun no more', async () => {
    const does = async () => done;
    const [broken, close] = [new Promise<KcgError>(() => {}), async () => {}];
    const told = { start: does, handle: does, shardEnded: does, shutdownRequested: does };
    const program = { broken, close, ...told };
    const { clock, writes, end } = aTroubledShard({
      reads: [['a']],
      policy: once,
      unfinished,
      open: () => program,
    });
    await clock.advance(1_000);
    expect(writes.map(({ set }) => set?.['begun'])).toEqual(['1', undefined]);
    await end();
  });

  test('a shard at rest says so once a minute has passed', async () => {
    const reads = [['a'], ...Array.from({ length: 100 }, () => [])];
    const { clock, writes, end } = aTroubledShard({ reads, readEveryMs: 1_000, policy: once, unfinished });
    await clock.advance(STEADY_MS - 2_000);
    const before = writes.length;
    expect(writes.at(-1)?.set).toMatchObject({ endings: 2 });
    await clock.advance(30_000);
    expect(writes.at(-1)?.set).not.toHaveProperty('endings');
    expect(writes).toHaveLength(before + 1);
    await end();
  });
});

describe('a batch that the row shows as begun', () => {
  const reads = [['a', 'b', 'c']];

  test('may not have been called the first time: it is tried once more', async () => {
    const shard = aTroubledShard({ reads, batchSize: 3, policy: once, unfinished: begun() });
    await shard.clock.advance(1_000);
    expect(shard.calls).toEqual([[1, 2], [3]]);
    expect(shard.rows[0]).toMatchObject({ begun: '1', begun_records: 2, begun_calls: 1 });
    expect(shard.told('HandlerFailed')).toMatchObject([{ attempt: 1, retryInMs: 0 }]);
    expect(shard.told('RecordsGivenUp')).toEqual([]);
    await shard.end();
  });

  test('has failed when an owner ended on it again, and is given up by the policy', async () => {
    const shard = aTroubledShard({ reads, policy: once, unfinished: begun({ calls: 1 }) });
    await shard.clock.advance(1_000);
    expect(shard.calls).toEqual([[3]]);
    expect(shard.told('RecordsGivenUp')).toMatchObject([{ first: '1', last: '2', attempts: 2 }]);
    expect(shard.checkpoint()).toBe(3);
    await shard.end();
  });

  test('has failed at once when its owner knew that the call was made', async () => {
    const shard = aTroubledShard({ reads, policy: once, unfinished: begun({ isMade: true }) });
    await shard.clock.advance(1_000);
    expect(shard.told('RecordsGivenUp')).toMatchObject([{ first: '1', last: '2', attempts: 1 }]);
    await shard.end();
  });

  test('is halved, and its failures are those of the whole', async () => {
    const policy = { maxAttempts: 1, bisectOnError: true };
    const shard = aTroubledShard({ reads, policy, unfinished: begun({ calls: 4, failures: 1 }) });
    await shard.clock.advance(1_000);
    expect(shard.calls).toEqual([[1], [2], [3]]);
    expect(shard.rows[0]).toMatchObject({ begun: '1', begun_records: 1, begun_failures: 1, begun_calls: 5 });
    await shard.end();
  });

  test('has no records that come in its place where they are parted otherwise now', async () => {
    const reads = [['a', 'a', 'b', 'a', 'a', 'a']];
    const left = begun({ records: 3, last: '3', isMade: true });
    const shard = aTroubledShard({ reads, lanes: 4, policy: once, unfinished: left });
    await shard.clock.advance(1_000);
    expect(shard.told('RecordsGivenUp')).toMatchObject([{ first: '1', last: '2' }]);
    expect(shard.calls.flat()).toEqual([3, 4, 5, 6]);
    await shard.end();
  });

  test('is met where it is, behind records that come again', async () => {
    const left = begun({ sequence: '3', records: 1, isMade: true });
    const shard = aTroubledShard({ reads: [['a', 'b', 'c', 'd']], policy: once, unfinished: left });
    await shard.clock.advance(1_000);
    expect(shard.calls).toEqual([[1, 2], [4]]);
    expect(shard.told('RecordsGivenUp')).toMatchObject([{ first: '3', last: '3' }]);
    await shard.end();
  });

  test('is forgotten when its records are gone', async () => {
    const shard = aTroubledShard({ reads, policy: once, unfinished: begun({ sequence: '0', calls: 5 }) });
    await shard.clock.advance(1_000);
    expect(shard.calls.flat()).toEqual([1, 2, 3]);
    expect(shard.told('RecordsGivenUp')).toEqual([]);
    await shard.end();
  });
});

test('a record that gets too old while its turn comes is not tried', async () => {
  const turns = new OneByOne();
  const policy = { maxAttempts: 0, maxRecordAgeMs: 60_000 };
  const shard = aTroubledShard({ reads: [['a', 'b@60000']], policy, unfinished: { endings: 2 }, turns });
  const leave = await turns.enter(new AbortController().signal);
  await shard.clock.advance(61_000);
  leave!();
  await shard.clock.advance(1_000);
  expect(shard.calls).toEqual([[2]]);
  expect(shard.told('RecordsGivenUp')).toMatchObject([{ condition: 'RecordAgeExceeded', records: 1 }]);
  await shard.end();
});

test('who is told to stop while a batch waits to be begun leaves nothing that counts against it', async () => {
  const turns = new OneByOne();
  const shard = aTroubledShard({ reads: [['a']], policy: once, unfinished: { endings: 2 }, turns });
  const leave = await turns.enter(new AbortController().signal);
  await shard.clock.advance(100);
  const drained = shard.consumer.drain(1_000);
  await shard.clock.advance(100);
  expect(await drained).toEqual({ as: 'drained' });
  expect(shard.calls).toEqual([]);
  expect(shard.consumer.standing()?.unfinished).toEqual({ endings: 2, begun: undefined });
  leave!();
});

test.each([failed, done])(
  'a call that is cut off, and is then $outcome, has not failed by itself',
  async (result) => {
    const handle: Handle = async (_, { signal }) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve));
      return result;
    };
    const shard = aTroubledShard({ reads: [['a']], policy: once, unfinished: { endings: 2 }, handle });
    await shard.clock.advance(100);
    const drained = shard.consumer.drain(1_000);
    await shard.clock.advance(5_000);
    expect(await drained).toEqual({ as: 'drained' });
    expect(shard.consumer.standing()?.unfinished?.begun).toBeUndefined();
  },
);

test('a call that fails as its worker is told to stop has not failed by itself', async () => {
  let isStopping = false;
  const handle: Handle = async () => {
    isStopping = true;
    return failed;
  };
  const shard = aTroubledShard({
    reads: [['a']],
    policy: once,
    unfinished: { endings: 2 },
    handle,
    isStopping: () => isStopping,
  });
  await shard.clock.advance(100);
  const drained = shard.consumer.drain(1_000);
  await shard.clock.advance(5_000);
  expect(await drained).toEqual({ as: 'drained' });
  expect(shard.consumer.standing()?.unfinished?.begun).toBeUndefined();
});
