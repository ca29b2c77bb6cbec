import { Agent, createServer, request } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { systemClock as clock } from '../src/lib/clock.ts';
import { silentLog as log } from '../src/lib/log.ts';
import type { Handler } from '../src/runtime/handlers/handler.ts';
import { httpHandler } from '../src/runtime/handlers/http-handler.ts';
import { lambdaHandler } from '../src/runtime/handlers/lambda/lambda-handler.ts';
import { spread } from './figures.ts';

/*
 * What a batch of 100 records of 1 KB costs the worker, by handler.lambda and by handler.http, one after the other, on loopback. The
 * function and the application do nothing, on a thread of their own whose CPU time is not counted.
 */

const BATCHES = 2_000;
const WARM_UP = 300;

export async function lambda(runs: number, print: (line: string) => void): Promise<void> {
  const figures = { http: [] as Figure[], lambda: [] as Figure[] };
  for (let run = 0; run < runs; run += 1) {
    figures.http.push(await measureHttp());
    figures.lambda.push(await measureLambda());
  }
  print(`batches of 100 records of 1 KB, ${BATCHES} of them one after the other`);
  for (const kind of ['http', 'lambda'] as const) {
    const of = figures[kind];
    const cpu = spread(
      of.map(({ cpuMs }) => cpuMs),
      'ms',
      3,
    );
    const took = spread(
      of.map(({ tookMs }) => tookMs),
      'ms',
      3,
    );
    print(`  handler.${kind.padEnd(8)} CPU ${cpu} a batch, takes ${took}`);
  }
  const ratios = figures.lambda.map(({ cpuMs }, run) => cpuMs / figures.http[run]!.cpuMs);
  const added = figures.lambda.map(({ tookMs }, run) => tookMs - figures.http[run]!.tookMs);
  print(
    `  lambda costs ${spread(ratios, 'times', 2)} the CPU of http, and adds ${spread(added, 'ms', 3)} a batch`,
  );
}

interface Figure {
  /** Of a batch. */
  cpuMs: number;
  tookMs: number;
}

async function measureHttp(): Promise<Figure> {
  const app = await startPeer({ kind: 'app' });
  const [port] = (await once(app, 'message')) as [number];
  const handler = httpHandler({ url: `http://127.0.0.1:${port}/`, clock, log });
  return measure(handler, app);
}

async function measureLambda(): Promise<Figure> {
  const handler = lambdaHandler({ port: 0, functionName: 'orders', clock, log });
  await handler.listen!();
  const client = await startPeer({ kind: 'client', port: handler.port! });
  return measure(handler, client);
}

async function measure(handler: Handler, peer: Worker): Promise<Figure> {
  await handler.start(new AbortController().signal);
  const batch = { shardId: 'shardId-000000000000', records: records(), millisBehindLatest: 0 };
  const context = {
    signal: new AbortController().signal,
    timeoutMs: 900_000,
    deadlineMs: 0,
    groupId: 'shop.orders',
    streamName: 'orders',
    streamArn: 'arn:aws:kinesis:eu-west-1:123456789012:stream/orders',
    region: 'eu-west-1',
    shardId: batch.shardId,
    attempt: 1,
    log,
  };
  const deliver = async (count: number) => {
    for (let index = 0; index < count; index += 1) await handler.handle(batch, context);
  };
  await deliver(WARM_UP);
  const [cpu, began] = [process.threadCpuUsage(), clock.monotonic()];
  await deliver(BATCHES);
  const tookMs = (clock.monotonic() - began) / BATCHES;
  const { user, system } = process.threadCpuUsage(cpu);
  await peer.terminate();
  await handler.close();
  return { cpuMs: (user + system) / 1_000 / BATCHES, tookMs };
}

function records() {
  return Array.from({ length: 100 }, (_, index) => ({
    sequence: `4959033827149025660855969253836157109592157598913658${index}`,
    partitionKey: `customer-${index}`,
    data: Buffer.alloc(1_024, 'x'),
    arrivedAt: 1_545_084_650_987,
  }));
}

type Peer = { kind: 'app' } | { kind: 'client'; port: number };

async function startPeer(peer: Peer): Promise<Worker> {
  const worker = new Worker(new URL(import.meta.url), { workerData: peer });
  worker.on('error', (error) => {
    throw error;
  });
  return worker;
}

/** An http application that takes every batch. */
function runApp(): void {
  const server = createServer((incoming, response) => {
    incoming.resume();
    incoming.on('end', () => response.end('{"batchItemFailures":[]}'));
  });
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as AddressInfo;
    // A port between threads has no origin.
    // oxlint-disable-next-line unicorn/require-post-message-target-origin
    parentPort?.postMessage(port);
  });
}

/** A function that takes every batch. */
async function runClient(port: number): Promise<never> {
  const agent = new Agent({ keepAlive: true });
  const call = (method: string, path: string, body?: string) =>
    new Promise<string>((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, path: `/2018-06-01/runtime/${path}`, method, agent });
      sent.on('response', (response) => {
        response.resume();
        response.on('end', () => resolve(String(response.headers['lambda-runtime-aws-request-id'])));
      });
      sent.on('error', reject);
      sent.end(body);
    });
  for (;;) {
    const id = await call('GET', 'invocation/next');
    await call('POST', `invocation/${id}/response`, '{"batchItemFailures":[]}');
  }
}

if (!isMainThread) {
  const peer = workerData as Peer | null;
  if (peer?.kind === 'app') runApp();
  else if (peer?.kind === 'client') void runClient(peer.port).catch(() => process.exit());
}
