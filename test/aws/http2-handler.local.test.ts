import { createServer } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { connect, createServer as createTcpServer, type AddressInfo } from 'node:net';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startLocalKinesis, type LocalKinesis } from '../../src/dev/kinesis/server.ts';
import { openTunnel } from '../../src/aws/http2-tunnel.ts';
import { awsStreamClient } from '../../src/kinesis/aws/stream-client.ts';
import { MemoryKinesis } from '../../src/kinesis/memory/stream.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { selfSigned, startTls } from '../chaos/tls.ts';
import { startLocalProxy } from '../support/local-proxy.ts';

/** Not of this machine, or no proxy would be asked; of documentation, so that nobody else is. */
const HOST = '203.0.113.9';
const certificate = selfSigned([203, 0, 113, 9]);
setDefaultCACertificates([...getCACertificates(), certificate.cert]);

let local: LocalKinesis;
let consumerArn: string;
const closing: (() => unknown)[] = [];
beforeEach(async () => {
  const kinesis = new MemoryKinesis({ clock, transitionMs: 0 });
  local = await startLocalKinesis({ certificate, kinesis });
  kinesis.createStream({ name: 'orders' });
  consumerArn = kinesis.stream('orders').consumers.register('reader', clock.now()).arn;
  local.kinesis.putRecord('orders', { partitionKey: 'a', data: Buffer.from('a') });
});
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const close of closing.splice(0)) close();
  await local.close();
});

/** The key of the first record, when subscribing to `endpoint`. */
async function firstKey(endpoint: string) {
  return (await (await subscribe(endpoint)).next())?.records[0]?.partitionKey;
}

async function subscribe(endpoint: string) {
  const client = awsStreamClient({
    streamName: 'orders',
    region: 'us-east-1',
    endpoint,
    credentials: { accessKeyId: 'test', secretAccessKey: 'any' },
    clock,
  });
  closing.push(() => client.close());
  const position = { at: 'TRIM_HORIZON' } as const;
  const subscription = await client.subscribe({ consumerArn, shardId: 'shardId-000000000000', position });
  closing.push(() => subscription.close());
  return subscription;
}

async function withProxy(port: number) {
  const proxy = await startLocalProxy({ [HOST]: port });
  closing.push(() => proxy.close());
  for (const name of ['HTTP_PROXY', 'HTTPS_PROXY']) vi.stubEnv(name, proxy.url.replace('//', '//kcg:€@'));
  return proxy;
}

describe('HTTP/2 for subscriptions', () => {
  it.each(['http', 'https'])('goes through the proxy that the environment names, to %s', async (scheme) => {
    const proxy = await withProxy(Number(new URL(local.endpoint).port));
    const port = scheme === 'https' ? 443 : 80;
    expect(await firstKey(`${scheme}://${HOST}`)).toBe('a');
    expect(proxy.asked).toEqual([`${HOST}:${port}`]);
  });

  it('keeps what comes together with the answer of the proxy', async () => {
    const settings = Buffer.from('000006040000000000000300000064', 'hex'); // 100 streams at once
    const proxy = createTcpServer((socket) =>
      socket.once('data', () =>
        socket.write(`HTTP/1.1 200 OK\r\n\r\n${settings.toString('latin1')}`, 'latin1'),
      ),
    ).listen(0, '127.0.0.1');
    closing.push(() => proxy.close());
    await new Promise((resolve) => proxy.once('listening', resolve));
    const { port } = proxy.address() as AddressInfo;
    const target = { protocol: 'http:', hostname: HOST, port: 80 };
    const socket = await openTunnel(new URL(`http://127.0.0.1:${port}`), target);
    const session = connectHttp2(`http://${HOST}`, { createConnection: () => socket });
    closing.push(() => session.destroy());
    expect(await new Promise((resolve) => session.once('remoteSettings', resolve))).toMatchObject({
      maxConcurrentStreams: 100,
    });
  });

  it('says that the proxy refuses, and which it is', async () => {
    const proxy = await withProxy(1);
    await expect(firstKey('https://203.0.113.10')).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringContaining(
        `the proxy ${new URL(proxy.url).host} does not connect to 203.0.113.10:443: 403 Forbidden by policy`,
      ),
    });
  });

  it('says that a proxy, or what is behind it, lets only HTTP/1.1 through', async () => {
    const http1 = await startTls(Number(new URL(local.endpoint).port), certificate);
    closing.push(() => http1.close());
    const proxy = await withProxy(http1.port);
    await expect(firstKey(`https://${HOST}`)).rejects.toMatchObject({
      code: 'Unsupported',
      message: `enhanced fan-out needs HTTP/2, and ${HOST}:443 by the proxy ${new URL(proxy.url).host} does not speak it`,
      fix: expect.stringContaining('NO_PROXY'),
    });
  });

  it('says that an endpoint speaks only HTTP/1.1', async () => {
    const server = createServer((_, response) => response.end()).listen(0, '127.0.0.1');
    closing.push(
      () => server.close(),
      () => server.closeAllConnections(),
    );
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    await expect(firstKey(`http://127.0.0.1:${port}`)).rejects.toMatchObject({
      code: 'Unsupported',
      message: `enhanced fan-out needs HTTP/2, and 127.0.0.1:${port} does not speak it`,
      fix: 'Name an endpoint that speaks HTTP/2, or use consumer.type Polling.',
    });
  });

  it('takes a connection that is lost in the middle for the end of the subscription', async () => {
    let cut = () => {};
    const between = createTcpServer((socket) => {
      const server = connect(Number(new URL(local.endpoint).port), '127.0.0.1');
      cut = () => socket.resetAndDestroy();
      socket.pipe(server).pipe(socket);
      for (const one of [socket, server]) one.on('error', () => {});
    }).listen(0, '127.0.0.1');
    closing.push(() => between.close());
    await new Promise((resolve) => between.once('listening', resolve));
    const subscription = await subscribe(`http://127.0.0.1:${(between.address() as AddressInfo).port}`);
    await subscription.next();
    const next = subscription.next();
    cut();
    expect(await next).toBeUndefined();
  });

  it('names the host when a connection is lost or refused', async () => {
    const server = createTcpServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    const failure = {
      code: 'Unavailable',
      message: expect.stringContaining(`127.0.0.1:${port} cannot be reached`),
    };
    await expect(firstKey(`http://127.0.0.1:${port}`)).rejects.toMatchObject(failure);
    await new Promise((resolve) => server.close(resolve));
    await expect(firstKey(`http://127.0.0.1:${port}`)).rejects.toMatchObject(failure);
  });
});
