import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { KubeTransport, type RequestReport } from '../../../src/kubernetes/kube/transport.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { KcgError } from '../../../src/lib/errors.ts';

let server: Server;
let transport: KubeTransport;
let answers: RequestListener[];
let reports: RequestReport[];

beforeEach(async () => {
  answers = [];
  reports = [];
  server = createServer((request, response) => answers.shift()?.(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  transport = new KubeTransport({
    access: {
      server: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      proxyUrl: undefined,
      namespace: 'default',
      credentials: async () => ({ headers: {}, tls: {} }),
    },
    clock: systemClock,
    random: () => 0.5,
    onRequest: (report) => reports.push(report),
  });
});
afterEach(async () => {
  await transport.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const JSON_TYPE = { 'content-type': 'application/json' };
const say =
  (status: number, body: unknown): RequestListener =>
  (_, response) =>
    response.writeHead(status, JSON_TYPE).end(JSON.stringify(body));
const cut: RequestListener = (_, response) => {
  response.write('a\n');
  response.socket?.destroySoon();
};
const watch = { method: 'GET', verb: 'watch', resource: 'pods', path: '/api/v1/pods' } as const;

test('a watch is told what comes until the server ends, and fails when the connection drops', async () => {
  const told = async (answer: RequestListener, accept: number[] = []) => {
    answers.push(answer);
    const { signal } = new AbortController();
    let text = '';
    const request = { ...watch, accept, signal };
    const { statusCode, body } = await transport.watch(request, (chunk) => (text += chunk.toString()));
    return { statusCode, body, text };
  };
  expect(await told((_, response) => response.writeHead(200, JSON_TYPE).end('a\nb\n'))).toMatchObject({
    text: 'a\nb\n',
  });
  const gone = { message: 'too old' };
  expect(await told(say(410, gone), [410])).toEqual({ statusCode: 410, body: gone, text: '' });
  await expect(told(say(403, { message: 'no' }))).rejects.toMatchObject({ code: 'AccessDenied' });
  await expect(told(cut)).rejects.toMatchObject({ code: 'Unavailable' });
  answers.push(say(401, {}));
  expect(await told(say(200, {}))).toMatchObject({ text: '{}' });
  expect(reports.map(({ statusCode }) => statusCode)).toEqual([200, 410, 403, 200, 401, 200]);
});

test.each([
  ['its caller stops it', 'Aborted', (stop: AbortController) => stop.abort()],
  [
    'what it tells is not understood',
    'Conflict',
    () => {
      throw new KcgError('Conflict', 'not this');
    },
  ],
])('a watch ends when %s, and lets go of the connection', async (_, code, onChunk) => {
  const closed = Promise.withResolvers<void>();
  answers.push((request, response) => {
    request.socket.on('close', closed.resolve);
    response.write('a\n');
  });
  const stop = new AbortController();
  const watching = transport.watch({ ...watch, signal: stop.signal }, () => onChunk(stop));
  await expect(watching).rejects.toMatchObject(code === 'Aborted' ? { name: 'AbortError' } : { code });
  await closed.promise;
});

test('a stream yields what comes until the server ends, and fails when the connection drops', async () => {
  const yielded = async (answer: RequestListener) => {
    answers.push(answer);
    const { signal } = new AbortController();
    const { chunks } = await transport.stream({ ...watch, signal });
    let text = '';
    for await (const chunk of chunks) text += chunk.toString();
    return text;
  };
  expect(await yielded((_, response) => response.end('a\nb\n'))).toBe('a\nb\n');
  await expect(yielded(cut)).rejects.toThrow();
  await expect(yielded(say(403, { message: 'no' }))).rejects.toMatchObject({ code: 'AccessDenied' });
});
