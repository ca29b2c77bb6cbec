import { getEventListeners, once } from 'node:events';
import { Agent as HttpAgent, createServer } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { createServer as createSocketServer, type AddressInfo, type Server } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { directRequest } from '../../src/aws/direct-request.ts';

async function portOf(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}

function options(connectionTimeoutMs = 60_000) {
  const agents = { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent({ keepAlive: true }) };
  onTestFinished(() => {
    agents.http.destroy();
    agents.https.destroy();
  });
  const stop = new AbortController();
  return { agents, stop, connectionTimeoutMs, abortSignal: stop.signal };
}

const aRequest = (port: number, protocol = 'http:') => ({
  protocol,
  hostname: '127.0.0.1',
  port,
  path: '/',
  method: 'POST',
  headers: { host: '127.0.0.1', 'content-length': '2' },
  body: 'hi',
});

test('an answer is that of the request, and neither a timer nor a listener is left on its connection', async () => {
  const server = createServer((request, response) => void request.pipe(response));
  const port = await portOf(server);
  const { stop, ...how } = options();
  for (let i = 0; i < 3; i += 1) {
    const message = await directRequest(aRequest(port), how);
    const { socket } = message;
    expect([message.statusCode, (await message.toArray()).join(''), socket.timeout ?? 0]).toEqual([
      200,
      'hi',
      0,
    ]);
    expect(socket.listenerCount('timeout')).toBeLessThanOrEqual(2); // the agent's and Node's own
  }
  expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0);
});

test('headers go out as they are given, on a connection that stays', async () => {
  const seen: { headers: string[]; port: number | undefined }[] = [];
  const server = createServer((request, response) => {
    seen.push({ headers: request.rawHeaders, port: request.socket.remotePort });
    request.pipe(response);
  });
  const port = await portOf(server);
  const how = options();
  for (let i = 0; i < 2; i += 1) await (await directRequest(aRequest(port), how)).toArray();
  const headers = ['host', '127.0.0.1', 'content-length', '2', 'Connection', 'keep-alive'];
  expect(seen.map((each) => each.headers)).toEqual([headers, headers]);
  expect(seen[1]!.port).toBe(seen[0]!.port);
});

test('a connection that is not made in time is a timeout', async () => {
  const sockets = new Set<{ destroy: () => void }>();
  const server = createSocketServer((socket) => void sockets.add(socket));
  const port = await portOf(server);
  onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
  const failure = directRequest(aRequest(port, 'https:'), options(100));
  await expect(failure).rejects.toMatchObject({ name: 'TimeoutError', code: 'ETIMEDOUT' });
});

test('who stops waiting is told why, before and after the request is sent', async () => {
  const server = createServer(() => {});
  const port = await portOf(server);
  onTestFinished(() => server.closeAllConnections());
  const { stop, ...how } = options();
  const failure = directRequest(aRequest(port), how);
  failure.catch(() => {});
  await once(server, 'request');
  stop.abort(new Error('enough'));
  await expect(failure).rejects.toThrow('enough');
  await expect(directRequest(aRequest(port), how)).rejects.toThrow('enough');
});

test('a host that nobody listens on is the network’s own error', async () => {
  const server = createServer();
  const port = await portOf(server);
  await new Promise((closed) => server.close(closed));
  await expect(directRequest(aRequest(port), options())).rejects.toMatchObject({ code: 'ECONNREFUSED' });
});
