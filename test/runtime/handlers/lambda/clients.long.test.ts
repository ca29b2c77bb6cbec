import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import type { UserRecord } from '../../../../src/kinesis/record.ts';
import { systemClock } from '../../../../src/lib/clock.ts';
import { lambdaHandler, type LambdaHandler } from '../../../../src/runtime/handlers/lambda/lambda-handler.ts';
import {
  cargoProgram,
  goProgram,
  javaProgram,
  npmProject,
  pythonPrograms,
  startProgram,
  type PeerProgram,
} from '../../../support/peer-programs.ts';
import { aBatch, aContext, aLog, aRecord } from '../a-batch.ts';

/*
 * Functions with each of AWS's runtime interface clients, against the Runtime API that a worker serves. The programs do what
 * the data of their records say.
 */

const PROGRAMS = join(import.meta.dirname, 'programs');
const MINUTES = 60_000;
const DONE = { outcome: 'done' };

type FunctionName = 'handler' | 'powertools' | 'parsed' | 'absent';

interface Client {
  name: string;
  /** Program and arguments, in a folder. */
  build(handler: FunctionName): Promise<{ command: string[]; cwd?: string; env?: NodeJS.ProcessEnv }>;
  /** As the error of a function that was told to raise. */
  raised: RegExp;
  hasPowertools?: true;
}

const CLIENTS: Client[] = [
  {
    name: 'awslambdaric 4.2.2 (Python)',
    raised: /^the function failed: ValueError: told to raise ü/,
    hasPowertools: true,
    async build(handler) {
      const bin = await pythonPrograms('awslambdaric==4.2.2', 'aws-lambda-powertools[parser]==3.37.0');
      const place = handler === 'parsed' ? 'parsed.handler' : `function.${handler}`;
      const command = [join(bin, 'python'), '-m', 'awslambdaric', place];
      return { command, cwd: join(PROGRAMS, 'python') };
    },
  },
  {
    name: 'aws-lambda-ric 4.0.2 (Node)',
    raised: /^the function failed: TypeError: told to raise ü/,
    hasPowertools: true,
    async build(handler) {
      const folder = await npmProject(join(PROGRAMS, 'node'));
      const command = [process.execPath, join(folder, 'node_modules/aws-lambda-ric/index.mjs')];
      const _HANDLER = `${handler === 'powertools' ? 'powertools' : 'function'}.${handler}`;
      return { command, cwd: folder, env: { _HANDLER, LAMBDA_TASK_ROOT: folder } };
    },
  },
  {
    name: 'aws-lambda-go 1.55.1',
    raised: /^the function failed: errorString: told to raise ü/,
    build: async () => ({ command: [await goProgram(join(PROGRAMS, 'go'))] }),
  },
  {
    name: 'lambda_runtime 1.5.0 (Rust)',
    raised: /^the function failed: .*told to raise ü/,
    build: async () => ({ command: [await cargoProgram(join(PROGRAMS, 'rust'), 'function')] }),
  },
  {
    name: 'aws-lambda-java-runtime-interface-client 2.10.1',
    raised: /^the function failed: .*IllegalStateException: told to raise ü/,
    async build(handler) {
      const classPath = await javaProgram(join(PROGRAMS, 'java'), 'Function.java');
      const main = 'com.amazonaws.services.lambda.runtime.api.client.AWSLambda';
      return {
        command: [
          'java',
          '-cp',
          classPath,
          main,
          `Function::${handler === 'handler' ? 'handleRequest' : handler}`,
        ],
      };
    },
  },
];

let handler: LambdaHandler;
const programs: PeerProgram[] = [];

beforeAll(async () => {
  await Promise.all(CLIENTS.map((client) => client.build('handler')));
}, 30 * MINUTES);
afterEach(async () => {
  const closed = handler.close();
  await Promise.all(programs.splice(0).map((program) => program.stop('SIGKILL')));
  await closed;
});

