import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import type { UserRecord } from '../../../src/kinesis/record.ts';
import type { Clock } from '../../../src/lib/clock.ts';
import type { Handler } from '../../../src/runtime/handlers/handler.ts';
import { httpHandler } from '../../../src/runtime/handlers/http-handler.ts';
import { lastingPort } from '../../support/lasting-port.ts';
import { aBatch, aContext, aLog, aRecord } from './a-batch.ts';

/** Short sleeps end at once and move the time on; long ones, deadlines, never end by themselves. */
class SkippingClock implements Clock {
  timeMs = 0;
  now = () => this.timeMs;
  monotonic = () => this.timeMs;
  onSleep = (): void => {};
  sleep(ms: number, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    if (ms >= 1000) return new Promise((done) => signal?.addEventListener('abort', () => done()));
    this.timeMs += ms;
    this.onSleep();
    return Promise.resolve();
  }
}

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function listen(server: Server, port = 0): Promise<string> {
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  closers.push(() => server.close().closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/batch`;
}

async function serve(answer: Answer) {
  const sockets: Socket[] = [];
  const server = createServer((request, response) => {
    void text(request).then(
      (body) => answer(request, response, body),
      () => {},
    );
  });
  server.on('connection', (socket) => sockets.push(socket));
  return { url: await listen(server), server, sockets };
}

function handlerOf(url: string) {
  const clock = new SkippingClock();
  const log = aLog();
  const handler: Handler = httpHandler({ url, clock, log });
  closers.push(() => handler.close());
  return { handler, clock, log };
}

const closedPort = async () => `http://127.0.0.1:${await lastingPort()}/batch`;

const BATCH = aBatch(aRecord('10'), aRecord('20'), aRecord('30'));
const signal = new AbortController().signal;

describe('delivering a batch', () => {
  it("posts Lambda's event, with the shard, the group and the attempt in headers", async () => {
    const got: { request: IncomingMessage; body: string }[] = [];
    const { url } = await serve((request, response, body) => {
      got.push({ request, body });
      response.end();
    });
    const { handler } = handlerOf(url);
    expect(await handler.handle(BATCH, aContext({ attempt: 2 }))).toEqual({ outcome: 'done' });
    const { request, body } = got[0]!;
    expect(request).toMatchObject({
      method: 'POST',
      url: '/batch',
      headers: {
        'content-type': 'application/json',
        'content-length': String(Buffer.byteLength(body)),
        'kcg-shard-id': 'shardId-000000000000',
        'kcg-group-id': 'shop.orders',
        'kcg-attempt': '2',
      },
    });
    const { Records } = JSON.parse(body) as { Records: { kinesis: { data: string } }[] };
    expect(Records.map((record) => Buffer.from(record.kinesis.data, 'base64').toString())).toEqual([
      'data-10',
      'data-20',
      'data-30',
    ]);
  });

  it('says to which trace the batch belongs, where there is one', async () => {
    const got: unknown[] = [];
    const { url } = await serve((request, response) => {
      got.push(request.headers['traceparent']);
      response.end();
    });
    const { handler } = handlerOf(url);
    const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    await handler.handle(BATCH, aContext({ traceparent }));
    await handler.handle(BATCH, aContext());
    expect(got).toEqual([traceparent, undefined]);
  });

  it.each([
    [200, '', { outcome: 'done' }],
    [204, '', { outcome: 'done' }],
    [200, '{"batchItemFailures":[{"itemIdentifier":"20"}]}', { outcome: 'partial', firstFailure: 1 }],
    [200, 'OK', { error: { message: 'the handler answered 200 with something that is not JSON: OK' } }],
    [302, '', { error: { message: 'the handler answered 302: ' } }],
    [
      500,
      '{"batchItemFailures":[]}',
      { error: { message: 'the handler answered 500: {"batchItemFailures":[]}' } },
    ],
    [503, 'x'.repeat(10_000), { error: { message: `the handler answered 503: ${'x'.repeat(500)}` } }],
    [200, ' '.repeat(2 ** 20), { outcome: 'done' }],
    [200, ' '.repeat(2 ** 20 + 1), { error: { message: 'the handler answered 200 with more than 1 MiB' } }],
    [500, 'x'.repeat(3 * 2 ** 20), { error: { message: `the handler answered 500: ${'x'.repeat(500)}` } }],
  ])('takes %i %.60j as the result it is', async (status, body, result) => {
    const { url } = await serve((_, response) => response.writeHead(status).end(body));
    const { handler } = handlerOf(url);
    expect(await handler.handle(BATCH, aContext())).toMatchObject(result);
  });

  it("takes a framework's OK as done, by its content type", async () => {
    const type = { 'content-type': 'text/plain; charset=utf-8' };
    const { url } = await serve((_, response) => response.writeHead(200, type).end('OK'));
    expect(await handlerOf(url).handler.handle(BATCH, aContext())).toEqual({ outcome: 'done' });
  });

  it('takes the header of a failed function for what it says', async () => {
    const headers = { 'X-Amz-Function-Error': 'Unhandled', 'content-type': 'application/json' };
    const { url } = await serve((_, response) => response.writeHead(200, headers).end('null'));
    const error = { message: 'the handler answered 200 with X-Amz-Function-Error Unhandled: null' };
    expect(await handlerOf(url).handler.handle(BATCH, aContext())).toMatchObject({ error });
  });

  it('uses a connection again', async () => {
    const { url, sockets } = await serve((_, response) => response.end());
    const { handler } = handlerOf(url);
    for (let i = 0; i < 5; i += 1) await handler.handle(BATCH, aContext());
    expect(sockets).toHaveLength(1);
  });

  it('does not let a slow shard keep others waiting', async () => {
    const slow: ServerResponse[] = [];
    const { url } = await serve((request, response) => {
      if (request.headers['kcg-shard-id'] === 'fast') response.end();
      else slow.push(response);
    });
    const { handler } = handlerOf(url);
    const slowOnes = Array.from({ length: 40 }, () => handler.handle(BATCH, aContext()));
    expect(await handler.handle(BATCH, aContext({ shardId: 'fast' }))).toEqual({ outcome: 'done' });
    while (slow.length < 40) await new Promise(setImmediate);
    for (const response of slow) response.end();
    expect(await Promise.all(slowOnes)).toEqual(Array.from({ length: 40 }, () => ({ outcome: 'done' })));
  });

  it('sends again when an idle connection was closed at that moment', async () => {
    let posts = 0;
    const { url, sockets } = await serve((request, response) => {
      posts += 1;
      // The second request on the first connection meets a server that has just given that up.
      if (posts === 2) request.socket.resetAndDestroy();
      else response.end();
    });
    const { handler } = handlerOf(url);
    await handler.handle(BATCH, aContext());
    expect(await handler.handle(BATCH, aContext())).toEqual({ outcome: 'done' });
    expect([posts, sockets.length]).toEqual([3, 2]);
  });

  it('does not call a batch missed that ended the application, on a connection that was used before', async () => {
    let posts = 0;
    const { url, server } = await serve((request, response) => {
      posts += 1;
      if (posts === 1) return void response.end();
      server.close();
      request.socket.resetAndDestroy();
    });
    const { handler } = handlerOf(url);
    await handler.handle(BATCH, aContext());
    const result = await handler.handle(BATCH, aContext());
    expect(result).toMatchObject({ outcome: 'failed', back: expect.any(Promise) });
    expect(posts).toBe(2);
    expect(result).not.toHaveProperty('isMissed');
  });

  it('fails when a fresh connection is closed without an answer, or in the middle of it', async () => {
    let posts = 0;
    const { url } = await serve((request, response) => {
      if (request.method === 'GET') {
        response.end(); // it is looked whether it is still there
        return;
      }
      posts += 1;
      if (posts === 1) {
        request.socket.destroy();
        return;
      }
      response.writeHead(200, { 'content-length': 100 }).write('{"batch');
      response.write('Item', () => request.socket.destroy());
    });
    const { handler } = handlerOf(url);
    const message = `the handler at ${url} did not answer: `;
    const cutOff = await handler.handle(BATCH, aContext());
    expect(cutOff).toMatchObject({ error: { message: `${message}socket hang up` } });
    expect(cutOff).not.toHaveProperty('isMissed');
    expect(await handler.handle(BATCH, aContext())).toMatchObject({
      error: { message: `${message}aborted` },
    });
    expect(posts).toBe(2);
  });

  it('reads an answer that comes before the request was taken', async () => {
    const server = createServer((_, response) => {
      response.writeHead(413, { connection: 'close' }).end('too large');
    });
    const { handler } = handlerOf(await listen(server));
    const batch = aBatch(aRecord('1', { data: new Uint8Array(4 * 2 ** 20) }));
    const result = await handler.handle(batch, aContext());
    expect(result).toMatchObject({
      error: { message: 'the handler answered 413 to a batch of 1 record, 5462 KiB (too large)' },
    });
  });

  it('stops reading an answer that does not end', async () => {
    const { url } = await serve((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(' '.repeat(65_536)));
      };
      response.writeHead(200).on('drain', more);
      more();
    });
    const result = await handlerOf(url).handler.handle(BATCH, aContext());
    expect(result).toMatchObject({ error: { message: 'the handler answered 200 with more than 1 MiB' } });
  });

  it('fails with the reason when nothing listens', async () => {
    const url = await closedPort();
    expect(await handlerOf(url).handler.handle(BATCH, aContext())).toMatchObject({
      outcome: 'failed',
      error: {
        code: 'HandlerFailed',
        message: `the handler at ${url} did not answer: connect ECONNREFUSED ${new URL(url).host}`,
      },
      isMissed: true, // a broken connection is none: a record may be what breaks it
    });
  });

  it.each(['no answer', 'half an answer'])(
    'gives up at once, and closes the connection, on %s',
    async (what) => {
      const arrived = Promise.withResolvers<void>();
      const closed = Promise.withResolvers<void>();
      const { url } = await serve((request, response) => {
        request.socket.on('close', () => closed.resolve());
        if (what === 'half an answer') response.writeHead(200).write('{');
        arrived.resolve();
      });
      const controller = new AbortController();
      const { handler } = handlerOf(url);
      const handling = handler.handle(BATCH, aContext({ signal: controller.signal }));
      await arrived.promise;
      controller.abort(new Error('the lease ran out'));
      expect(await handling).toMatchObject({
        outcome: 'failed',
        error: { code: 'Aborted', message: 'given up: the lease ran out' },
      });
      await closed.promise;
    },
  );

  it('sends nothing when the signal has aborted before', async () => {
    let posts = 0;
    const { url } = await serve((_, response) => {
      posts += 1;
      response.end();
    });
    const result = await handlerOf(url).handler.handle(BATCH, aContext({ signal: AbortSignal.abort() }));
    expect(result).toMatchObject({ outcome: 'failed', error: { code: 'Aborted' } });
    expect(posts).toBe(0);
  });
});

