import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ALL_ADDRESSES, listen } from '../lib/listen.ts';

export interface OperatorServerOptions {
  /** 0 = any free one. */
  port: number;
  /** Serving: the process works, as leader or as one that waits to lead. */
  isReady: () => boolean;
  /** Why only a new process helps; undefined while this one goes on. */
  whyHung: () => string | undefined;
  metrics: () => Promise<string>;
}

export interface OperatorServer {
  port: number;
  close(): Promise<void>;
}

/**
 * What the kubelet and Prometheus ask the operator: `/healthz`, `/readyz`, `/metrics`.
 * @throws KcgError `Conflict` when the port is taken
 */
export async function startOperatorServer(options: OperatorServerOptions): Promise<OperatorServer> {
  const server = createServer((request, response) => {
    request.resume();
    const reply = (status: number, body: string) =>
      response.writeHead(status, { 'content-type': 'text/plain; version=0.0.4' }).end(body);
    if (request.url === '/healthz') {
      const why = options.whyHung();
      reply(why === undefined ? 200 : 503, `${why ?? 'ok'}\n`);
    } else if (request.url === '/readyz') {
      if (options.isReady()) reply(200, 'ok\n');
      else reply(503, 'starting\n');
    } else if (request.url === '/metrics') {
      options.metrics().then(
        (text) => reply(200, text),
        () => reply(500, ''),
      );
    } else reply(404, 'not found\n');
  });
  await listen(server, options.port, ALL_ADDRESSES);
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
