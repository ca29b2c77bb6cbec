import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { finished } from 'node:stream/promises';
import type { Clock } from '../lib/clock.ts';
import { listen } from '../lib/listen.ts';
import { NUDGE_PATH } from './leasing/nudge.ts';
import type { Worker } from './worker.ts';

export interface WorkerServerOptions {
  host: string;
  /** 0 = any free one. */
  port: number;
  clock: Clock;
  worker: () => Worker | undefined;
  metrics: () => Promise<string>;
}

/** Nudges taken a second, at most; more would only read the table more often than it changes. */
const NUDGES_PER_SECOND = 10;
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
 * `/healthz`, `/readyz`, `/metrics`.
 * @throws KcgError `Conflict` when the port is taken
 */
export async function startWorkerServer(options: WorkerServerOptions): Promise<WorkerServer> {
  const closing = new AbortController();
  const nudge = atMost(NUDGES_PER_SECOND, options.clock, closing.signal, () => options.worker()?.nudged());
  const answering = new Set<Promise<void>>();
  const server = createServer((request, response) => {
    const answered = finished(response).catch(() => {}); // gone without an answer is over as well
    answering.add(answered);
    void answered.then(() => answering.delete(answered));
    void answer(options, request, response, nudge, closing.signal);
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

/**
 * Does at most `count` of what it is asked for in a second. The rest is put off to the second's end and done once, never
 * dropped: it was taken from those who asked, and the last of them tells of what the ones before could not.
 */
function atMost(count: number, clock: Clock, closing: AbortSignal, act: () => void): () => void {
  let windowMs = -Infinity;
  let asked = 0;
  return () => {
    const nowMs = clock.monotonic();
    if (nowMs - windowMs >= 1_000) [windowMs, asked] = [nowMs, 0];
    asked += 1;
    if (asked <= count) return act();
    if (asked > count + 1) return;
    void clock.sleep(windowMs + 1_000 - nowMs, { signal: closing }).then(() => {
      if (!closing.aborted) act();
    });
  };
}

async function answer(
  { clock, worker, metrics }: WorkerServerOptions,
  request: IncomingMessage,
  response: ServerResponse,
  nudge: () => void,
  closing: AbortSignal,
): Promise<void> {
  request.resume();
  const state = worker()?.state ?? 'starting';
  switch (`${request.method} ${request.url}`) {
    case `POST ${NUDGE_PATH}`:
      nudge();
      return reply(response, 204, '');
    case 'GET /healthz':
      return reply(response, 200, 'ok\n');
    case 'GET /readyz': {
      const isPaused = state === 'starting' && worker()?.isPaused === true;
      return reply(response, state === 'live' || isPaused ? 200 : 503, `${isPaused ? 'paused' : state}\n`);
    }
    case 'GET /metrics':
      return reply(response, 200, await metrics());
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
      return reply(response, 404, 'not found\n');
  }
}

function reply(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(body);
}
