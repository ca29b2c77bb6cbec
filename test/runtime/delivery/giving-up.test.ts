import { describe, expect, test } from 'vitest';
import { KcgError } from '../../../src/lib/errors.ts';
import type { FailureDestination, GivenUpBatch } from '../../../src/runtime/failure/failure-destination.ts';
import type { HandlerResult } from '../../../src/runtime/handlers/handler.ts';
import { ClassProgram } from '../../../src/runtime/handlers/shard-class.ts';
import { aReadShard, numbersOf, type Handle } from './a-read-shard.ts';

const done: HandlerResult = { outcome: 'done' };
const failed: HandlerResult = { outcome: 'failed', error: new KcgError('HandlerFailed', 'no') };

const failsOn =
  (...poison: number[]): Handle =>
  async (batch) =>
    numbersOf(batch).some((number) => poison.includes(number)) ? failed : done;

/** A destination that is away for its first `failures` calls. */
function aDestination(failures = 0) {
  const sent: GivenUpBatch[] = [];
  let calls = 0;
  const destination: FailureDestination = {
    name: 'SQS queue failed',
    send: async (givenUp) => {
      calls += 1;
      if (calls <= failures) throw new KcgError('AccessDenied', 'may not send to the queue');
      sent.push(givenUp);
    },
    close: async () => {},
  };
  return { destination, sent, calls: () => calls };
}

describe('a batch that is given up', () => {
  const reads = [['a', 'b', 'c'], ['d']];
  const policy = { maxAttempts: 2, bisectOnError: true };

  test('is told with its position and never its data, and the shard goes on', async () => {
    const shard = aReadShard({ reads, policy, handle: failsOn(2) });
    await shard.clock.advance(60_000);
    expect(shard.told('RecordsGivenUp')).toEqual([
      {
        type: 'RecordsGivenUp',
        shardId: 's',
        condition: 'RetryAttemptsExhausted',
        records: 1,
        first: '2',
        last: '2',
        attempts: 5,
      },
    ]);
    expect(shard.checkpoint()).toBe(4);
    expect(shard.told('HandlerFailed').map((event) => 'retryInMs' in event)).toEqual([
      true,
      true,
      true,
      true,
      false,
    ]);
    await shard.end();
  });

  test('is counted in the row of its shard by the write that passes it', async () => {
    const givenUp = { records: 10, at: 1, why: 'RecordAgeExceeded' };
    const shard = aReadShard({ reads, policy, handle: failsOn(2), givenUp });
    await shard.clock.advance(60_000);
    expect(shard.writes.at(-1)?.set).toMatchObject({
      sequence: '4',
      given_up: 11,
      given_up_why: 'RetryAttemptsExhausted',
    });
    const before = shard.writes.filter(({ set }) => Number(set?.['sequence']) < 2);
    expect(before.every(({ set }) => set?.['given_up'] === 10)).toBe(true);
    await shard.end();
  });

  test('goes to the destination, with what the invocation record tells and the records', async () => {
    const { destination, sent } = aDestination();
    const shard = aReadShard({ reads, policy, handle: failsOn(2), destination });
    await shard.clock.advance(60_000);
    expect(sent).toMatchObject([
      {
        groupId: 'g',
        streamName: 'n',
        streamArn: 'arn',
        region: 'r',
        shardId: 's',
        lane: 0,
        lanes: 1,
        condition: 'RetryAttemptsExhausted',
        approximateInvokeCount: 5,
        isHandlerError: true,
        records: [{ sequence: '2', partitionKey: 'b' }],
      },
    ]);
    expect(shard.told('RecordsGivenUp')).toMatchObject([{ destination: 'SQS queue failed' }]);
    await shard.end();
  });

  test('holds its shard until the destination has it, and says so each time', async () => {
    const { destination, sent } = aDestination(5);
    const shard = aReadShard({ reads, policy, handle: failsOn(2), destination });
    await shard.clock.advance(8_000);
    expect(shard.told('DestinationFailed').length).toBeGreaterThan(2);
    expect([shard.checkpoint(), sent.length, shard.told('RecordsGivenUp').length]).toEqual([1, 0, 0]);
    await shard.clock.advance(60_000);
    expect([shard.checkpoint(), sent.length, shard.told('RecordsGivenUp').length]).toEqual([4, 1, 1]);
    await shard.end();
  });

  test('that no destination has when the shard is handed over counts as nothing: it comes again there', async () => {
    const { destination } = aDestination(Infinity);
    const shard = aReadShard({ reads, policy, handle: failsOn(2), destination });
    await shard.clock.advance(8_000);
    const drained = shard.consumer.drain(30_000);
    await shard.clock.advance(10);
    expect([await drained, shard.checkpoint()]).toEqual([{ as: 'drained' }, 1]);
    expect(shard.consumer.standing()?.givenUp).toBeUndefined();
  });

  test('while the lease runs out is left to whoever has the shard then', async () => {
    let isGood = true;
    const { destination, sent } = aDestination();
    const send: FailureDestination['send'] = async (givenUp, options) => {
      await destination.send(givenUp, options);
      isGood = false;
    };
    const shard = aReadShard({
      reads,
      policy,
      handle: failsOn(2),
      destination: { ...destination, send },
      leaseIsGood: () => isGood,
    });
    await shard.clock.advance(60_000);
    expect([sent.length, shard.checkpoint(), shard.told('RecordsGivenUp').length]).toEqual([1, 1, 0]);
    await shard.end();
  });
});

