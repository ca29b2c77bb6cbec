import { createHash } from 'node:crypto';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it } from 'vitest';
import { encodeCbor } from '../../../src/dev/kinesis/cbor.ts';
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
  await aClient(endpoint, keys).getRecords('x', 1);
  expect(seen['user-agent']).toMatch(/^aws-sdk-js\/.* api\/kinesis/);
  expect(seen['authorization']).toContain(
    '/eu-west-1/kinesis/aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-target,',
  );
});

const keys = async () => ({ accessKeyId: 'key', secretAccessKey: 'secret' });
const CBOR = 'application/x-amz-cbor-1.1';

/** Tells in which format requests come; `answer` gets them. */
async function aTeller(answer: (isCbor: boolean, response: ServerResponse) => void) {
  const asked: string[] = [];
  const endpoint = await aServer((request, response) => {
    const isCbor = request.headers['content-type'] === CBOR;
    asked.push(isCbor ? 'CBOR' : 'JSON');
    request.resume().once('end', () => answer(isCbor, response));
  });
  return { asked, client: aClient(endpoint, keys) };
}

const inCbor = (response: ServerResponse, status: number, body: unknown) =>
  response.writeHead(status, { 'content-type': CBOR }).end(encodeCbor(body));

it('an endpoint that speaks CBOR is asked in CBOR, also when it refuses the first call', async () => {
  let status = 400;
  const { asked, client } = await aTeller((isCbor, response) =>
    isCbor
      ? inCbor(response, status, status === 200 ? JSON.parse(EMPTY) : { __type: 'ExpiredIteratorException' })
      : response.writeHead(500).end(),
  );
  await expect(client.getRecords('x', 1)).rejects.toMatchObject({ code: 'ExpiredIterator' });
  status = 200;
  await expect(client.getRecords('x', 1)).resolves.toMatchObject({ nextIterator: 'x' });
  expect(asked).toEqual(['CBOR', 'CBOR']);
});

it.each<[string, (response: ServerResponse) => void]>([
  ['refuses it', (response) => response.writeHead(400).end('{"__type":"SerializationException"}')],
  ['does not know it', (response) => response.writeHead(404).end('<html>')],
  ['breaks', (response) => response.writeHead(500).end()],
])('an endpoint that %s is asked in JSON at once, and CBOR never again', async (_, refuse) => {
  const { asked, client } = await aTeller((isCbor, response) =>
    isCbor ? refuse(response) : void response.end(EMPTY),
  );
  const reads = Array.from({ length: 3 }, () => client.getRecords('x', 1));
  for (const read of await Promise.all(reads)) expect(read.nextIterator).toBe('x');
  await client.getRecords('x', 1);
  expect(asked).toEqual(['CBOR', 'JSON', 'JSON', 'JSON', 'JSON']);
});

it('an endpoint of which nothing is known yet is asked again in both', async () => {
  const { asked, client } = await aTeller((_, response) => void response.writeHead(503).end());
  for (let call = 0; call < 2; call += 1)
    await expect(client.getRecords('x', 1)).rejects.toMatchObject({ code: 'Unavailable' });
  expect(asked).toEqual(['CBOR', 'JSON', 'CBOR', 'JSON']);
});

it.each(['with its length', 'without'])(
  'long answers told %s come whole, side by side, on kept connections',
  async (told) => {
    const pages = Array.from({ length: 4 }, (_, index) => {
      const Records = Array.from({ length: 20 }, (__, at) => ({
        SequenceNumber: String(at + 1),
        Data: createHash('sha512').update(`${index} ${at}`).digest().toString('hex').repeat(300),
      }));
      return Buffer.from(JSON.stringify({ Records, NextShardIterator: 'x' }));
    });
    const endpoint = await aServer((request, response) => {
      let content = '';
      request.on('data', (chunk) => (content += chunk));
      request.on('end', () => {
        const page = pages[Number(/"ShardIterator":"(\d)"/.exec(content)?.[1] ?? 0)]!;
        if (told === 'with its length') response.setHeader('content-length', page.length);
        for (let at = 0; at < page.length; at += 50_001) response.write(page.subarray(at, at + 50_001));
        response.end();
      });
    });
    const client = awsStreamClient({
      streamName: 'orders',
      region: 'eu-west-1',
      endpoint,
      clock,
      credentials: Object.assign(keys, { memoized: true as const }),
      format: 'JSON',
    });
    toClose.push(() => client.close());
    for (let round = 0; round < 3; round += 1) {
      const reads = await Promise.all(pages.map((_, index) => client.getRecords(String(index), 100)));
      for (const [index, page] of pages.entries()) {
        const { Records } = JSON.parse(page.toString()) as { Records: { Data: string }[] };
        const data = reads[index]!.records.map((each) => Buffer.from(each.data).toString('base64'));
        expect(data).toEqual(Records.map(({ Data }) => Data));
      }
    }
  },
);
