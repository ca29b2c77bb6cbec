import { existsSync } from 'node:fs';
import dns from 'node:dns';

/*
 * For `node --import`: the names under `NAMES` are those of this machine, until somebody makes the file `CHAOS_NO_NAMES`.
 * Then they have no address, in the three ways in which a resolver can fail, one after another.
 */

export const NAMES = '.kcg.test';

type Callback = (error: NodeJS.ErrnoException | null, address?: unknown, family?: number) => void;

const lookup = dns.lookup as (name: string, options: dns.LookupOptions, callback: Callback) => void;
let failures = 0;

function lookUp(name: string, options: dns.LookupOptions, callback: Callback): void {
  if (!name.endsWith(NAMES)) return lookup(name, options, callback);
  if (!existsSync(process.env['CHAOS_NO_NAMES'] ?? '')) return lookup('127.0.0.1', options, callback);
  // The third way: the resolver says nothing.
  const code = ['ENOTFOUND', 'EAI_AGAIN', undefined][failures++ % 3];
  if (code === undefined) return;
  const error = Object.assign(new Error(`getaddrinfo ${code} ${name}`), {
    code,
    syscall: 'getaddrinfo',
    hostname: name,
  });
  process.nextTick(callback, error);
}

// Connections ask for it by this property each time.
dns.lookup = lookUp as typeof dns.lookup;