describe('a shard that is lost', () => {
  const policy = { maxAttempts: 0 };
  /** Its handler goes on after its time is up until `stop` is called. */
  const goesOn = () => {
    let stop = () => {};
    const handle: Handle = (_, { signal }) =>
      new Promise((resolve) => {
        const running = new Promise<void>((end) => (stop = end));
        signal.addEventListener('abort', () => resolve({ ...failed, running }));
      });
    return { handle, stop: () => stop() };
  };

  test('gives nothing up that it was still waiting for', async () => {
    const { destination, sent } = aDestination();
    const { handle, stop } = goesOn();
    const shard = aReadShard({ reads: [['a']], policy, timeoutMs: 5_000, handle, destination });
    await shard.clock.advance(6_000);
    shard.consumer.lose('somebody else has it');
    stop();
    await shard.clock.advance(1_000);
    expect([sent.length, shard.told('RecordsGivenUp'), shard.checkpoint()]).toEqual([0, [], 0]);
    expect(await shard.running).toEqual({ as: 'lost', why: 'somebody else has it' });
  });

  test('gives nothing up when its lease ran out meanwhile', async () => {
    let isGood = true;
    const { destination, sent } = aDestination();
    const { handle, stop } = goesOn();
    const leaseIsGood = () => isGood;
    const shard = aReadShard({ reads: [['a']], policy, timeoutMs: 5_000, handle, destination, leaseIsGood });
    await shard.clock.advance(6_000);
    isGood = false;
    stop();
    await shard.clock.advance(1_000);
    expect([sent.length, shard.told('RecordsGivenUp'), shard.checkpoint()]).toEqual([0, [], 0]);
    await shard.end();
  });

  test('leaves it to its next owner to say what the destination has got just then', async () => {
    const { destination, sent } = aDestination();
    const send: FailureDestination['send'] = async (givenUp, options) => {
      await destination.send(givenUp, options);
      shard.consumer.lose('somebody else has it');
    };
    const shard = aReadShard({
      reads: [['a']],
      policy,
      handle: failsOn(1),
      destination: { ...destination, send },
    });
    await shard.clock.advance(1_000);
    expect([sent.length, shard.told('RecordsGivenUp'), shard.checkpoint()]).toEqual([1, [], 0]);
    expect(await shard.running).toMatchObject({ as: 'lost' });
  });

  test('acknowledges nothing that its handler finishes after that', async () => {
    let finish: (result: HandlerResult) => void = () => {};
    const handle: Handle = () => new Promise((resolve) => (finish = resolve));
    const shard = aReadShard({ reads: [['a']], handle });
    await shard.clock.advance(10);
    shard.consumer.lose('somebody else has it');
    finish(done);
    expect(await shard.running).toMatchObject({ as: 'lost' });
    expect([shard.checkpoint(), shard.told('BatchDelivered')]).toEqual([0, []]);
  });

  test('is handed nothing more once its lease ran out while it had nothing to do', async () => {
    let isGood = true;
    const batches: number[][] = [];
    const shard = aReadShard({
      reads: [['a'], ['b']],
      readEveryMs: 10_000,
      leaseIsGood: () => isGood,
      handle: async (batch) => {
        batches.push(numbersOf(batch));
        return done;
      },
    });
    await shard.clock.advance(1_000);
    isGood = false;
    await shard.clock.advance(10_000);
    expect(batches).toEqual([[1]]);
    expect(await shard.running).toMatchObject({ as: 'lost' });
  });
});

