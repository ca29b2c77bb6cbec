import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/lib/clock.ts';
import { KcgError } from '../../../src/lib/errors.ts';
import { awsStreamClient, type AwsStreamClientOptions } from '../../../src/kinesis/aws/stream-client.ts';
import { MemoryKinesis } from '../../../src/kinesis/memory/stream.ts';
import { startLocalKinesis } from '../../../src/dev/kinesis/server.ts';
import { streamContract } from '../../contract/stream-contract.ts';
import { subscriptionContract } from '../../contract/subscription-contract.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { LoneClock } from '../lone-clock.ts';

const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
const ARN = 'arn:aws:kinesis:eu-west-1:000000000000:stream/';

function clientTo(endpoint: string, options: Partial<AwsStreamClientOptions> = {}) {
  return awsStreamClient({
    streamName: 'orders',
    region: 'eu-west-1',
    endpoint,
    credentials,
    clock: systemClock,
    ...options,
  });
}

for (const [how, arn, format] of [
  ['by name', undefined, undefined],
  ['by ARN', ARN, 'CBOR'],
  ['in JSON', undefined, 'JSON'],
] as const) {
  streamContract(`awsStreamClient ${how}`, async () => {
    const clock = new LoneClock();
    const kinesis = new MemoryKinesis({ clock, region: 'eu-west-1', transitionMs: 0 });
    kinesis.createStream({ name: 'orders', shardCount: 2 });
    const { endpoint, close } = await startLocalKinesis({ kinesis });
    const client = (streamName: string) =>
      clientTo(endpoint, { streamName, streamArn: arn && arn + streamName, format });
    return { clock, kinesis, client, close };
  });
}

subscriptionContract('awsStreamClient', async () => {
  const clock = new ManualClock();
  const kinesis = new MemoryKinesis({ clock, region: 'eu-west-1', transitionMs: 0 });
  kinesis.createStream({ name: 'orders' });
  const { endpoint, close } = await startLocalKinesis({ kinesis });
  return { clock, kinesis, client: clientTo(endpoint), close };
});

