import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { awsStreamClient } from '../../../src/kinesis/aws/stream-client.ts';
import type { AwsCredentials } from '../../../src/aws/credentials.ts';
import { systemClock as clock } from '../../../src/lib/clock.ts';

const EMPTY = '{"Records":[],"NextShardIterator":"x","MillisBehindLatest":0}';
const toClose: (() => void)[] = [];
afterEach(() => {
  for (const close of toClose.splice(0)) close();
});

async function aServer(listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  toClose.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function aClient(endpoint: string, source: () => Promise<{ accessKeyId: string; secretAccessKey: string }>) {
  const credentials: AwsCredentials = Object.assign(source, { memoized: true as const });
  const client = awsStreamClient({ streamName: 'orders', region: 'eu-west-1', endpoint, credentials, clock });
  toClose.push(() => client.close());
  return client;
}

it('signs each call with the keys that are good then, at the time of the service', async () => {
  const requests: IncomingMessage[] = [];
  const endpoint = await aServer((request, response) => {
    requests.push(request);
    response.sendDate = false;
    response.setHeader('date', 'Thu, 01 Jan 2037 00:00:00 GMT');
    response.end(EMPTY);
  });
  let asked = 0;
  const soon = () => new Date(clock.now() + 1_000);
  const client = aClient(endpoint, async () => ({
    accessKeyId: `key${(asked += 1)}`,
    secretAccessKey: 'secret',
    expiration: soon(),
  }));
  for (let call = 0; call < 3; call += 1) await client.getRecords('x', 1);
  const keys = requests.map(({ headers }) => /Credential=(\w+)/.exec(headers.authorization!)![1]);
  expect(new Set(keys).size).toBe(3);
  const times = requests.map(({ headers }) => String(headers['x-amz-date']).slice(0, 8));
  expect(times.slice(1)).toEqual(['20370101', '20370101']);
});

it('says who calls, as the SDK does', async () => {
  let seen: IncomingMessage['headers'] = {};
  const endpoint = await aServer(({ headers }, response) => {
    seen = headers;
    response.end(EMPTY);
  });
  const keys = { accessKeyId: 'key', secretAccessKey: 'secret' };
  await aClient(endpoint, async () => keys).getRecords('x', 1);
  expect(seen['user-agent']).toMatch(/^aws-sdk-js\/.* api\/kinesis/);
  expect(seen['authorization']).toContain(
    '/eu-west-1/kinesis/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target,',
  );
});