/** Refuses what has more than `limit` bytes, by its header, as frameworks do. */
async function limited(limit: number, refuse: (response: ServerResponse) => void) {
  let asked = 0;
  const server = createServer((request, response) => {
    asked += 1;
    if (Number(request.headers['content-length']) > limit) return refuse(response);
    void text(request).then(() => response.end());
  });
  return { url: await listen(server), asked: () => asked };
}

/** Delivers as a shard consumer does, and gives the sizes of the batches. */
async function deliverAll(handler: Handler, records: readonly UserRecord[]): Promise<number[]> {
  const sizes: number[] = [];
  for (let rest = records; rest.length > 0;) {
    const part = rest.slice(0, handler.fit?.(rest));
    sizes.push(part.length);
    const result = await handler.handle(aBatch(...part), aContext());
    if (result.outcome === 'done') rest = rest.slice(part.length);
    else expect(result).toMatchObject({ outcome: 'failed', isTooLarge: true });
  }
  return sizes;
}

describe('an application with a body limit', () => {
  const large = Array.from({ length: 64 }, (_, index) =>
    aRecord(String(1_000 + index), { data: Buffer.alloc(64_000) }),
  );

  it('that answers 413 gets smaller batches, at once and from then on', async () => {
    const { url } = await limited(1_500_000, (response) => response.writeHead(413).end('too large'));
    const { handler } = handlerOf(url);
    expect(await deliverAll(handler, large)).toEqual([64, 32, 16, 16, 16, 16]);
    expect(await deliverAll(handler, large)).toEqual([16, 16, 16, 16]);
  });

  it('that closes the connection while the batch comes gets smaller ones as well', async () => {
    // As Fastify: what it answers before it closes is lost with the connection.
    const { url } = await limited(1_500_000, (response) => response.socket?.resetAndDestroy());
    const { handler } = handlerOf(url);
    const error = {
      message: expect.stringMatching(/^the handler closed the connection \(.+\) before it had a batch of 64/),
    };
    expect(await handler.handle(aBatch(...large), aContext())).toMatchObject({ isTooLarge: true, error });
    expect(handler.fit?.(large)).toBe(32);
  });

  it('that ends while the batch comes has failed, and has none', async () => {
    // A port that is closed may be somebody else's the next moment: a proxy before it says that it is gone.
    const server = createServer(({ method, socket }, response) =>
      method === 'GET' ? response.writeHead(502).end() : socket.resetAndDestroy(),
    );
    const { handler } = handlerOf(await listen(server));
    const result = await handler.handle(aBatch(...large), aContext());
    const error = { message: expect.stringMatching(/ did not answer: /) };
    expect(result).toMatchObject({ outcome: 'failed', error, back: expect.any(Promise) });
    expect(Object.keys(result)).not.toContain('isTooLarge');
    expect(result).not.toHaveProperty('isMissed');
    expect(handler.fit?.(large)).toBe(64);
  });

  it('that refuses a single record is told of, with what to raise', async () => {
    const { url } = await limited(50_000, (response) => response.writeHead(413).end());
    const result = await handlerOf(url).handler.handle(aBatch(large[0]!), aContext());
    expect(result).toMatchObject({
      error: {
        message: 'the handler answered 413 to a batch of 1 record, 84 KiB',
        fix: expect.stringContaining('express.json({limit})'),
      },
    });
    expect(result).not.toHaveProperty('isTooLarge');
  });

  it('gets whole batches again once it has been away', async () => {
    const { url } = await limited(1_500_000, (response) => response.writeHead(413).end());
    const { handler } = handlerOf(url);
    await deliverAll(handler, large);
    await closers.shift()?.();
    const result = await handler.handle(BATCH, aContext());
    expect(result).toMatchObject({ outcome: 'failed', back: expect.any(Promise) });
    expect(handler.fit?.(large)).toBe(64);
  });
});

