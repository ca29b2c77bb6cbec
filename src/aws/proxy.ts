import { BlockList, isIP } from 'node:net';
import { KcgError } from '../lib/errors.ts';

/** Where a request goes. */
export interface Destination {
  protocol: string;
  /** IPv6 addresses with or without brackets. */
  hostname: string;
  port?: number | undefined;
}

/** Environment variables; of each pair lower case comes first, as curl and Node read them. */
export type ProxyEnv = Readonly<Record<string, string | undefined>>;

/**
 * The proxy that the environment names for a request: HTTPS_PROXY for https, HTTP_PROXY for http, unless NO_PROXY names
 * the destination. The rules are those of Go, so that one set of variables serves all programs of a cluster: an entry of
 * NO_PROXY is a name (with those below it), `.name` or `*.name` (those below it alone), an address, a CIDR block, each
 * with `:port` where it counts, or `*`; this machine's own addresses are never proxied.
 * @throws KcgError `InvalidInput` when a variable is no URL of a proxy
 */
export function proxyFor(destination: Destination, env: ProxyEnv): URL | undefined {
  const name = destination.protocol === 'https:' ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const value = env[name.toLowerCase()] || env[name];
  if (!value) return undefined;
  const hostname = destination.hostname.replace(/^\[(.*)\]$/, '$1').toLowerCase();
  const port = destination.port ?? (destination.protocol === 'https:' ? 443 : 80);
  if (isLoopback(hostname)) return undefined;
  const exempt = (env['no_proxy'] || env['NO_PROXY'] || '').toLowerCase().split(/[\s,]+/);
  return exempt.some((entry) => entry !== '' && names(entry, hostname, port))
    ? undefined
    : proxyUrl(name, value);
}

function proxyUrl(name: string, value: string): URL {
  const text = value.includes('://') ? value : `http://${value}`;
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url && /^https?:$/.test(url.protocol)) return url;
  // Without its value, which may hold a password.
  throw new KcgError('InvalidInput', `${name} does not name an HTTP proxy`, {
    fix: `Set ${name} to a URL like http://proxy.example:3128.`,
  });
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || isWithin(hostname, '127.0.0.0', 8) || hostname === '::1';
}

function names(entry: string, hostname: string, port: number): boolean {
  if (entry === '*') return true;
  const [, bracketed, plain, only] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(entry) ?? [];
  if (only !== undefined && Number(only) !== port) return false;
  const what = bracketed ?? plain ?? entry;
  const [address = '', prefix] = what.split('/');
  if (isIP(address) !== 0)
    return isWithin(hostname, address, prefix === undefined ? undefined : Number(prefix));
  if (what.startsWith('.')) return hostname.endsWith(what);
  if (what.startsWith('*.')) return hostname.endsWith(what.slice(1));
  return hostname === what || hostname.endsWith(`.${what}`);
}

/** False for names, for addresses of the other family and for prefixes that cannot be. */
function isWithin(hostname: string, address: string, prefix: number | undefined): boolean {
  const [version, bits] = isIP(address) === 4 ? [4, 32] : [6, 128];
  if (isIP(hostname) !== version) return false;
  const length = prefix ?? bits;
  if (!Number.isInteger(length) || length < 0 || length > bits) return false;
  const list = new BlockList();
  const family = version === 4 ? 'ipv4' : 'ipv6';
  list.addSubnet(address, length, family);
  return list.check(hostname, family);
}
