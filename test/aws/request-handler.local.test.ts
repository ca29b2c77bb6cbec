import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { awsCredentials } from '../../src/aws/credentials.ts';
import { createDynamoDbClient } from '../../src/aws/dynamodb-client.ts';
import { startLocalDynamoDb, type LocalDynamoDb } from '../../src/dev/dynamodb/server.ts';
import { startLocalKinesis, type LocalKinesis } from '../../src/dev/kinesis/server.ts';
import { awsStreamClient } from '../../src/kinesis/aws/stream-client.ts';
import { listGroupIds } from '../../src/leases/dynamodb/groups.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog as log } from '../../src/lib/log.ts';
import { selfSigned, startTls } from '../chaos/tls.ts';
import { startLocalProxy, type LocalProxy } from '../support/local-proxy.ts';
import { startLocalSts, type LocalSts } from '../support/local-sts.ts';

/** Not of this machine, or no proxy would be asked; of documentation, so that nobody else is. */
const HOST = '203.0.113.9';
const region = 'eu-west-1';
const identity = selfSigned([203, 0, 113, 9]);
const folder = mkdtempSync(join(tmpdir(), 'kcg-'));
let kinesis: LocalKinesis;
let dynamodb: LocalDynamoDb;
let sts: LocalSts;
let tls: { port: number; close(): void };

beforeAll(async () => {
  kinesis = await startLocalKinesis({ clock });
  kinesis.kinesis.createStream({ name: 'orders', shardCount: 1 });
  dynamodb = await startLocalDynamoDb({ clock, log });
  sts = await startLocalSts();
  tls = await startTls(Number(new URL(kinesis.endpoint).port), identity);
  setDefaultCACertificates([...getCACertificates(), identity.cert]);
});
beforeEach(() => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
});
afterEach(() => vi.unstubAllEnvs());
afterAll(async () => {
  rmSync(folder, { recursive: true });
  tls.close();
  sts.close();
  await Promise.all([kinesis.close(), dynamodb.close()]);
});

const portOf = (endpoint: string) => Number(new URL(endpoint).port);

/** Runs `work` with a proxy that the environment names. */
async function withProxy<T>(
  routes: Record<string, number>,
  variable: string,
  work: (proxy: LocalProxy) => Promise<T>,
): Promise<T> {
  const proxy = await startLocalProxy(routes);
  vi.stubEnv(variable, proxy.url);
  return work(proxy).finally(() => proxy.close());
}

async function describeStream(endpoint: string): Promise<unknown> {
  const stream = awsStreamClient({ streamName: 'orders', region, endpoint, clock });
  return stream.describe().finally(() => stream.close());
}

async function readTable(endpoint: string, credentials = awsCredentials()): Promise<unknown> {
  const client = createDynamoDbClient({ region, endpoint, credentials });
  const reading = listGroupIds(
    { client, clock, tableName: 'checkpoints', principal: 'the role' },
    { limit: 1, consistent: true },
  );
  return reading.finally(() => client.destroy());
}

