import { describe, expect, test } from 'vitest';
import type { ReadResult } from '../../../src/kinesis/shard-reader.ts';
import type { UserRecord } from '../../../src/kinesis/record.ts';
import { KcgError } from '../../../src/lib/errors.ts';
import { sendGivenUp } from '../../../src/runtime/delivery/give-up.ts';
import { Lanes } from '../../../src/runtime/delivery/lanes.ts';
import { LoadMeter } from '../../../src/runtime/delivery/load-meter.ts';
import { ReadTroubles } from '../../../src/runtime/delivery/read-troubles.ts';
import { afterCall, newPart, type RetryPolicy } from '../../../src/runtime/delivery/retry-policy.ts';
import { callInTime } from '../../../src/runtime/delivery/timed-call.ts';
import type { FailedResult, HandlerResult } from '../../../src/runtime/handlers/handler.ts';
import { aGivenUpBatch } from '../failure/a-given-up-batch.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';
import { aReadShard, type Handle } from './a-read-shard.ts';

/* Rules that stand behind others, or that show only now and then: removed one by one, each fails a test here. */

const done: HandlerResult = { outcome: 'done' };
const failed: FailedResult = { outcome: 'failed', error: new KcgError('HandlerFailed', 'no') };
const aRecord = (sequence: string, more: Partial<UserRecord> = {}): UserRecord => ({
  sequence,
  partitionKey: 'a',
  data: Buffer.from(sequence),
  arrivedAt: 0,
  ...more,
});

describe('a hand-over while code goes on that was told to stop', () => {
  /** Its time is up after five seconds, and it ends when `stop` is called. */
  const goingOn = () => {
    let stop = () => {};
    const stuck: KcgError[] = [];
    const handle: Handle = (_, { signal }) =>
      new Promise((resolve) => {
        const running = new Promise<void>((end) => (stop = end));
        signal.addEventListener('abort', () => resolve({ ...failed, running }));
      });
    const onStuck = (error: KcgError) => stuck.push(error);
    const shard = aReadShard({ reads: [['a']], timeoutMs: 5_000, handle, onStuck });
    return { shard, stuck, stop: () => stop() };
  };

  test('waits for it, as for a batch', async () => {
    const { shard, stuck, stop } = goingOn();
    await shard.clock.advance(6_000);
    let isDrained = false;
    const drained = shard.consumer.drain(20_000).finally(() => (isDrained = true));
    await shard.clock.advance(10_000);
    expect(isDrained).toBe(false);
    stop();
    await shard.clock.advance(1_000);
    expect([await drained, stuck]).toEqual([{ as: 'drained' }, []]);
  });

  test('ends without it when there is no more time, and no worker has to end for that', async () => {
    const { shard, stuck } = goingOn();
    await shard.clock.advance(6_000);
    const drained = shard.consumer.drain(1_000);
    await shard.clock.advance(2_000);
    expect([await drained, stuck]).toEqual([{ as: 'drained' }, []]);
  });
});

describe('a shard that is lost', () => {
  const handle: Handle = (_, { signal }) =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve(failed)));

  test('stays so when it is to be handed over, and for the first reason', async () => {
    const shard = aReadShard({ reads: [['a']], handle });
    await shard.clock.advance(10);
    shard.consumer.lose('somebody else has it');
    shard.consumer.lose('the worker ends');
    expect(await shard.consumer.drain(1_000)).toEqual({ as: 'lost', why: 'somebody else has it' });
  });

  test('is not told of as unreadable for the read that is broken off', async () => {
    const next = (signal: AbortSignal) =>
      new Promise<ReadResult>((_, reject) =>
        signal.addEventListener('abort', () => reject(new KcgError('Aborted', 'enough'))),
      );
    const shard = aReadShard({ reads: [], handle, reader: { next, unreadForMs: () => 0 } });
    await shard.clock.advance(10);
    shard.consumer.lose('somebody else has it');
    await shard.running;
    expect(shard.told('ReadTrouble')).toEqual([]);
  });
});

test('the checkpoint names the user record of an aggregate while others of it follow, and then the whole of it', async () => {
  const reads: ReadResult[] = [
    {
      records: [0, 1, 2].map((subSequence) => aRecord('7', { subSequence })),
      bytes: 0,
      lastSequence: '7',
      millisBehindLatest: 0,
      end: undefined,
    },
  ];
  const handled: ((result: HandlerResult) => void)[] = [];
  const shard = aReadShard({
    reads: [],
    batchSize: 1,
    handle: () => new Promise((resolve) => handled.push(resolve)),
    reader: { next: async () => reads.shift() ?? new Promise<never>(() => {}), unreadForMs: () => 0 },
  });
  for (const at of [0, 1, 2]) {
    await shard.clock.advance(1_000);
    handled[at]!(done);
  }
  await shard.clock.advance(1_000);
  const positions = shard.writes.map(({ set }) => [set?.['sequence'], set?.['sub_sequence']]);
  expect(positions).toEqual([
    ['7', 0],
    ['7', 1],
    ['7', undefined],
  ]);
  shard.consumer.lose('the test is over');
});

