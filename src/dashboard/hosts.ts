import { isIP } from 'node:net';

/**
 * Whether a request may be answered that names `host` (the Host header). A web site can point a name of its own at this
 * server's address and have a browser of somebody who reaches it ask for data (DNS rebinding); it cannot do so with an address
 * or with localhost. Other names are those that the server was told of.
 */
export function isAllowedHost(host: string | undefined, names: ReadonlySet<string>): boolean {
  if (host === undefined) return false;
  const name = host.replace(/:\d{1,5}$/, '').toLowerCase();
  const address = name.startsWith('[') && name.endsWith(']') ? name.slice(1, -1) : name;
  return isIP(address) !== 0 || name === 'localhost' || name.endsWith('.localhost') || names.has(name);
}
