import { expect, test } from 'vitest';
import { MemoryKinesis } from '../../src/kinesis/memory/stream.ts';
import { memoryStreamClient } from '../../src/kinesis/memory/stream-client.ts';
import { KcgError, type ErrorCode } from '../../src/lib/errors.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { StreamCache } from '../../src/operator/observe/observe-stream.ts';
import { aLog } from '../runtime/handlers/a-batch.ts';
import { ManualClock } from '../support/manual-clock.ts';

test('the log tells once of a stream that cannot be looked at, and of each new cause', async () => {
  const clock = new ManualClock();
  const log = aLog();
  const streams = new StreamCache({ clock, random: seededRandom(1), log });
  const kinesis = new MemoryKinesis({ clock, region: 'eu-west-1', transitionMs: 0 });
  kinesis.createStream({ name: 'orders', shardCount: 1 });
  const client = memoryStreamClient(kinesis, 'orders');
  const { signal } = new AbortController();
  const look = async (failure: ErrorCode | undefined) => {
    kinesis.faults =
      failure && (() => new KcgError(failure, 'not tried', { resource: 'stream orders', fix: 'Do it.' }));
    await clock.advance(61_000);
    await streams.look('orders', { client, user: 'shop/orders', signal });
  };
  for (const failure of [
    'Credentials',
    'Credentials',
    'Credentials',
    'Unavailable',
    undefined,
    'Unavailable',
  ] as const)
    await look(failure);
  expect(log.lines.map(({ level, message, fields }) => [level, message, fields['code']])).toEqual([
    ['warn', 'a stream cannot be looked at', 'Credentials'],
    ['warn', 'a stream cannot be looked at', 'Unavailable'],
    ['warn', 'a stream cannot be looked at', 'Unavailable'],
  ]);
  expect(log.lines[0]?.fields['error']).toBe('not tried (stream orders). Do it.');
});

test('a list that is too old is asked for anew, but not before the back-off of a refusal is over', async () => {
  const clock = new ManualClock();
  const streams = new StreamCache({ clock, random: seededRandom(1), log: aLog() });
  const kinesis = new MemoryKinesis({ clock, region: 'eu-west-1', transitionMs: 0 });
  kinesis.createStream({ name: 'orders', shardCount: 1 });
  const stream = memoryStreamClient(kinesis, 'orders');
  let calls = 0;
  const client: typeof stream = {
    ...stream,
    describe: (options) => {
      calls += 1;
      return stream.describe(options);
    },
  };
  const { signal } = new AbortController();
  const lookFor = async (seconds: number) => {
    calls = 0;
    for (let second = 0; second < seconds; second += 1) {
      streams.refresh('orders');
      await streams.look('orders', { client, user: 'shop/orders', signal });
      await clock.advance(1_000);
    }
    return calls;
  };
  expect(await lookFor(60)).toBe(12);
  kinesis.faults = () => new KcgError('Throttled', 'too many calls');
  await lookFor(60);
  expect(await lookFor(180)).toBeLessThan(10);
});

test('an answer that somebody asks for is looked for before a failure has had its time, in a group at rest too', async () => {
  const clock = new ManualClock();
  const streams = new StreamCache({ clock, random: seededRandom(1), log: aLog() });
  const kinesis = new MemoryKinesis({ clock, region: 'eu-west-1', transitionMs: 0 });
  kinesis.createStream({ name: 'orders', shardCount: 1 });
  const client = memoryStreamClient(kinesis, 'orders');
  const { signal } = new AbortController();
  const look = () => streams.look('orders', { client, user: 'shop/orders', isTold: true, signal });
  kinesis.faults = () => new KcgError('Throttled', 'too many calls');
  expect((await look()).error).toBeDefined();
  kinesis.faults = undefined;
  streams.refresh('orders');
  expect((await look()).error).toBeDefined();
  streams.refresh('orders', { isAsked: true });
  expect((await look()).error).toBeUndefined();
});
