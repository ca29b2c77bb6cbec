import { request as requestHttp, type Agent as HttpAgent, type IncomingMessage } from 'node:http';
import { request as requestHttps, type Agent as HttpsAgent } from 'node:https';
import type { Socket } from 'node:net';
import { abortError } from '../lib/clock.ts';

/**
 * As the SDK has it, without a query, credentials in its address, or a body that is still to come. Its headers are sent as
 * they are: `host` and `content-length` are among them.
 */
export interface WholeRequest {
  protocol: string;
  hostname: string;
  port?: number | undefined;
  path: string;
  method: string;
  headers: Record<string, string>;
  body: string | Uint8Array;
}

export interface DirectOptions {
  agents: { http: HttpAgent; https: HttpsAgent };
  /** Bound of TCP and TLS, ms. How long an answer may take is the caller's to bound. */
  connectionTimeoutMs: number;
  abortSignal?: AbortSignal | undefined;
}

/**
 * Sends a request without the SDK's handler, which sets four timers for each and copies its headers. Node is given them as a
 * list, which it writes as it is: of an object it makes a map first.
 * @throws what the network says, a `TimeoutError` when no connection was made in time, the reason of the signal
 */
export function directRequest(
  { protocol, hostname, port, path, method, headers, body }: WholeRequest,
  { agents, connectionTimeoutMs, abortSignal }: DirectOptions,
): Promise<IncomingMessage> {
  if (abortSignal?.aborted) return Promise.reject(abortError(abortSignal));
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  const isTls = protocol === 'https:';
  const lines: string[] = [];
  for (const name in headers) lines.push(name, headers[name]!);
  const to = { host, port, path, method, headers: lines, agent: isTls ? agents.https : agents.http };
  return new Promise((resolve, reject) => {
    const sent = isTls ? requestHttps(to) : requestHttp(to);
    const onAbort = () => {
      sent.destroy();
      reject(abortError(abortSignal!));
    };
    abortSignal?.addEventListener('abort', onAbort, { once: true });
    sent.on('close', () => abortSignal?.removeEventListener('abort', onAbort));
    sent.on('response', resolve);
    sent.on('error', (error: NodeJS.ErrnoException) =>
      reject(error.code === 'ETIMEDOUT' ? Object.assign(error, { name: 'TimeoutError' }) : error),
    );
    sent.on('socket', (socket: Socket) => {
      if (!socket.connecting) return;
      const ready = protocol === 'https:' ? 'secureConnect' : 'connect';
      const onTimeout = () => {
        const message = `${host} made no connection within ${connectionTimeoutMs} ms`;
        sent.destroy(Object.assign(new Error(message), { name: 'TimeoutError', code: 'ETIMEDOUT' }));
      };
      socket.setTimeout(connectionTimeoutMs, onTimeout);
      socket.once(ready, () => {
        socket.setTimeout(0);
        socket.off('timeout', onTimeout);
      });
    });
    sent.end(body);
  });
}
