import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Handler, HandlerContext } from '../../../../src/runtime/handlers/handler.ts';
import { lambdaHandler, type LambdaHandler } from '../../../../src/runtime/handlers/lambda/lambda-handler.ts';
import { ManualClock } from '../../../support/manual-clock.ts';
import { aBatch, aContext, aLog, aRecord } from '../a-batch.ts';
import { AClient } from './a-client.ts';

const BATCH = aBatch(aRecord('10'), aRecord('20'), aRecord('30'));
const DONE = { outcome: 'done' };
const signal = new AbortController().signal;

let clock: ManualClock;
let log: ReturnType<typeof aLog>;
let handler: LambdaHandler;
const clients: AClient[] = [];

beforeEach(async () => {
  clock = new ManualClock();
  log = aLog();
  handler = lambdaHandler({ port: 0, functionName: 'orders', clock, log });
  await handler.listen!();
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.end();
  const closed = handler.close();
  await clock.advance(60_000);
  await closed;
});

function aClient(): AClient {
  const client = new AClient(handler.port!);
  clients.push(client);
  return client;
}

function deliver(overrides: Partial<HandlerContext> = {}, to: Handler = handler) {
  return to.handle(BATCH, aContext(overrides));
}

async function untilCounts(counts: Partial<LambdaHandler['counts']>): Promise<void> {
  await vi.waitFor(() => expect(handler.counts).toMatchObject(counts), { timeout: 120_000 });
}

