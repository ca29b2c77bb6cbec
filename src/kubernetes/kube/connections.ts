import { Agent, ProxyAgent, type Dispatcher } from 'undici';
import type { Clock } from '../../lib/clock.ts';
import { isSameJson } from '../../lib/same-json.ts';
import type { KubeAccess, KubeTls } from './config.ts';

/** A connection that seems dead is replaced at most this often. */
const REPLACE_INTERVAL_MS = 10_000;

/** The connections to one API server, of one pool until its certificates change, or until they seem dead. */
export class Connections {
  readonly #access: KubeAccess;
  readonly #clock: Clock;
  #held: { pool: Dispatcher; tls: KubeTls; madeAt: number } | undefined;
  readonly #retired = new Set<Dispatcher>();

  constructor(access: KubeAccess, clock: Clock) {
    this.#access = access;
    this.#clock = clock;
  }

  by(tls: KubeTls): Dispatcher {
    if (this.#held && !isSameJson(this.#held.tls, tls)) this.#retire(this.#held.pool);
    this.#held ??= { pool: poolOf(this.#access, tls), tls, madeAt: this.#clock.monotonic() };
    return this.#held.pool;
  }

  /** A stream fell silent, so its connection may be dead: what comes next opens a new one. Streams on the old one go on. */
  distrust(): void {
    if (!this.#held || this.#clock.monotonic() - this.#held.madeAt < REPLACE_INTERVAL_MS) return;
    this.#retire(this.#held.pool);
  }

  async close(): Promise<void> {
    const all = [...this.#retired, ...(this.#held ? [this.#held.pool] : [])];
    this.#held = undefined;
    await Promise.all(all.map((pool) => pool.destroy()));
  }

  #retire(pool: Dispatcher): void {
    this.#held = undefined;
    this.#retired.add(pool);
    const forget = () => this.#retired.delete(pool);
    pool.close().then(forget, forget);
  }
}

/**
 * HTTP/1.1: over HTTP/2, Node 24.21 can turn in a circle within itself (`Http2Session::SendPendingData`) when requests are given
 * up while the server stands still, and takes memory until there is none.
 */
function poolOf({ proxyUrl }: KubeAccess, tls: KubeTls): Dispatcher {
  if (proxyUrl !== undefined) return new ProxyAgent({ uri: proxyUrl, requestTls: tls, allowH2: false });
  return new Agent({ connect: { ...tls, timeout: 10_000 }, keepAliveTimeout: 60_000, allowH2: false });
}
