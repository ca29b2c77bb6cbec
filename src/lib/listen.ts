import type { Server } from 'node:http';
import { KcgError } from '../lib/errors.ts';

/** @throws KcgError `Conflict` when the port is taken */
export function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const taken = cause.code === 'EADDRINUSE';
      const fix = taken ? 'Stop what uses the port, or choose another.' : undefined;
      const what = `cannot listen on ${host}:${port}: ${taken ? 'the port is in use' : cause.message}`;
      reject(new KcgError(taken ? 'Conflict' : 'InvalidInput', what, { cause, fix }));
    });
    server.listen(port, host, resolve);
  });
}