async function serve(): Promise<void> {
  handler = lambdaHandler({ port: 0, functionName: 'orders', clock: systemClock, log: aLog() });
  await handler.listen!();
}

async function begin(
  client: Client,
  { name = 'handler', env = {} }: { name?: FunctionName; env?: NodeJS.ProcessEnv } = {},
): Promise<PeerProgram> {
  const built = await client.build(name);
  const program = startProgram(built.command, {
    ...(built.cwd === undefined ? {} : { cwd: built.cwd }),
    env: {
      AWS_LAMBDA_RUNTIME_API: `127.0.0.1:${handler.port}`,
      AWS_LAMBDA_FUNCTION_NAME: 'orders',
      AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
      AWS_LAMBDA_FUNCTION_MEMORY_SIZE: '128',
      AWS_LAMBDA_LOG_GROUP_NAME: '/aws/lambda/orders',
      AWS_LAMBDA_LOG_STREAM_NAME: 'pod',
      AWS_REGION: 'eu-west-1',
      ...built.env,
      ...env,
    },
  });
  programs.push(program);
  return program;
}

let last = 0;
function records(...texts: string[]): UserRecord[] {
  return texts.map((text) => aRecord(String((last += 1)), { data: Buffer.from(text) }));
}
const deliver = (texts: string[], timeoutMs = 5 * MINUTES) =>
  handler.handle(aBatch(...records(...texts)), aContext({ timeoutMs }));
const ended = (program: PeerProgram) =>
  new Promise<number | null>((resolve) => {
    if (program.child.exitCode !== null) resolve(program.child.exitCode);
    program.child.once('exit', (code) => resolve(code));
  });

/** It ends with `code` when it is told to, and its batch is failed once another has begun, which goes on. */
async function comesAgain(client: Client, told: string, code: number): Promise<void> {
  await serve();
  const first = await begin(client);
  const result = deliver([told]);
  expect(await ended(first)).toBe(code);
  await begin(client);
  expect(await result).toMatchObject({
    outcome: 'failed',
    error: { message: expect.stringContaining('has begun anew') },
  });
  expect(await deliver(['after'])).toEqual(DONE);
}

describe.each(CLIENTS)('a function with $name', (client) => {
  it('takes batches one after the other, and names what failed', { timeout: 10 * MINUTES }, async () => {
    await serve();
    const program = await begin(client);
    await handler.start(new AbortController().signal);
    expect(await deliver(['one', 'two'])).toEqual(DONE);
    expect(await deliver(['three', 'fail', 'four'])).toEqual({ outcome: 'partial', firstFailure: 1 });
    const [one, two] = await Promise.all([deliver(['five']), deliver(['six'])]);
    expect([one, two]).toEqual([DONE, DONE]);
    await program.says(/record six/);
  });

  it(
    'fails a batch by what it raises, with 40 kB of it in a header, and goes on',
    { timeout: 10 * MINUTES },
    async () => {
      await serve();
      await begin(client);
      const result = await deliver(['raise']);
      expect(result).toMatchObject({
        outcome: 'failed',
        error: { message: expect.stringMatching(client.raised) },
      });
      expect(await deliver(['after'])).toEqual(DONE);
    },
  );

  it(
    'ends without a word, and its batch comes again when it is back',
    { timeout: 10 * MINUTES },
    async () => {
      await comesAgain(client, 'exit', 3);
    },
  );

  it('is told of when it does not answer in time', { timeout: 10 * MINUTES }, async () => {
    await serve();
    const program = await begin(client);
    const hanging = deliver(['hang'], 4_000);
    await program.says(/record hang/);
    expect(await hanging).toMatchObject({ outcome: 'failed', error: { code: 'Timeout' } });
    expect(handler.hangs).toBe(true);
    await program.stop('SIGKILL');
    await begin(client);
    expect(await deliver(['after'])).toEqual(DONE);
    expect(handler.hangs).toBe(false);
  });

  it('ends when the worker does', { timeout: 10 * MINUTES }, async () => {
    await serve();
    const program = await begin(client);
    expect(await deliver(['one'])).toEqual(DONE);
    await handler.close();
    expect(await ended(program)).not.toBe(null);
  });
});

