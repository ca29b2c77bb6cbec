import type { Server } from 'node:net';
import { KcgError } from './errors.ts';

/** Every address of this machine, IPv6 and IPv4; clusters have pods with the one, the other or both. */
export const ALL_ADDRESSES = '::';
/** How a kernel without IPv6 answers. */
const NO_IPV6: ReadonlySet<string> = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL']);

/**
 * @param option the flag that chooses the port
 * @throws KcgError `Conflict` when the port is taken
 */
export function listen(server: Server, port: number, host: string, option = '--port'): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      if (host === ALL_ADDRESSES && NO_IPV6.has(cause.code ?? '')) {
        resolve(listen(server, port, '0.0.0.0', option));
        return;
      }
      const taken = cause.code === 'EADDRINUSE';
      const fix = taken
        ? `Stop what uses the port, or choose another with ${option} (0 = any free one).`
        : undefined;
      const what = `cannot listen on ${host}:${port}: ${taken ? 'the port is in use' : cause.message}`;
      reject(new KcgError(taken ? 'Conflict' : 'InvalidInput', what, { cause, fix }));
    });
    server.listen(port, host, resolve);
  });
}

/** `host:port`, as a URL has it: an address of IPv6 stands in brackets. */
export function hostPort(host: string, port: number): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`;
}