describe('a proxy that the environment names', () => {
  it.each(['HTTPS_PROXY', 'https_proxy'])('is the way to Kinesis over TLS (%s)', async (variable) => {
    await withProxy({ [HOST]: tls.port }, variable, async (proxy) => {
      await expect(describeStream(`https://${HOST}`)).resolves.toMatchObject({ name: 'orders' });
      expect(proxy.asked).toEqual([`${HOST}:443`]);
    });
  });

  it('is the way to DynamoDB', async () => {
    await withProxy({ 'dynamodb.test': portOf(dynamodb.endpoint) }, 'HTTP_PROXY', async (proxy) => {
      await expect(readTable('http://dynamodb.test:8000')).rejects.toMatchObject({ code: 'NotFound' });
      expect(proxy.asked).toEqual(['dynamodb.test:8000']);
    });
  });

  it('is the way to STS', async () => {
    const token = join(folder, 'token');
    writeFileSync(token, 'one');
    vi.stubEnv('AWS_ACCESS_KEY_ID', undefined);
    // Keys in the files of whoever runs this would come first.
    for (const name of ['AWS_SHARED_CREDENTIALS_FILE', 'AWS_CONFIG_FILE']) vi.stubEnv(name, '/nowhere');
    vi.stubEnv('AWS_WEB_IDENTITY_TOKEN_FILE', token);
    vi.stubEnv('AWS_ROLE_ARN', 'arn:aws:iam::123456789012:role/reader');
    vi.stubEnv('AWS_ENDPOINT_URL_STS', 'http://sts.test');
    sts.expiresAtMs = clock.now() + 3_600_000;
    await withProxy({ 'sts.test': sts.port }, 'HTTP_PROXY', async (proxy) => {
      const reading = readTable(dynamodb.endpoint);
      await expect(reading).rejects.toMatchObject({ code: 'NotFound' });
      expect(proxy.asked).toEqual(['sts.test']);
    });
  });

  it('is named with its own words when it refuses', async () => {
    await withProxy({}, 'HTTPS_PROXY', async ({ url }) => {
      const { host } = new URL(url);
      await expect(describeStream(`https://${HOST}`)).rejects.toMatchObject({
        code: 'Unavailable',
        message: `the proxy ${host} does not connect to ${HOST}:443: 403 Forbidden by policy`,
        fix: `Let the proxy connect to ${HOST}:443, or name the host in NO_PROXY.`,
      });
    });
  });

  it('is named when it is not there', async () => {
    vi.stubEnv('HTTPS_PROXY', 'http://127.0.0.1:9');
    await expect(describeStream(`https://${HOST}`)).rejects.toMatchObject({
      code: 'Unavailable',
      message: `${HOST}:443 by the proxy 127.0.0.1:9 cannot be reached (ECONNREFUSED)`,
    });
  });

  it('is told when it can be none', async () => {
    vi.stubEnv('HTTPS_PROXY', 'socks5://127.0.0.1:9');
    await expect(describeStream(`https://${HOST}`)).rejects.toMatchObject({
      code: 'InvalidInput',
      message: 'HTTPS_PROXY does not name an HTTP proxy',
    });
  });
});

describe('the scheme of an endpoint', () => {
  it.each<[string, string, string]>([
    ['answers as it can', 'HTTP/1.1 400 Bad Request\r\n\r\n', 'does not speak TLS'],
    ['hangs up', '', 'cannot be reached'],
  ])('is named when TLS is spoken to a server that %s', async (_, answer, says) => {
    const server = createTcpServer((socket) => socket.on('data', () => socket.end(answer)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    await expect(describeStream(`https://${host}`)).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringContaining(`${host} ${says}`),
      fix: expect.stringContaining('rite http://'),
    });
    server.close();
  });

  it('is named when a server that speaks TLS hangs up', async () => {
    await expect(describeStream(`http://127.0.0.1:${tls.port}`)).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringContaining(`127.0.0.1:${tls.port} cannot be reached`),
      fix: expect.stringContaining('If it speaks TLS, write https://'),
    });
  });
});

it('an operation that an emulator does not have is told as that', async () => {
  const emulator = createServer((_, response) => {
    response.writeHead(400, { 'content-type': 'application/x-amz-json-1.1' });
    response.end('{"__type":"UnknownOperationException"}');
  });
  await new Promise<void>((resolve) => emulator.listen(0, '127.0.0.1', resolve));
  const { port } = emulator.address() as AddressInfo;
  await expect(describeStream(`http://127.0.0.1:${port}`)).rejects.toMatchObject({
    code: 'Unsupported',
    message: `127.0.0.1:${port} does not know kinesis:DescribeStreamSummary (UnknownOperationException)`,
  });
  emulator.close();
});

describe.each(['AWS_USE_FIPS_ENDPOINT', 'AWS_USE_DUALSTACK_ENDPOINT'])('%s', (variable) => {
  it('is left out beside an endpoint that the group names', async () => {
    vi.stubEnv(variable, 'true');
    await expect(describeStream(kinesis.endpoint)).resolves.toMatchObject({ name: 'orders' });
    await expect(readTable(dynamodb.endpoint)).rejects.toMatchObject({ code: 'NotFound' });
  });

  it('is refused with what to do beside an endpoint of the environment', async () => {
    vi.stubEnv(variable, 'true');
    vi.stubEnv('AWS_ENDPOINT_URL', kinesis.endpoint);
    const stream = awsStreamClient({ streamName: 'orders', region, clock });
    await expect(stream.describe()).rejects.toMatchObject({
      code: 'InvalidInput',
      message: expect.stringContaining('Invalid Configuration'),
      fix: expect.stringContaining(variable),
    });
    stream.close();
  });
});