test('every lane learns that the shard has ended: its last batch waits for nothing', () => {
  const lanes = new Lanes(2, { batchSize: 10, batchWindowMs: 60_000 });
  const records = Array.from({ length: 20 }, (_, i) => aRecord(`${i}`, { partitionKey: `key-${i}` }));
  lanes.add({ records, end: { childShards: [] } }, 5);
  expect([0, 1].map((lane) => lanes.buffer(lane).nextDeadlineMs)).toEqual([5, 5]);
});

describe('sending what was given up', () => {
  const send = (
    answer: (signal: AbortSignal) => Promise<void>,
    { mayGoOn = (): boolean => true, stop = new AbortController(), abandon = new AbortController() } = {},
  ) => {
    const clock = new VirtualClock();
    const told: number[] = [];
    let calls = 0;
    const destination = {
      name: 'a queue',
      send: (_: unknown, { signal }: { signal: AbortSignal }) => ((calls += 1), answer(signal)),
      close: async () => {},
    };
    const options = {
      clock,
      random: () => 1,
      destination,
      stop: stop.signal,
      abandon: abandon.signal,
      mayGoOn,
    };
    const onTrouble = (_: KcgError, retryInMs: number) => void told.push(retryInMs);
    return {
      clock,
      told,
      calls: () => calls,
      sent: sendGivenUp(aGivenUpBatch(), { ...options, onTrouble }),
    };
  };
  const away = async () => Promise.reject(new KcgError('Unavailable', 'it is away'));

  test('is tried once, also when the shard is about to be handed over', async () => {
    const stop = new AbortController();
    stop.abort();
    const { sent, calls } = send(away, { stop });
    expect([await sent, calls()]).toEqual([false, 1]);
  });

  test('is not tried again when the lease has run out', async () => {
    let isGood = true;
    const { clock, sent, calls } = send(away, { mayGoOn: () => isGood });
    await clock.advance(0);
    isGood = false;
    await clock.advance(60_000);
    expect([await sent, calls()]).toEqual([false, 1]);
  });

  test('is broken off with the shard, which is no trouble of the destination', async () => {
    const abandon = new AbortController();
    const untilAborted = (signal: AbortSignal) =>
      new Promise<void>((_, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason as Error)),
      );
    const { clock, sent, told } = send(untilAborted, { abandon });
    await clock.advance(0);
    abandon.abort(new KcgError('Aborted', 'somebody else has it'));
    expect([await sent, told]).toEqual([false, []]);
  });

  test('waits as long as the destination asks for', async () => {
    let failures = 1;
    const { clock, sent, told } = send(async () => {
      if (failures-- > 0) throw new KcgError('Throttled', 'later', { retryAfterMs: 7_000 });
    });
    await clock.advance(7_000);
    expect([await sent, told]).toEqual([true, [7_000]]);
  });
});

describe('the retry policy', () => {
  const policy: RetryPolicy = { maxAttempts: 1, maxRecordAgeMs: -1, bisectOnError: false };
  const part = (count: number) => newPart(Array.from({ length: count }, (_, i) => aRecord(`${i}`)));

  test('backs off by what failed and by what did not reach the handler', () => {
    const result: HandlerResult = { ...failed, isMissed: true };
    expect(afterCall({ ...part(1), failures: 2, misses: 1 }, result, policy).backoff).toBe(4);
  });

  test('takes no batch for done that has a failure, whatever position it names', () => {
    expect(afterCall(part(3), { outcome: 'partial', firstFailure: 3 }, policy)).toMatchObject({ done: 2 });
  });

  test('counts attempts anew where the handler got on', () => {
    const verdict = afterCall({ ...part(3), failures: 5 }, { outcome: 'partial', firstFailure: 1 }, policy);
    expect(verdict).toMatchObject({ done: 1, giveUp: undefined, rest: [{ failures: 1 }] });
  });

  test('cuts an odd batch so that the first half is the longer one', () => {
    const { rest } = afterCall(part(3), failed, { ...policy, bisectOnError: true });
    expect(rest.map(({ records }) => records.length)).toEqual([2, 1]);
  });
});

test('a batch that is done after its time is done', async () => {
  const clock = new VirtualClock();
  let finish: (result: HandlerResult) => void = () => {};
  const call = () => new Promise<HandlerResult>((resolve) => (finish = resolve));
  const { signal } = new AbortController();
  const result = callInTime(call, signal, { clock, timeoutMs: 1_000 });
  await clock.advance(2_000);
  finish(done);
  expect(await result).toEqual(done);
});

describe('reads that fail', () => {
  const trouble = { type: 'ReadTrouble', shardId: 's', error: new KcgError('AccessDenied', 'no') } as const;

  test('for a moment are not told, and lasting ones are until the shard is somebody else’s', async () => {
    const clock = new VirtualClock();
    const troubles = new ReadTroubles(clock);
    troubles.note(trouble);
    expect(troubles.worst).toBeUndefined();
    await clock.advance(10_000);
    expect(troubles.worst).toBe('AccessDenied');
    troubles.note({ type: 'ShardStopped', shardId: 's', reason: 'Given' } as never);
    expect(troubles.worst).toBeUndefined();
  });
});

describe('the load of a shard', () => {
  test('is that of its bytes where records are large, and fades', () => {
    const meter = new LoadMeter(0, 0);
    meter.add(60, 60 * 10 * 1_024, 0);
    expect(meter.load(0)).toBeCloseTo(10, 5);
    expect(meter.load(60_000)).toBeCloseTo(10 / Math.E, 5);
  });
});