it('an application that was restarted is known to be back', async () => {
  const url = await closedPort();
  const { handler } = handlerOf(url);
  const result = await handler.handle(BATCH, aContext());
  await listen(
    createServer((_, response) => response.end()),
    Number(new URL(url).port),
  );
  await (result as { back?: Promise<void> }).back;
  expect(await handler.handle(BATCH, aContext())).toEqual({ outcome: 'done' });
});

describe('starting', () => {
  it.each([200, 301, 404, 405, 501])('is over when GET is answered with %i', async (status) => {
    const { url } = await serve((request, response) => {
      response.writeHead(request.method === 'GET' && request.url === '/batch' ? status : 500).end();
    });
    const { handler, clock, log } = handlerOf(url);
    await handler.start(signal);
    expect([clock.timeMs, log.lines]).toEqual([0, []]);
  });

  it('is over, and the connection too, when the answer has begun, however long it goes on', async () => {
    const closed = Promise.withResolvers<void>();
    const { url } = await serve((request, response) => {
      request.socket.on('close', () => closed.resolve());
      response.writeHead(200).write('data: …');
    });
    await handlerOf(url).handler.start(signal);
    await closed.promise;
  });

  it('waits for the port, then for an answer below 500, and says so every 10 s', async () => {
    const url = await closedPort();
    const { handler, clock, log } = handlerOf(url);
    let gets = 0;
    const server = createServer((_, response) => response.writeHead((gets += 1) < 3 ? 503 : 404).end());
    clock.onSleep = () => {
      if (clock.timeMs === 21_000) server.listen(Number(new URL(url).port), '127.0.0.1');
    };
    closers.push(() => server.close().closeAllConnections());
    await handler.start(signal);
    expect(gets).toBe(3);
    expect(clock.timeMs % 250).toBe(0);
    const problem = `connect ECONNREFUSED ${new URL(url).host}`;
    const line = { level: 'info', message: 'waiting for the handler to answer', fields: { url, problem } };
    expect(log.lines).toEqual([line, line, line]);
  });

  it('ends with Aborted as soon as the signal aborts, also while an answer is awaited', async () => {
    const arrived = Promise.withResolvers<void>();
    const { url } = await serve(() => arrived.resolve());
    const controller = new AbortController();
    const starting = handlerOf(url).handler.start(controller.signal);
    await arrived.promise;
    controller.abort();
    await expect(starting).rejects.toMatchObject({ code: 'Aborted' });
  });

  it('refuses a URL that is not http', async () => {
    const starting = handlerOf('https://127.0.0.1/').handler.start(signal);
    await expect(starting).rejects.toMatchObject({ code: 'InvalidInput' });
  });
});
