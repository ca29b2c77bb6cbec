import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ManualClock } from '../../support/manual-clock.ts';
import { lastingPort } from '../../support/lasting-port.ts';
import { startLocalProxy } from '../../support/local-proxy.ts';
import { makeCertificate } from '../../../src/dev/tls/certificate.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { KINDS } from '../../../src/kubernetes/cluster.ts';
import type { KubeAccess } from '../../../src/kubernetes/kube/config.ts';
import {
  KubeTransport,
  type KubeRequest,
  type KubeTransportOptions,
  type RequestReport,
} from '../../../src/kubernetes/kube/transport.ts';
import { KubeUserCalls } from '../../../src/kubernetes/kube/user-calls.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server;
let transport: KubeTransport;
let answers: Answer[];
let seen: { method: string; url: string; authorization: string | undefined; body: string }[];
let connections: number;
let reports: RequestReport[];
let credentialReads: boolean[];

beforeEach(async () => {
  answers = [];
  seen = [];
  connections = 0;
  reports = [];
  credentialReads = [];
  server = createServer({ keepAliveTimeout: 0 }, (request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      seen.push({ method, url, authorization: headers.authorization, body });
      (answers.shift() ?? say(200, {}))(request, response);
    });
  });
  server.on('connection', () => (connections += 1));
  // One of them goes away and comes back.
  const port = await lastingPort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  transport = aTransport();
});
afterEach(async () => {
  await transport.close();
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

/** Waits between tries are skipped; those that bound a call are real. */
const clock = {
  ...systemClock,
  sleep: (ms: number, options?: { signal?: AbortSignal | undefined }) => {
    return options?.signal ? systemClock.sleep(ms, options) : Promise.resolve();
  },
};

function aTransport(options: Partial<KubeTransportOptions> = {}): KubeTransport {
  const { port } = server.address() as AddressInfo;
  const access: KubeAccess = {
    server: `http://127.0.0.1:${port}/prefix`,
    proxyUrl: undefined,
    namespace: 'default',
    credentials: async ({ fresh }) => {
      credentialReads.push(fresh);
      return { headers: { Authorization: `Bearer ${credentialReads.length}` }, tls: {} };
    },
  };
  const onRequest = (report: RequestReport) => reports.push(report);
  return new KubeTransport({
    access,
    clock,
    random: () => 0.5,
    qps: 1_000,
    burst: 1_000,
    onRequest,
    ...options,
  });
}

function say(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return (_, response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  };
}
const hangUp: Answer = (request) => request.socket.destroy();
const silence: Answer = () => {};
/** The head of an answer and the first bytes of its body, and then no more. */
function begin(part: string, then: (response: ServerResponse) => void = () => {}): Answer {
  return (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': 100 });
    response.write(part, () => then(response));
  };
}
/** Byte by byte: a character may begin in one piece and end in the next. */
function trickle(body: unknown): Answer {
  const bytes = Buffer.from(JSON.stringify(body));
  return (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    const write = (at: number) => {
      if (at === bytes.length) response.end();
      else response.write(bytes.subarray(at, at + 1), () => setImmediate(write, at + 1));
    };
    write(0);
  };
}

const get: KubeRequest = { method: 'GET', verb: 'get', resource: 'deployments shop/orders', path: '/apis/x' };
const post: KubeRequest = { ...get, method: 'POST', verb: 'create', body: { a: 1 } };

describe('the transport', () => {
  test('sends path, query, body and credentials, and reports the call', async () => {
    answers.push(say(201, { done: true }));
    const query = { fieldManager: 'kcg', force: undefined };
    expect(await transport.request({ ...post, query })).toMatchObject({
      statusCode: 201,
      body: { done: true },
      date: expect.stringMatching(/GMT$/) as unknown,
    });
    expect(seen).toEqual([
      { method: 'POST', url: '/prefix/apis/x?fieldManager=kcg', authorization: 'Bearer 1', body: '{"a":1}' },
    ]);
    expect(reports).toMatchObject([{ verb: 'create', resource: 'deployments', statusCode: 201 }]);
  });

  test('writes a query as servers read it', async () => {
    await transport.request({
      ...get,
      query: { labelSelector: 'a=b,c in (d)', pretty: 'ä&?+ %', none: undefined },
    });
    const { searchParams } = new URL(seen[0]?.url ?? '', 'http://server');
    expect([...searchParams]).toEqual([
      ['labelSelector', 'a=b,c in (d)'],
      ['pretty', 'ä&?+ %'],
    ]);
  });

  test('uses one connection for calls one after another and reads credentials once', async () => {
    for (let i = 0; i < 50; i += 1) await transport.request(get);
    expect(connections).toBeLessThanOrEqual(2);
    expect(credentialReads).toEqual([false]);
  });

  test('reads credentials anew after a 401, once', async () => {
    answers.push(say(401, {}));
    await transport.request(get);
    expect(credentialReads).toEqual([false, true]);
    expect(seen.map(({ authorization }) => authorization)).toEqual(['Bearer 1', 'Bearer 2']);
    answers.push(say(401, {}), say(401, { message: 'Unauthorized' }));
    await expect(transport.request(get)).rejects.toMatchObject({ code: 'Credentials' });
  });

  test('asks a program that gives no credentials once for all that wait, and for a minute at most', async () => {
    const manual = new ManualClock();
    let asked = 0;
    const access = {
      server: 'http://127.0.0.1:1',
      proxyUrl: undefined,
      namespace: 'default',
      credentials: () => {
        asked += 1;
        return new Promise<never>(() => {});
      },
    };
    const hangs = aTransport({ access, clock: manual });
    const { signal } = new AbortController();
    const calls = [1, 2, 3].map(async () => hangs.request({ ...get, attempts: 1 }));
    const ends = Promise.allSettled([...calls, hangs.stream({ ...get, signal })]);
    await manual.advance(61_000);
    const reasons = (await ends).map((end) => (end as PromiseRejectedResult).reason as Error);
    expect(reasons.map(({ message }) => message)).toEqual([
      ...calls.map(() => 'to get deployments shop/orders took longer than 30000 ms'),
      'getting credentials for http://127.0.0.1:1 took longer than 60000 ms',
    ]);
    expect(asked).toBe(1);
    const again = hangs.request({ ...get, attempts: 1 }).catch(() => {});
    await manual.advance(61_000);
    await again;
    expect(asked).toBe(2);
    await hangs.close();
  });

  test("reads credentials anew when another authority has signed the server's certificate", async () => {
    const [old, renewed] = [makeCertificate(Date.now()), makeCertificate(Date.now())];
    const secure = createSecureServer(old, say(200, {}));
    await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
    const { port } = secure.address() as AddressInfo;
    let { ca } = old;
    let isRead = false;
    const credentials: KubeAccess['credentials'] = async ({ fresh }) => {
      // As of a kubeconfig, which is a file.
      if (fresh || !isRead) isRead = true;
      else throw new Error('the credentials are known');
      return { headers: {}, tls: { ca } };
    };
    const access = {
      server: `https://127.0.0.1:${port}`,
      proxyUrl: undefined,
      namespace: 'default',
      credentials,
    };
    const rotated = aTransport({ access });
    try {
      await rotated.request(get);
      secure.setSecureContext(renewed);
      ({ ca } = renewed);
      secure.closeAllConnections();
      await rotated.request(get);
    } finally {
      await rotated.close();
      secure.closeAllConnections();
      await new Promise((resolve) => secure.close(resolve));
    }
  });

  test.each([
    { status: 400, code: 'InvalidInput' },
    { status: 403, code: 'AccessDenied', fix: 'Allow "get" on deployments' },
    { status: 404, code: 'NotFound' },
    { status: 409, code: 'Conflict' },
    { status: 422, code: 'InvalidInput' },
    { status: 429, code: 'Throttled', tries: 4 },
    { status: 500, code: 'Unavailable', tries: 4 },
    { status: 503, code: 'Unavailable', tries: 4 },
    { status: 504, code: 'Timeout', tries: 4 },
  ])('makes $code of a $status', async ({ status, code, fix = '', tries = 1 }) => {
    for (let i = 0; i < 4; i += 1) answers.push(say(status, { message: 'because' }));
    const message = 'cannot get deployments shop/orders: because';
    const error = await transport.request(get).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code, message, resource: 'deployments shop/orders' });
    expect((error as { fix?: string }).fix ?? '').toContain(fix);
    expect(seen).toHaveLength(tries);
  });

  test.each([
    'failed to create typed patch object: .spec.x: field not declared in schema',
    'failed to convert new object: unable to convert unstructured object: quantities must match',
  ])('takes a 500 for an input that is wrong where it says so: %s', async (message) => {
    answers.push(say(500, { message }));
    await expect(transport.request(get)).rejects.toMatchObject({ code: 'InvalidInput' });
  });

  test.each<[string, unknown, string]>([
    ['a page of a proxy', '<html>Back soon</html>', 'text/html'],
    ['an answer of something else', { status: 'ok' }, 'application/json'],
    ['nothing', null, 'application/json'],
  ])('takes %s for no list and no object: an empty list would delete all there is', async (_, body, type) => {
    answers.push(say(200, body, { 'content-type': type }), say(200, body, { 'content-type': type }));
    const { signal } = new AbortController();
    const calls = new KubeUserCalls(transport);
    const key = { namespace: 'shop', name: 'orders' };
    const told = { code: 'Unavailable', message: 'what answers for pods is no Kubernetes API server' };
    await expect(calls.select(KINDS.pod, { signal })).rejects.toMatchObject(told);
    await expect(calls.patch(KINDS.pod, key, {}, { signal })).rejects.toMatchObject(told);
  });

  test('gives accepted statuses back as answers', async () => {
    answers.push(say(404, { reason: 'NotFound' }));
    expect(await transport.request({ ...get, accept: [404] })).toMatchObject({ statusCode: 404 });
  });

  test('takes an answer that comes in pieces as it is, whatever its characters', async () => {
    const body = { note: 'Größe → 4 漢字 🙂' };
    answers.push(trickle(body));
    expect((await transport.request(get)).body).toEqual(body);
  });

  test('repeats a read whose answer is cut short or broken, but not a create', async () => {
    const cut = begin('{"a":', (response) => response.socket?.destroySoon());
    const broken: Answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end('{"a":');
    };
    answers.push(cut, broken, say(200, { a: 1 }));
    expect((await transport.request(get)).body).toEqual({ a: 1 });
    expect(reports.map(({ statusCode }) => statusCode)).toEqual([200, 200, 200]);
    answers.push(cut);
    await expect(transport.request(post)).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringMatching(/^cannot create deployments shop\/orders: /) as unknown,
    });
    answers.push(broken);
    await expect(transport.request(post)).rejects.toMatchObject({
      code: 'Unavailable',
      message: 'the API server answered with broken JSON',
    });
    expect(seen).toHaveLength(5);
  });

  test('repeats a read after a lost answer, but not a create', async () => {
    answers.push(hangUp, hangUp);
    await transport.request(get);
    expect(seen).toHaveLength(3);
    expect(reports.map(({ statusCode }) => statusCode)).toEqual([0, 0, 200]);
    answers.push(hangUp);
    await expect(transport.request(post)).rejects.toMatchObject({ code: 'Unavailable' });
    expect(seen).toHaveLength(4);
  });

  test('repeats a create that was refused for lack of room, as late as the server says', async () => {
    const waits: number[] = [];
    const noting = {
      ...clock,
      sleep: (ms: number, options?: { signal?: AbortSignal | undefined }) => {
        if (!options?.signal) waits.push(Math.round(ms));
        return clock.sleep(ms, options);
      },
    };
    answers.push(say(429, {}, { 'retry-after': '7' }), say(429, {}, { 'retry-after': '9999' }));
    const other = aTransport({ clock: noting });
    await other.request(post);
    expect(waits).toEqual([7_000, 30_000]);
    expect(seen).toHaveLength(3);
    await other.close();
  });

  test('repeats a read after it stood still in between, and no write: it may lead no more', async () => {
    let nowMs = 0;
    const frozen = aTransport({
      clock: {
        ...clock,
        monotonic: () => nowMs,
        sleep: async (ms, options) => {
          if (options?.signal) return systemClock.sleep(ms, options);
          nowMs += ms + 15_000;
        },
      },
    });
    answers.push(say(429, {}, { 'retry-after': '1' }));
    await expect(frozen.request(post)).rejects.toMatchObject({ code: 'Throttled' });
    expect(seen).toHaveLength(1);
    answers.push(say(429, {}, { 'retry-after': '1' }));
    await frozen.request(get);
    expect(seen).toHaveLength(3);
    await frozen.close();
  });

  test('repeats a create that never reached a server', async () => {
    const { port } = server.address() as AddressInfo;
    const listen = () => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    const starting = {
      ...clock,
      sleep: (ms: number, options?: { signal?: AbortSignal | undefined }) =>
        options?.signal ? systemClock.sleep(ms, options) : listen(),
    };
    const other = aTransport({ clock: starting });
    await new Promise((resolve) => server.close(resolve));
    await other.request(post);
    expect(seen).toHaveLength(1);
    await other.close();
  });

  test.each([
    ['does not answer', silence, 0],
    ['does not end its answer', begin('{"a":'), 200],
  ])('gives up on a server that %s and uses a new connection afterwards', async (_, answer, statusCode) => {
    answers.push(answer);
    let now = 0;
    const timeoutMs = 20;
    // Not before the server has the question.
    const passing = async () => {
      while (seen.length === 0 || (statusCode > 0 && reports.length === 0)) await new Promise(setImmediate);
    };
    const late: typeof clock = {
      ...clock,
      monotonic: () => (now += 6_000),
      sleep: (ms, options) => (ms === timeoutMs ? passing() : clock.sleep(ms, options)),
    };
    const other = aTransport({ clock: late });
    const call = other.request({ ...get, attempts: 1, timeoutMs });
    const message = `to get deployments shop/orders took longer than ${timeoutMs} ms`;
    await expect(call).rejects.toMatchObject({ code: 'Timeout', message });
    await other.request(get);
    expect(connections).toBe(2);
    expect(reports.map((report) => report.statusCode)).toEqual([statusCode, 200]);
    await other.close();
  });

  test.each([
    ['before it is answered', silence],
    ['in the middle of the answer', begin('{"a":')],
  ])('stops at once when told to, %s, and lets go of the connection', async (_, answer) => {
    const closed = Promise.withResolvers<void>();
    answers.push((request, response) => {
      request.socket.on('close', closed.resolve);
      answer(request, response);
    });
    const stop = new AbortController();
    const call = transport.request({ ...get, signal: stop.signal });
    while (seen.length === 0 || (answer !== silence && reports.length === 0)) {
      await new Promise(setImmediate);
    }
    stop.abort();
    await expect(call).rejects.toMatchObject({ code: 'Aborted' });
    await closed.promise;
    expect(seen).toHaveLength(1);
  });

  test('does not send what was given up while it waited for a connection', async () => {
    const stop = new AbortController();
    const call = transport.request({ ...post, signal: stop.signal });
    // All that comes before is done without the event loop, a connection needs it.
    for (let step = 0; step < 100; step += 1) await Promise.resolve();
    stop.abort();
    await expect(call).rejects.toMatchObject({ code: 'Aborted' });
    await transport.request(get);
    expect(reports.map(({ statusCode }) => statusCode)).toEqual([0, 200]);
    expect(seen.map(({ method }) => method)).toEqual(['GET']);
  });

  test('goes by way of a proxy', async () => {
    const certificate = makeCertificate(Date.now());
    const secure = createSecureServer(certificate, say(201, { done: true }));
    await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve));
    const { port } = secure.address() as AddressInfo;
    const proxy = await startLocalProxy({ localhost: port });
    const tls = { ca: certificate.ca };
    const access = {
      server: `https://localhost:${port}`,
      proxyUrl: proxy.url,
      namespace: 'default',
      credentials: async () => ({ headers: {}, tls }),
    };
    const proxied = aTransport({ access });
    try {
      expect(await proxied.request(post)).toMatchObject({ statusCode: 201, body: { done: true } });
      expect(proxy.asked).toEqual([`localhost:${port}`]);
    } finally {
      await proxied.close();
      proxy.close();
      secure.closeAllConnections();
      await new Promise((resolve) => secure.close(resolve));
    }
  });

  test('holds calls to the rate, except urgent ones', async () => {
    let waited = 0;
    const counting = {
      ...clock,
      monotonic: () => 0,
      sleep: (ms: number, options?: { signal?: AbortSignal | undefined }) => {
        if (options?.signal) return systemClock.sleep(ms, options);
        waited = Math.max(waited, ms);
        return Promise.resolve();
      },
    };
    const slow = aTransport({ clock: counting, qps: 10, burst: 5 });
    for (let i = 0; i < 8; i += 1) await slow.request(get);
    expect(waited).toBe(300);
    await slow.request({ ...get, urgent: true });
    expect(waited).toBe(300);
    await slow.close();
  });
});