test('a batch that is aborted as its shard is handed over has not failed, and is not given up', async () => {
  const { destination, sent } = aDestination();
  const handle: Handle = (_, { signal }) =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve(failed)));
  const shard = aReadShard({ reads: [['a']], policy: { maxAttempts: 0 }, handle, destination });
  await shard.clock.advance(10);
  const drained = shard.consumer.drain(1_000);
  await shard.clock.advance(2_000);
  expect(await drained).toEqual({ as: 'drained' });
  expect([sent.length, shard.told('HandlerFailed'), shard.checkpoint()]).toEqual([0, [], 0]);
});

test.each<[string, HandlerResult, number, boolean]>([
  ['fails', failed, 0, false],
  ['fails, and would be halved', failed, 0, true],
  ['reports its second record', { outcome: 'partial', firstFailure: 1 }, 1, false],
])(
  'a batch that %s once its worker was told to stop is left to the next owner from its first failure',
  async (_, result, checkpoint, bisectOnError) => {
    const { destination, sent } = aDestination();
    let answer: (result: HandlerResult) => void = () => {};
    const handle: Handle = () => new Promise((resolve) => (answer = resolve));
    const policy = { maxAttempts: 0, bisectOnError };
    const shard = aReadShard({ reads: [['a', 'b', 'c']], policy, handle, destination });
    await shard.clock.advance(10);
    const drained = shard.consumer.drain(30_000);
    answer(result);
    expect(await drained).toEqual({ as: 'drained' });
    expect([shard.checkpoint(), sent.length, shard.told('RecordsGivenUp')]).toEqual([checkpoint, 0, []]);
    // Told of as what comes again.
    expect(shard.told('HandlerFailed')).toEqual([expect.objectContaining({ retryInMs: expect.any(Number) })]);
  },
);

test('a batch that fails before its shard is told that the worker stops is not given up either', async () => {
  let isStopping = false;
  const handle: Handle = async () => {
    isStopping = true;
    return failed;
  };
  const policy = { maxAttempts: 0 };
  const shard = aReadShard({ reads: [['a']], policy, handle, isStopping: () => isStopping });
  await shard.clock.advance(10);
  const drained = shard.consumer.drain(30_000);
  await shard.clock.advance(10);
  expect(await drained).toEqual({ as: 'drained' });
  expect([shard.checkpoint(), shard.told('RecordsGivenUp')]).toEqual([0, []]);
});

describe('records that are older than the limit', () => {
  test('are given up without a call; the others are delivered', async () => {
    const batches: number[][] = [];
    const shard = aReadShard({
      reads: [['a@-70000', 'b@-65000', 'c@-1000']],
      policy: { maxRecordAgeMs: 60_000 },
      handle: async (batch) => {
        batches.push(numbersOf(batch));
        return done;
      },
    });
    await shard.clock.advance(10);
    expect(batches).toEqual([[3]]);
    expect(shard.told('RecordsGivenUp')).toMatchObject([
      { condition: 'RecordAgeExceeded', records: 2, first: '1', last: '2', attempts: 0 },
    ]);
    expect(shard.checkpoint()).toBe(3);
    await shard.end();
  });

  test('are given up while they are tried again', async () => {
    const shard = aReadShard({
      reads: [['a', 'b@30000']],
      policy: { maxRecordAgeMs: 60_000 },
      handle: failsOn(1),
    });
    await shard.clock.advance(100_000);
    expect(shard.told('RecordsGivenUp')).toMatchObject([
      { condition: 'RecordAgeExceeded', first: '1', last: '1' },
    ]);
    expect(shard.checkpoint()).toBe(2);
    await shard.end();
  });
});