describe.each(CLIENTS.filter(({ hasPowertools }) => hasPowertools))('Powertools with $name', (client) => {
  it('means with its answers what it means in Lambda', { timeout: 10 * MINUTES }, async () => {
    await serve();
    await begin(client, {
      name: 'powertools',
      env: { POWERTOOLS_SERVICE_NAME: 'orders', POWERTOOLS_TRACE_DISABLED: 'true' },
    });
    expect(await deliver(['one', 'two'])).toEqual(DONE);
    expect(await deliver(['one', 'fail', 'two', 'fail'])).toEqual({ outcome: 'partial', firstFailure: 1 });
    expect(await deliver(['fail', 'fail'])).toMatchObject({
      outcome: 'failed',
      error: {
        message: expect.stringMatching(/^the function failed: (BatchProcessingError|FullBatchFailureError)/),
      },
    });
  });
});

describe('clients in particular', () => {
  const [python, node, go, rust, java] = CLIENTS as [Client, Client, Client, Client, Client];

  it(
    'Python parses records with Pydantic, and names those that its model refuses',
    { timeout: 10 * MINUTES },
    async () => {
      await serve();
      const program = await begin(python, { name: 'parsed' });
      expect(await deliver(['{"id": 1}', '{"id": 2}'])).toEqual(DONE);
      await program.says(/order 1 1767225600\.25\n[^]*order 2/);
      expect(await deliver(['{"id": 3}', '{"id": "x"}', '{"id": 4}'])).toEqual({
        outcome: 'partial',
        firstFailure: 1,
      });
      const user = aRecord(String((last += 1)), { data: Buffer.from('{"id": 5}'), subSequence: 2 });
      expect(await handler.handle(aBatch(user), aContext({ timeoutMs: 5 * MINUTES }))).toEqual(DONE);
      await program.says(/order 5/);
      expect(await deliver(['no order'])).toMatchObject({
        outcome: 'failed',
        error: { message: expect.stringContaining('BatchProcessingError') },
      });
    },
  );

  it('Python says that it cannot begin', { timeout: 10 * MINUTES }, async () => {
    await serve();
    const program = await begin(python, { env: { FAIL_TO_BEGIN: '1' } });
    expect(await ended(program)).toBe(1);
    expect(handler.trouble).toContain('told not to begin');
  });

  it('Python runs as many processes as it is told, one batch each', { timeout: 10 * MINUTES }, async () => {
    await serve();
    const program = await begin(python, { env: { AWS_LAMBDA_MAX_CONCURRENCY: '3' } });
    const results = await Promise.all(Array.from({ length: 12 }, (_, n) => deliver([`n${n}`])));
    expect(results).toEqual(results.map(() => DONE));
    await program.says(/record n11/);
    // All three have come: an end of the only one known would be told sooner.
    await vi.waitFor(() => expect(handler.counts.asking).toBe(3), 2 * MINUTES);
    // One that has ended is not started again: its batch takes its time, the others go on.
    const exits = deliver(['exit'], 5_000);
    expect(await Promise.all([deliver(['a']), deliver(['b'])])).toEqual([DONE, DONE]);
    expect(await exits).toMatchObject({ outcome: 'failed', error: { code: 'Timeout' } });
    expect(await deliver(['c'])).toEqual(DONE);
  });

  it('Node asks ahead, and gets no more at once than is set', { timeout: 10 * MINUTES }, async () => {
    handler = lambdaHandler({
      port: 0,
      functionName: 'orders',
      maxConcurrency: 2,
      clock: systemClock,
      log: aLog(),
    });
    await handler.listen!();
    const program = await begin(node, { env: { AWS_LAMBDA_MAX_CONCURRENCY: '2', UV_THREADPOOL_SIZE: '32' } });
    const hanging = [deliver(['hang'], 8_000), deliver(['hang'], 8_000)];
    const later = Array.from({ length: 8 }, (_, n) => deliver([`n${n}`]));
    await program.says(/record hang[^]*record hang/);
    expect(handler.counts).toMatchObject({ inFlight: 2, waiting: 8 });
    expect(await Promise.all(hanging)).toMatchObject([{ outcome: 'failed' }, { outcome: 'failed' }]);
    expect(await Promise.all(later)).toEqual(later.map(() => DONE));
  });

  it('Go fails half-way through an answer that looks whole', { timeout: 10 * MINUTES }, async () => {
    await serve();
    await begin(go);
    expect(await deliver(['half-way'])).toMatchObject({
      outcome: 'failed',
      error: { message: expect.stringContaining('told to fail half-way') },
    });
    expect(await deliver(['after'])).toEqual(DONE);
  });

  it.each([go, rust, java])(
    '$name runs as many batches at once as it is told',
    { timeout: 10 * MINUTES },
    async (client) => {
      await serve();
      await begin(client, { env: { AWS_LAMBDA_MAX_CONCURRENCY: '3' } });
      await vi.waitFor(() => expect(handler.counts.asking).toBe(3), 2 * MINUTES);
      const hanging = [deliver(['hang'], 5_000), deliver(['hang'], 5_000)];
      await vi.waitFor(() => expect(handler.counts.inFlight).toBe(2), 2 * MINUTES);
      const others = await Promise.all(Array.from({ length: 6 }, (_, n) => deliver([`n${n}`])));
      expect(others).toEqual(others.map(() => DONE));
      for (const result of await Promise.all(hanging))
        expect(result).toMatchObject({ outcome: 'failed', error: { code: 'Timeout' } });
    },
  );

  it.each<[string, Client, string, number]>([
    ['Go panics beside its handler', go, 'panic-elsewhere', 2],
    ['Node throws in a timer', node, 'throw-later', 1],
    ['Node leaves a rejection unhandled', node, 'reject', 1],
    ['Node waits for what never comes', node, 'never', 0],
  ])(
    '%s: it ends without a word, and its batch comes again',
    { timeout: 10 * MINUTES },
    async (_, client, told, code) => {
      await comesAgain(client, told, code);
    },
  );

  it('Go panics in its handler: it says so, and ends', { timeout: 10 * MINUTES }, async () => {
    await serve();
    const program = await begin(go);
    expect(await deliver(['panic'])).toMatchObject({
      outcome: 'failed',
      error: { message: expect.stringMatching(/^the function failed: .*told to panic/) },
    });
    expect(await ended(program)).toBe(1);
    await begin(go);
    expect(await deliver(['after'])).toEqual(DONE);
  });

  it(
    'Python answers as if nothing had been when a thread has thrown',
    { timeout: 10 * MINUTES },
    async () => {
      await serve();
      const program = await begin(python);
      expect(await deliver(['thread'])).toEqual(DONE);
      await program.says(/ZeroDivisionError/);
    },
  );

  it.each([python, node])(
    '$name has no such function: it cannot begin',
    { timeout: 10 * MINUTES },
    async (client) => {
      await serve();
      const program = await begin(client, { name: 'absent' });
      expect(await ended(program)).toBe(1);
      expect(handler.trouble).toMatch(/the function cannot begin: .*absent/);
    },
  );

  it('Java has no such function: each batch fails', { timeout: 10 * MINUTES }, async () => {
    await serve();
    await begin(java, { name: 'absent' });
    for (let attempt = 0; attempt < 2; attempt += 1)
      expect(await deliver(['one'])).toMatchObject({
        outcome: 'failed',
        error: { message: expect.stringContaining('absent') },
      });
  });
});
