import { createServer as createHttpServer, type ServerResponse } from 'node:http';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { expect, test } from 'vitest';
import { startLocalKinesis } from '../../src/dev/kinesis/server.ts';
import { awsStreamClient } from '../../src/kinesis/aws/stream-client.ts';
import { PollingReader } from '../../src/kinesis/polling-reader.ts';
import { systemClock, type Clock } from '../../src/lib/clock.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { LoneClock } from './lone-clock.ts';

const signal = new AbortController().signal;

function clientTo(port: number, clock: Clock) {
  const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
  const endpoint = `http://127.0.0.1:${port}`;
  return awsStreamClient({ streamName: 'orders', region: 'eu-west-1', endpoint, credentials, clock });
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

test('an answer is read to its end while bytes of it come, however long that takes', async () => {
  const answer = '{"Records":[],"NextShardIterator":"next","MillisBehindLatest":0}';
  let nowMs = 0;
  let heard = () => {};
  /** The client looks at the time when it hears something; nine seconds of ten are over before the next byte. */
  const clock: Clock = {
    now: () => nowMs,
    monotonic: () => {
      heard();
      return nowMs;
    },
    sleep: (_, { signal: finished } = {}) =>
      new Promise((resolve) => finished?.addEventListener('abort', () => resolve())),
  };
  let tookMs = 0;
  const trickle = async (response: ServerResponse) => {
    response.writeHead(200).flushHeaders();
    for (const byte of answer) {
      const reached = new Promise<void>((resolve) => (heard = resolve));
      response.write(byte);
      await reached;
      nowMs += 9_000;
    }
    response.end();
    tookMs = nowMs;
  };
  const server = createHttpServer((_, response) => void trickle(response));
  const client = clientTo(await listening(server), clock);
  expect(await client.getRecords('x', 10_000)).toMatchObject({ nextIterator: 'next' });
  expect(tookMs).toBe(9_000 * answer.length);
  client.close();
  server.close();
});

test('a line that breaks long answers off is read in short ones', async () => {
  const { endpoint, kinesis, close } = await startLocalKinesis();
  kinesis.limits = false;
  kinesis.createStream({ name: 'orders' });
  const keys = Array.from({ length: 60 }, (_, index) => `key-${index}`);
  const data = new Uint8Array(20_000);
  await kinesis.whenCreated('orders');
  for (const partitionKey of keys) kinesis.putRecord('orders', { partitionKey, data });
  let broken = 0;
  const line = createServer((near) => {
    const far = connect(Number(new URL(endpoint).port), '127.0.0.1');
    let carried = 0;
    near.on('data', (chunk) => {
      carried = 0;
      far.write(chunk);
    });
    far.on('data', (chunk: Buffer) => {
      if (near.destroyed) return;
      carried += chunk.length;
      if (carried <= 300_000) return void near.write(chunk);
      broken += 1;
      near.destroy();
    });
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      socket.on('error', () => {});
      socket.on('close', () => other.destroy());
    }
  });
  const client = clientTo(await listening(line), systemClock);
  const shardId = 'shardId-000000000000';
  const reader = new PollingReader({
    client,
    clock: new LoneClock(),
    random: seededRandom(1),
    shard: { shardId, hashStart: undefined, hashEnd: undefined },
    from: { at: 'TRIM_HORIZON' },
    maxRecords: 10_000,
    pollIntervalMs: 1_000,
  });
  const read: string[] = [];
  while (read.length < keys.length)
    read.push(...Array.from((await reader.next(signal)).records, ({ partitionKey }) => partitionKey));
  expect(read).toEqual(keys);
  expect(broken).toBeGreaterThan(0);
  expect(broken).toBeLessThan(10);
  client.close();
  line.close();
  await close();
});
