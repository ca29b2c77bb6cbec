import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { abortError } from '../lib/clock.ts';
import type { Destination } from './proxy.ts';

/** A connection to `to` through an HTTP proxy; for https with TLS in it, on which HTTP/2 has been agreed. Rejects as the SDK's own proxy agent does. */
export async function openTunnel(
  proxy: URL,
  to: Destination & { port: number },
  signal?: AbortSignal,
): Promise<Duplex> {
  const tunnel = await askFor(proxy, `${to.hostname}:${to.port}`, signal);
  return to.protocol === 'https:' ? secure(tunnel, to.hostname.replace(/^\[(.*)\]$/, '$1'), signal) : tunnel;
}

function askFor(proxy: URL, target: string, signal: AbortSignal | undefined): Promise<Socket> {
  const { username, password, hostname, port, protocol } = proxy;
  const [user, secret] = [username, password].map(decodeURIComponent);
  const authorization =
    username === ''
      ? {}
      : { 'proxy-authorization': `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}` };
  const asking = (protocol === 'https:' ? requestHttps : requestHttp)({
    method: 'CONNECT',
    host: hostname,
    port: port === '' ? (protocol === 'https:' ? 443 : 80) : port,
    path: target,
    headers: { host: target, ...authorization },
    agent: false,
    ...(signal ? { signal } : {}),
  });
  return new Promise((resolve, reject) => {
    asking.once('error', reject);
    asking.once('connect', ({ statusCode, statusMessage }, socket: Socket, head: Buffer) => {
      if (head.length > 0) socket.unshift(head); // who answers can speak first
      if (statusCode === 200) return resolve(socket);
      socket.destroy();
      const answer = `HTTP/1.1 ${statusCode} ${statusMessage}`;
      reject(Object.assign(new Error(answer), { code: 'ERR_PROXY_TUNNEL' }));
    });
    asking.end();
  });
}

function secure(socket: Socket, servername: string, signal: AbortSignal | undefined): Promise<TLSSocket> {
  const name = isIP(servername) === 0 ? { servername } : {};
  const tls = connectTls({ socket, host: servername, ALPNProtocols: ['h2'], ...name });
  const onAbort = () => tls.destroy(signal && abortError(signal));
  signal?.addEventListener('abort', onAbort, { once: true });
  return new Promise<TLSSocket>((resolve, reject) => {
    tls.once('error', reject);
    tls.once('secureConnect', () => {
      tls.off('error', reject);
      if (tls.alpnProtocol === 'h2') return resolve(tls);
      tls.destroy();
      reject(new Error('h2 is not supported'));
    });
  }).finally(() => signal?.removeEventListener('abort', onAbort));
}