describe('the Runtime API', () => {
  it("hands over Lambda's event with the headers that clients need, and takes the answer with 202", async () => {
    const client = aClient();
    const result = deliver({ timeoutMs: 60_000 });
    const next = await client.next();
    expect(next.status).toBe(200);
    expect(next.headers).toMatchObject({
      'content-type': 'application/json',
      'lambda-runtime-deadline-ms': String(clock.now() + 60_000),
      'lambda-runtime-invoked-function-arn': 'arn:aws:lambda:eu-west-1:123456789012:function:orders',
      'kcg-shard-id': 'shardId-000000000000',
    });
    expect(next.id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(next.headers['lambda-runtime-trace-id']).toMatch(
      /^Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0$/,
    );
    const { Records } = JSON.parse(next.body) as { Records: { kinesis: { sequenceNumber: string } }[] };
    expect(Records.map(({ kinesis }) => kinesis.sequenceNumber)).toEqual(['10', '20', '30']);
    expect(await client.respond(next.id)).toMatchObject({ status: 202 });
    expect(await result).toEqual(DONE);
  });

  it('holds a call of next until there is a batch, and several at once', async () => {
    const asked = [aClient(), aClient(), aClient()].map((client) => client.next());
    await untilCounts({ asking: 3 });
    const results = [deliver({ shardId: 'a' }), deliver({ shardId: 'b' }), deliver({ shardId: 'c' })];
    const got = await Promise.all(asked);
    expect(new Set(got.map(({ headers }) => headers['kcg-shard-id']))).toEqual(new Set(['a', 'b', 'c']));
    expect(new Set(got.map(({ id }) => id)).size).toBe(3);
    await Promise.all(got.map(({ id }) => aClient().respond(id)));
    expect(await Promise.all(results)).toEqual([DONE, DONE, DONE]);
  });

  it('holds it for an hour in which nothing comes', async () => {
    const client = aClient();
    const asked = client.next();
    await untilCounts({ asking: 1 });
    await clock.advance(3_600_000);
    const result = deliver();
    await client.respond((await asked).id);
    expect(await result).toEqual(DONE);
  });

  it('lets batches of several shards queue for one client, oldest first', async () => {
    const client = aClient();
    const shards = ['a', 'b', 'c', 'd'];
    const results = shards.map((shardId) => deliver({ shardId }));
    for (const shardId of shards) {
      const next = await client.next();
      expect(next.headers['kcg-shard-id']).toBe(shardId);
      await client.respond(next.id);
    }
    expect(await Promise.all(results)).toEqual(shards.map(() => DONE));
  });

  it('checkpoints before the first failure that is named', async () => {
    const client = aClient();
    const result = deliver();
    const next = await client.next();
    await client.respond(next.id, { batchItemFailures: [{ itemIdentifier: '20' }] });
    expect(await result).toEqual({ outcome: 'partial', firstFailure: 1 });
  });

  it('takes a posted error for the failure of the batch, with a header of 400 kB in UTF-8 beside it', async () => {
    const client = aClient();
    const result = deliver();
    const next = await client.next();
    const body = JSON.stringify({
      errorType: 'ValueError',
      errorMessage: 'no such order',
      stackTrace: ['a', 'b'],
    });
    const cause = Buffer.from(JSON.stringify({ working_directory: '/', stack: 'ü'.repeat(200_000) }));
    const socket = connect(handler.port!, '127.0.0.1');
    socket.write(`POST /2018-06-01/runtime/invocation/${next.id}/error HTTP/1.1\r\nHost: a\r\n`);
    socket.write('lambda-runtime-function-xray-error-cause: ');
    socket.write(cause);
    socket.write(`\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    socket.destroy();
    expect(String(answer)).toMatch(/^HTTP\/1.1 202 /);
    expect(await result).toMatchObject({
      outcome: 'failed',
      error: { code: 'HandlerFailed', message: 'the function failed: ValueError: no such order' },
    });
  });

  it('sees in the trailers that a streamed answer failed in the middle', async () => {
    const client = aClient();
    const result = deliver();
    const next = await client.next();
    const said = Buffer.from(JSON.stringify({ errorType: 'readError', errorMessage: 'disk gone' }));
    const called = await client.respond(next.id, '', {
      body: ['{"batchItem', 'Failures":[]}'],
      trailers: {
        'Lambda-Runtime-Function-Error-Type': 'readError',
        'Lambda-Runtime-Function-Error-Body': said.toString('base64'),
      },
    });
    expect(called.status).toBe(202);
    expect(await result).toMatchObject({
      outcome: 'failed',
      error: { message: 'the function failed while it answered: readError: disk gone' },
    });
  });

  it('collects a streamed answer within a bound, and fails what is beyond it', async () => {
    const client = aClient();
    const whole = deliver();
    const first = await client.next();
    await client.respond(first.id, '', { body: ['{"batch', 'ItemFailures":', 'null}'] });
    expect(await whole).toEqual(DONE);
    const long = deliver();
    const second = await client.next();
    const mebibyte = 'x'.repeat(1024 * 1024);
    const called = await client.respond(second.id, '', { body: Array.from({ length: 8 }, () => mebibyte) });
    expect(called.status).toBe(202);
    expect(await long).toMatchObject({ error: { message: 'the function answered more than 6 MiB' } });
  });

  it('fails a batch at once whose answer breaks off', async () => {
    const client = aClient();
    const result = deliver();
    const next = await client.next();
    const socket = connect(handler.port!, '127.0.0.1');
    socket.write(`POST /2018-06-01/runtime/invocation/${next.id}/response HTTP/1.1\r\nHost: a\r\n`);
    socket.end('Content-Length: 100\r\n\r\n{"batchItemFailures":');
    expect(await result).toMatchObject({ error: { message: "the function's answer broke off" } });
    socket.destroy();
  });

  it('speaks HTTP/1.0', async () => {
    const result = deliver();
    const text = async (head: string) => {
      const socket = connect(handler.port!, '127.0.0.1');
      socket.write(head);
      let answer = '';
      for await (const chunk of socket as AsyncIterable<Buffer>) answer += String(chunk);
      return answer;
    };
    const next = await text('GET /2018-06-01/runtime/invocation/next HTTP/1.0\r\n\r\n');
    const [, id] = /lambda-runtime-aws-request-id: (\S+)/i.exec(next)!;
    const answer = await text(
      `POST /2018-06-01/runtime/invocation/${id}/response HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}`,
    );
    expect(answer).toMatch(/^HTTP\/1.1 202 /);
    expect(await result).toEqual(DONE);
  });

  it('refuses extensions in words', async () => {
    const client = aClient();
    for (const path of ['/2020-01-01/extension/register', '/2022-07-01/telemetry', '/2020-08-15/logs']) {
      const called = await client.call(path, {
        method: path.includes('register') ? 'POST' : 'PUT',
        body: '{}',
      });
      expect(called.status).toBe(403);
      expect(called.body).toContain('extensions are not supported here');
    }
    expect(log.lines.filter(({ message }) => message === 'an extension was refused')).toHaveLength(3);
    expect((await client.call('/2018-06-01/runtime/nothing', { method: 'GET' })).status).toBe(404);
  });
});

describe('answers that nobody waits for', () => {
  it('takes late, double and foreign answers with 202, and forgets and counts them', async () => {
    const client = aClient();
    const first = deliver();
    const { id } = await client.next();
    await client.respond(id);
    expect(await first).toEqual(DONE);
    const second = deliver();
    const next = await client.next();
    expect((await client.respond(id, { batchItemFailures: [{ itemIdentifier: '10' }] })).status).toBe(202);
    expect((await client.fail('nobody', { errorMessage: 'what' })).status).toBe(202);
    expect((await client.fail(id, { errorMessage: 'twice' })).status).toBe(202);
    expect(handler.counts).toMatchObject({ forgotten: 3, inFlight: 1 });
    await client.respond(next.id);
    expect(await second).toEqual(DONE);
  });

  it('fails a batch that is not answered in time, and forgets its answer', async () => {
    const client = aClient();
    const result = deliver({ timeoutMs: 60_000 });
    const { id } = await client.next();
    await clock.advance(59_000);
    expect(handler.counts.inFlight).toBe(1);
    await clock.advance(1_000);
    expect(await result).toMatchObject({
      outcome: 'failed',
      error: { code: 'Timeout', message: 'the handler did not answer within 60 seconds' },
    });
    expect(handler.hangs).toBe(true);
    const again = deliver({ attempt: 2 });
    expect((await client.respond(id)).status).toBe(202);
    expect(handler.counts).toMatchObject({ abandoned: 1, forgotten: 1, waiting: 1 });
    const next = await client.next();
    expect(handler.hangs).toBe(false);
    expect(next.headers['kcg-attempt']).toBe('2');
    await client.respond(next.id);
    expect(await again).toEqual(DONE);
  });

  it('counts the time from when a client has the batch, not while it waits for its turn', async () => {
    const client = aClient();
    const first = deliver({ timeoutMs: 60_000 });
    const second = deliver({ timeoutMs: 60_000 });
    const one = await client.next();
    await clock.advance(50_000);
    await client.respond(one.id);
    const two = await client.next();
    await clock.advance(50_000);
    await client.respond(two.id);
    expect(await Promise.all([first, second])).toEqual([DONE, DONE]);
  });
});

describe('a client that ends without a word', () => {
  it('fails its batch once it asks anew, and tells what happened', async () => {
    const client = aClient();
    const result = deliver();
    await client.next();
    client.end();
    const again = aClient();
    const asked = again.next();
    expect(await result).toMatchObject({
      outcome: 'failed',
      error: { message: 'the function ended without an answer: it has begun anew since' },
    });
    expect(handler.counts).toMatchObject({ lost: 1, asking: 1 });
    const retried = deliver({ attempt: 2 });
    await again.respond((await asked).id);
    expect(await retried).toEqual(DONE);
  });

  it('leaves the batches of several clients to their time', async () => {
    const [one, two] = [aClient(), aClient()];
    const results = [deliver({ timeoutMs: 60_000 }), deliver({ timeoutMs: 60_000 })];
    const [mine, other] = await Promise.all([one.next(), two.next()]);
    one.end();
    const anew = aClient();
    const asked = anew.next();
    await untilCounts({ asking: 1, inFlight: 2 });
    await two.respond(other.id);
    await clock.advance(60_000);
    const outcomes = await Promise.all(results);
    expect(outcomes).toContainEqual(DONE);
    expect(outcomes).toContainEqual(expect.objectContaining({ outcome: 'failed' }));
    expect(handler.counts).toMatchObject({ lost: 0, abandoned: 1 });
    const last = deliver();
    await anew.respond((await asked).id);
    expect(await last).toEqual(DONE);
    void mine;
  });

  it('gives to the next one what waited while the client was gone', async () => {
    const asking = new AbortController();
    const client = aClient();
    const asked = client.next(asking.signal).catch(() => 'gone');
    await untilCounts({ asking: 1 });
    asking.abort();
    await asked;
    await untilCounts({ asking: 0 });
    const result = deliver();
    const next = await aClient().next();
    await aClient().respond(next.id);
    expect(await result).toEqual(DONE);
  });
});

describe('a function that is away', () => {
  it('waits for its first call of next, and says so', async () => {
    const started = handler.start(signal);
    await clock.advance(10_000);
    await vi.waitFor(
      () =>
        expect(log.lines.map(({ message }) => message)).toContain(
          'waiting for the function to ask for its first event',
        ),
      { timeout: 120_000 },
    );
    void aClient()
      .next()
      .catch(() => {});
    await started;
  });

  it('tells why it cannot begin, until it asks', async () => {
    const client = aClient();
    const error = { errorType: 'Runtime.ImportModuleError', errorMessage: "No module named 'boto9'" };
    expect((await client.initError(error)).status).toBe(202);
    expect(handler.trouble).toBe(
      "the function cannot begin: Runtime.ImportModuleError: No module named 'boto9'",
    );
    const result = deliver();
    await clock.advance(10_000);
    const missed = await result;
    expect(missed).toMatchObject({ outcome: 'failed', isMissed: true });
    expect(missed).toMatchObject({
      error: { message: expect.stringMatching(/has not asked for an event for 10 s; .*boto9/) },
    });
    const asked = client.next();
    await (missed as { back: Promise<void> }).back;
    expect(handler.trouble).toBeUndefined();
    const retried = deliver();
    await client.respond((await asked).id);
    expect(await retried).toEqual(DONE);
  });

  it('does not call a batch missed while a client is busy with another', async () => {
    const client = aClient();
    const first = deliver();
    const { id } = await client.next();
    const second = deliver();
    await clock.advance(300_000);
    expect(handler.counts).toMatchObject({ waiting: 1, inFlight: 1 });
    await client.respond(id);
    await client.respond((await client.next()).id);
    expect(await Promise.all([first, second])).toEqual([DONE, DONE]);
  });
});

describe('a shard that is handed over', () => {
  it('waits for a batch that a client has, and gives up one that waits for its turn', async () => {
    const stopping = new AbortController();
    const client = aClient();
    const begun = deliver({ stop: stopping.signal });
    const { id } = await client.next();
    const waits = deliver({ stop: stopping.signal });
    stopping.abort();
    expect(await waits).toMatchObject({ outcome: 'failed', isMissed: true });
    expect(handler.counts).toMatchObject({ waiting: 0, inFlight: 1, abandoned: 0 });
    await client.respond(id);
    expect(await begun).toEqual(DONE);
  });

  it('gives up one as well whose client ended before it had the whole of it', async () => {
    const stopping = new AbortController();
    const client = connect(handler.port!, '127.0.0.1').pause();
    client.write('GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nhost: a\r\n\r\n');
    await untilCounts({ asking: 1 });
    const large = aBatch(aRecord('1', { data: Buffer.alloc(32 * 1024 * 1024) }));
    const result = handler.handle(large, aContext({ stop: stopping.signal }));
    await untilCounts({ inFlight: 1 });
    client.destroy();
    await untilCounts({ waiting: 1, inFlight: 0 });
    stopping.abort();
    await untilCounts({ waiting: 0 });
    expect(await result).toMatchObject({ outcome: 'failed', isMissed: true });
  });

  it('forgets what is answered after it was told to stop', async () => {
    const lost = new AbortController();
    const client = aClient();
    const result = deliver({ signal: lost.signal });
    const { id } = await client.next();
    lost.abort();
    expect(await result).toMatchObject({ outcome: 'failed', error: { code: 'Aborted' } });
    expect((await client.respond(id)).status).toBe(202);
    expect(handler.counts).toMatchObject({ abandoned: 1, forgotten: 1 });
    // It had time left.
    expect(handler.hangs).toBe(false);
  });
});
