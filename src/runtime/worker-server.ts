import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { finished } from 'node:stream/promises';
import type { Clock } from '../lib/clock.ts';
import { listen } from '../lib/listen.ts';
import { Changes, CHANGES_PATH } from './leasing/changes.ts';
import { NUDGE_PATH, shardsNamed } from './leasing/nudge.ts';
import { Nudges } from './nudges.ts';
import type { Worker } from './worker.ts';

export interface WorkerServerOptions {
  host: string;
  /** 0 = any free one. */
  port: number;
  clock: Clock;
  worker: () => Worker | undefined;
  /** The function has to be ended, as it neither answers nor asks. */
  functionHangs?: () => boolean;
  metrics: () => Promise<string>;
}

/** A hundred shard ids of the longest kind. */
const MOST_NUDGE_BYTES = 16 * 1024;
/** How often `/v1/drained` looks, ms: so much longer than it has to the application lives at most. */
const DRAINED_POLL_MS = 50;
/**
 * When a pod ends, all its containers are told at the same time, so the worker drains by then. Else the kubelet runs the hook
 * of an application that failed its liveness probe, and restarts it only after the answer.
 */
const DRAIN_BEGINS_WITHIN_MS = 3_000;
/** For those who do not take the answer they asked for. */
const LAST_ANSWERS_MS = 1_000;

export interface WorkerServer {
  port: number;
  close(): Promise<void>;
}

/**
 * What others may ask a worker: `POST /v1/nudge` (read the table now), `GET /v1/drained` (answers when nothing is
 * being processed any more, or when the worker is not ending at all; the preStop hook of the application's container),
 * `GET /v1/changes` (a line whenever the worker beats or its group changes; for the operator),
 * `GET /v1/function` (503: the function hangs; the liveness probe of its container), `/healthz`, `/readyz`, `/metrics`.
 * @throws KcgError `Conflict` when the port is taken
 */
export async function startWorkerServer(options: WorkerServerOptions): Promise<WorkerServer> {
  const closing = new AbortController();
  const nudges = new Nudges(options, closing.signal);
  const word = () => options.worker()?.word();
  const changes = new Changes({ clock: options.clock, word, closing: closing.signal });
  const answering = new Set<Promise<void>>();
  const server = createServer((request, response) => {
    const answered = finished(response).catch(() => {}); // gone without an answer is over as well
    answering.add(answered);
    void answered.then(() => answering.delete(answered));
    if (request.method === 'GET' && request.url === CHANGES_PATH) void changes.tell(response);
    else void answer(options, request, response, nudges, closing.signal);
  });
  await listen(server, options.port, options.host);
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      closing.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // Hooks wait for the answer that this worker has drained: without one the kubelet calls them failed.
      await Promise.race([Promise.all(answering), options.clock.sleep(LAST_ANSWERS_MS)]);
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(
  { clock, worker, functionHangs, metrics }: WorkerServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
  nudges: Nudges,
  closing: AbortSignal,
): Promise<void> {
  if (request.method !== 'POST') request.resume();
  const state = worker()?.state ?? 'starting';
  switch (`${request.method} ${request.url}`) {
    case `POST ${NUDGE_PATH}`:
      nudges.take(shardsNamed(await bodyOf(request)));
      return reply(response, 204, '');
    case 'GET /healthz':
      return reply(response, 200, 'ok\n');
    case 'GET /readyz': {
      const isPaused = state === 'starting' && worker()?.isPaused === true;
      return reply(response, state === 'live' || isPaused ? 200 : 503, `${isPaused ? 'paused' : state}\n`);
    }
    case 'GET /metrics':
      return reply(response, 200, await metrics());
    case 'GET /v1/function':
      return functionHangs?.() ? reply(response, 503, 'it hangs\n') : reply(response, 200, 'ok\n');
    case 'GET /v1/drained': {
      const patientUntilMs = clock.monotonic() + DRAIN_BEGINS_WITHIN_MS;
      while (worker()?.state !== 'stopped' && !closing.aborted && !response.destroyed) {
        if (!worker()?.isEnding && clock.monotonic() >= patientUntilMs) {
          return reply(response, 200, 'not ending\n');
        }
        await clock.sleep(DRAINED_POLL_MS, { signal: closing });
      }
      return reply(response, 200, 'drained\n');
    }
    default:
      request.resume();
      return reply(response, 404, 'not found\n');
  }
}

/** Empty when it is longer than a nudge can be, or breaks off. */
async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const part of request as AsyncIterable<Buffer>) {
      bytes += part.length;
      if (bytes <= MOST_NUDGE_BYTES) parts.push(part);
    }
  } catch {
    return '';
  }
  return bytes <= MOST_NUDGE_BYTES ? Buffer.concat(parts).toString() : '';
}

function reply(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(body);
}