/** A server that is not Kinesis. */
async function withServer(
  listener: RequestListener,
  work: (endpoint: string) => Promise<void>,
): Promise<void> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}`).finally(() => {
    server.closeAllConnections();
    server.close();
  });
}

async function failureOf(endpoint: string, options: Partial<AwsStreamClientOptions> = {}): Promise<KcgError> {
  const client = clientTo(endpoint, options);
  const failure = await client.getRecords('x', 1).then(
    () => new Error('no failure'),
    (error: unknown) => error,
  );
  client.close();
  expect(failure).toBeInstanceOf(KcgError);
  return failure as KcgError;
}

describe('awsStreamClient', () => {
  it('tells which action to allow on what for whom', async () => {
    const { endpoint, kinesis, close } = await startLocalKinesis();
    kinesis.faults = () => new KcgError('AccessDenied', 'User: arn:aws:iam::1:role/x is not authorized');
    const error = await failureOf(endpoint, { streamArn: `${ARN}orders`, principal: "the operator's role" });
    expect(error).toMatchObject({
      code: 'AccessDenied',
      fix: `Allow kinesis:GetRecords on ${ARN}orders for the operator's role.`,
    });
    await close();
  });

  it('tells wrong credentials from denied ones', async () => {
    const { endpoint, close } = await startLocalKinesis({ accessKeyIds: ['right'] });
    const error = await failureOf(endpoint);
    expect(error).toMatchObject({
      code: 'Credentials',
      fix: "Check the access key, secret and session token of the worker's role.",
    });
    await close();
  });

  it('names the region that the endpoint is not of', async () => {
    const type =
      '{"__type":"InvalidSignatureException","message":"Credential should be scoped to a valid region."}';
    await withServer(
      (_, response) => response.writeHead(400).end(type),
      async (endpoint) => {
        const of = { region: undefined, streamArn: `${ARN}orders` };
        const fix = expect.stringContaining('Correct the region eu-west-1 ');
        expect(await failureOf(endpoint, of)).toMatchObject({ code: 'InvalidInput', fix });
      },
    );
  });

  it('names host and port of an endpoint that nobody listens on', async () => {
    const { endpoint, close } = await startLocalKinesis();
    await close();
    const error = await failureOf(endpoint);
    expect(error.code).toBe('Unavailable');
    expect(error.message).toContain(`${new URL(endpoint).host} cannot be reached (ECONNREFUSED)`);
    expect(error.fix).toContain(new URL(endpoint).host);
  });

  it('names an endpoint without an address', async () => {
    expect(await failureOf('http://kinesis.invalid:4567')).toMatchObject({
      code: 'Unavailable',
      message: expect.stringMatching(/^kinesis\.invalid:4567 /),
    });
  });

  it('gives up on a server that never answers, and on one that stops in the middle', async () => {
    await withServer(
      () => {},
      async (endpoint) => {
        expect(await failureOf(endpoint, { callTimeoutMs: 50 })).toMatchObject({
          code: 'Timeout',
          fix: expect.stringContaining('127.0.0.1'),
        });
      },
    );
    const half: RequestListener = (_, response) =>
      response.writeHead(200, { 'content-length': 100 }).write('{"Records"');
    await withServer(half, async (endpoint) => {
      expect(await failureOf(endpoint, { callTimeoutMs: 50 })).toMatchObject({ code: 'Timeout' });
    });
  });

  it.each([
    ['a page of a proxy', 200, '<html>Sign in</html>', 'Unavailable'],
    ['an error page', 502, '<html>Bad gateway</html>', 'Unavailable'],
    ['an empty 503', 503, '', 'Unavailable'],
    ['no JSON object', 200, '[]', 'Unavailable'],
    ['an answer without records, which must not look like a shard end', 200, '{}', 'Unavailable'],
    ['an unknown operation', 400, '{"__type":"UnknownOperationException"}', 'Unsupported'],
    ['a plain 403', 403, '', 'AccessDenied'],
    [
      'a namespaced type',
      400,
      '{"__type":"com.amazonaws.kinesis#ResourceNotFoundException","message":"gone"}',
      'NotFound',
    ],
  ])('understands %s', async (_, status, body, code) => {
    await withServer(
      (__, response) => response.writeHead(status).end(body),
      async (endpoint) => expect(await failureOf(endpoint)).toMatchObject({ code }),
    );
  });

  it('reports a lost connection as Unavailable', async () => {
    await withServer(
      (request) => request.socket.destroy(),
      async (endpoint) => expect(await failureOf(endpoint)).toMatchObject({ code: 'Unavailable' }),
    );
  });

  it('keeps its connection between calls', async () => {
    let connections = 0;
    // However long the machine is in between.
    const server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
      request
        .resume()
        .on('end', () => response.end('{"Records":[],"NextShardIterator":"x","MillisBehindLatest":0}'));
    }).listen(0, '127.0.0.1');
    server.on('connection', () => connections++);
    await new Promise((resolve) => server.once('listening', resolve));
    const client = clientTo(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    for (let i = 0; i < 10; i++) await client.getRecords('x', 1);
    client.close();
    server.close();
    expect(connections).toBe(1);
  });
});

it('tells the time of the service, not its own, and says when it is not told', async () => {
  const date = 'Thu, 01 Jan 2026 00:00:45 GMT';
  for (const sendDate of [true, false]) {
    await withServer(
      (_, response) => {
        response.sendDate = false;
        if (sendDate) response.setHeader('date', date);
        response.end('{"StreamDescriptionSummary":{}}');
      },
      async (endpoint) => {
        const client = clientTo(endpoint);
        expect(await client.now()).toBe(sendDate ? Date.UTC(2026, 0, 1, 0, 0, 45) : undefined);
        client.close();
      },
    );
  }
});