describe('a handler that hangs', () => {
  const hangs: Handle = (_, { signal }) =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve(failed)));

  test('is aborted when its time is up, told of and tried again', async () => {
    const signals: AbortSignal[] = [];
    const shard = aReadShard({
      reads: [['a']],
      timeoutMs: 5_000,
      handle: (batch, context) => {
        signals.push(context.signal);
        return signals.length > 2 ? Promise.resolve(done) : hangs(batch, context);
      },
    });
    await shard.clock.advance(4_990);
    expect(signals.map(({ aborted }) => aborted)).toEqual([false]);
    await shard.clock.advance(20_000);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true, false]);
    expect(shard.told('HandlerFailed').map((event) => 'error' in event && event.error?.code)).toEqual([
      'Timeout',
      'Timeout',
    ]);
    expect(shard.checkpoint()).toBe(1);
    await shard.end();
  });

  test('counts as an attempt', async () => {
    const shard = aReadShard({ reads: [['a']], timeoutMs: 5_000, policy: { maxAttempts: 1 }, handle: hangs });
    await shard.clock.advance(20_000);
    expect(shard.told('RecordsGivenUp')).toMatchObject([{ attempts: 2 }]);
    await shard.end();
  });

  test('is not run beside itself: the next try waits until the last has ended', async () => {
    let calls = 0;
    let stop = () => {};
    const stuck: KcgError[] = [];
    const shard = aReadShard({
      reads: [['a']],
      timeoutMs: 5_000,
      onStuck: (error: KcgError) => stuck.push(error),
      handle: async (batch, context) => {
        calls += 1;
        if (calls > 1) return done;
        const result = (await hangs(batch, context)) as typeof failed & { outcome: 'failed' };
        return { ...result, running: new Promise<void>((resolve) => (stop = resolve)) };
      },
    });
    await shard.clock.advance(5_000 + 29_000);
    expect(calls).toBe(1);
    stop();
    await shard.clock.advance(1_000);
    expect([calls, stuck.length, shard.checkpoint()]).toEqual([2, 0, 1]);
    await shard.end();
  });

  test('that does not stop is not run again: its worker has to end', async () => {
    let calls = 0;
    const stuck: KcgError[] = [];
    const shard = aReadShard({
      reads: [['a'], ['b'], ['c']],
      timeoutMs: 5_000,
      onStuck: (error: KcgError) => stuck.push(error),
      readEveryMs: 60_000,
      handle: async (batch, context) => {
        calls += 1;
        const result = (await hangs(batch, context)) as typeof failed & { outcome: 'failed' };
        return { ...result, running: new Promise<void>(() => {}) };
      },
    });
    await shard.clock.advance(600_000);
    expect([calls, stuck.length]).toEqual([1, 1]);
    expect(stuck[0]!.message).toContain('after its signal told it to stop');
    const drained = shard.consumer.drain(30_000);
    await shard.clock.advance(10);
    expect([await drained, shard.checkpoint()]).toEqual([{ as: 'drained' }, 0]);
  });
});

test.each([
  { checkpoints: 'auto' as const, position: 3, openMs: 0 },
  { checkpoints: 'manual' as const, position: 0, openMs: 60_000 },
])('what a class with $checkpoints checkpoints has to give up', async ({ checkpoints, position, openMs }) => {
  class Orders {
    static checkpoints = checkpoints;

    async process({ records }: { records: readonly unknown[] }) {
      if (records.length === 1) throw new Error('no');
    }
  }
  const shard = aReadShard({
    reads: [['a', 'b'], ['c']],
    readEveryMs: 1,
    policy: { maxAttempts: 1 },
    handle: async () => done,
    open: (context) =>
      new ClassProgram(
        { made: Orders, folder: '', clock: shard.clock, callOwn: async (_, call) => call() },
        context,
      ),
  });
  await shard.clock.advance(60_000);
  expect(shard.told('RecordsGivenUp')).toHaveLength(1);
  expect(shard.checkpoint()).toBe(position);
  expect(shard.consumer.standing()?.behindMs).toBe(openMs);
  await shard.end();
});
