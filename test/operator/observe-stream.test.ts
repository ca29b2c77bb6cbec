import { expect, test } from 'vitest';
import { MemoryKinesis } from '../../src/kinesis/memory/stream.ts';
import { memoryStreamClient } from '../../src/kinesis/memory/stream-client.ts';
import { KcgError, type ErrorCode } from '../../src/lib/errors.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { StreamCache } from '../../src/operator/observe-stream.ts';
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
