import type { RedisClientOptions } from '@redis/client';
import { abortError, withDeadline, type Clock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import type { ForeignRow, ForeignRows, ForeignStore } from '../foreign-store.ts';

export interface ForeignKeysOptions {
  clock: Clock;
  /** `redis[s]://[user@]host[:port][/database]`, of any node of a cluster. */
  url: string;
  password?: string | undefined;
}

interface Node {
  scanIterator(options: { MATCH: string; COUNT: number }): AsyncIterable<string[]>;
  get(key: string): Promise<string | null>;
}

/** What the keys of async-kinesis begin with. */
const PATTERN = 'pyredis-*';
const PAGE = 500;
const CONNECT_TIMEOUT_MS = 5_000;
/** Bound of one read of everything. */
const READ_TIMEOUT_MS = 20_000;

/** async-kinesis' keys in Redis or Valkey, one server or a cluster. It sends INFO, SCAN and GET; each read connects anew. */
export class ForeignKeys implements ForeignStore {
  readonly #options: ForeignKeysOptions;

  constructor(options: ForeignKeysOptions) {
    this.#options = options;
  }

  async read({ signal }: { signal?: AbortSignal | undefined } = {}): Promise<ForeignRows> {
    const { clock, url } = this.#options;
    try {
      return await withDeadline(clock, READ_TIMEOUT_MS, { what: `reading ${url}`, signal }, (signal) =>
        this.#readAll(signal),
      );
    } catch (thrown) {
      if (signal?.aborted) throw abortError(signal);
      throw translateRedisError(thrown, url);
    }
  }

  close(): void {}

  async #readAll(signal: AbortSignal): Promise<ForeignRows> {
    const { url, password } = this.#options;
    // Only who reads Redis loads its client.
    const { createClient, createCluster } = await import('@redis/client');
    const connection = {
      ...(password === undefined ? {} : { password }),
      socket: { reconnectStrategy: false, connectTimeout: CONNECT_TIMEOUT_MS },
    } satisfies RedisClientOptions;
    // RESP 2 is what servers before Redis 6 speak.
    const client = createClient({ url, ...connection, RESP: 2, disableOfflineQueue: true });
    const rows = new Map<string, ForeignRow>();
    // Without a listener it would end the process; what fails is thrown, too.
    client.on('error', () => {});
    const stop = () => client.destroy();
    signal.addEventListener('abort', stop, { once: true });
    try {
      await client.connect();
      if (!/^cluster_enabled:1\r?$/m.test(await client.info('cluster'))) {
        await collect(client, rows);
        return { source: url, rows: [...rows.values()] };
      }
    } finally {
      signal.removeEventListener('abort', stop);
      if (client.isOpen) client.destroy();
    }
    const cluster = createCluster({
      rootNodes: [{ url }],
      defaults: { ...connection, ...userOf(url) },
      RESP: 2,
    });
    cluster.on('error', () => {});
    const stopAll = () => cluster.destroy();
    signal.addEventListener('abort', stopAll, { once: true });
    try {
      await cluster.connect();
      for (const master of cluster.masters) await collect(await cluster.nodeClient(master), rows);
      return { source: url, rows: [...rows.values()] };
    } finally {
      signal.removeEventListener('abort', stopAll);
      cluster.destroy();
    }
  }
}

/** SCAN may name a key twice. */
async function collect(node: Node, rows: Map<string, ForeignRow>): Promise<void> {
  for await (const keys of node.scanIterator({ MATCH: PATTERN, COUNT: PAGE })) {
    const values = await Promise.all(keys.map((key) => node.get(key).catch(otherType)));
    for (const [i, key] of keys.entries()) rows.set(key, { key, value: values[i] ?? null });
  }
}

/** A key that is no text is not async-kinesis': its reader says so. */
function otherType(thrown: unknown): null {
  if (thrown instanceof Error && thrown.message.startsWith('WRONGTYPE')) return null;
  throw thrown;
}

/** The nodes of a cluster are named without it. */
function userOf(url: string): { username?: string } {
  const { username } = new URL(url);
  return username === '' ? {} : { username: decodeURIComponent(username) };
}

function translateRedisError(thrown: unknown, url: string): KcgError {
  if (thrown instanceof KcgError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const about = { cause: thrown, resource: url };
  if (/^(NOAUTH|WRONGPASS|ERR AUTH|ERR invalid password)/.test(message)) {
    const fix = 'Give the password of Redis, and the user in the URL where there is one.';
    return new KcgError('Credentials', `Redis at ${url} refused the login: ${message}`, { ...about, fix });
  }
  if (message.startsWith('NOPERM')) {
    const fix = 'Allow its user INFO, SCAN and GET on keys pyredis-*.';
    return new KcgError('AccessDenied', `Redis at ${url} refused: ${message}`, { ...about, fix });
  }
  const fix = 'Check the URL, and that Redis can be reached from here: network policy, TLS (rediss:).';
  return new KcgError('Unavailable', `Redis at ${url} cannot be read: ${message}`, { ...about, fix });
}
