import { request } from 'node:http';
import { isIP } from 'node:net';

/**
 * "Read the table now", or only these shards' rows: resolves to whether the worker at `address` took the hint. A nudge says
 * where to look and nothing of what is there, so it carries no authority, and a lost or forged one costs a read.
 */
export type Nudge = (address: string, shardIds?: readonly string[]) => Promise<boolean>;

/** Shards that are looked at one by one, each with one small read; more of them are one read of all rows. */
export const MOST_NAMED = 100;
const SHARD_ID = /^[a-zA-Z0-9_.-]{1,128}$/;

/** @returns the shards that the body of a nudge names, or undefined: read all */
export function shardsNamed(body: string): readonly string[] | undefined {
  try {
    const named = (JSON.parse(body) as { shards?: unknown } | null)?.shards;
    if (!Array.isArray(named) || named.length === 0 || named.length > MOST_NAMED) return undefined;
    return named.every((id): id is string => typeof id === 'string' && SHARD_ID.test(id)) ? named : undefined;
  } catch {
    return undefined;
  }
}

const TIMEOUT_MS = 500;
export const NUDGE_PATH = '/v1/nudge';

/** Calls `http://<address>/v1/nudge`; an address that is not an IP literal and port is never called. */
export const httpNudge: Nudge = (address, shardIds) => {
  const target = parseAddress(address);
  if (target === undefined) return Promise.resolve(false);
  return new Promise((resolve) => {
    const call = request({ ...target, path: NUDGE_PATH, method: 'POST', timeout: TIMEOUT_MS, agent: false });
    call.on('response', (response) => {
      response.resume();
      resolve((response.statusCode ?? 500) < 300);
    });
    call.on('timeout', () => call.destroy());
    call.on('error', () => resolve(false));
    call.on('close', () => resolve(false));
    call.end(shardIds && JSON.stringify({ shards: shardIds }));
  });
};

/** `10.1.2.3:8085` or `[::1]:8085`. */
export function parseAddress(address: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([0-9.]+)):(\d{1,5})$/.exec(address);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  return host !== undefined && isIP(host) !== 0 && port > 0 && port < 65_536 ? { host, port } : undefined;
}
