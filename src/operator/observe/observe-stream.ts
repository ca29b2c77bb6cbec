import type { Shard } from '../../kinesis/shard.ts';
import type { StreamClient, StreamSummary } from '../../kinesis/stream-client.ts';
import { backoffMs, jitterMs } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { describeError, KcgError, type ErrorCode } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import type { Random } from '../../lib/random.ts';
import type { StreamFacts } from '../plan/group-facts.ts';

export interface StreamCacheOptions {
  clock: Clock;
  random: Random;
  log: Log;
  /** How long an answer serves, ms; default 45,000; at most 3,000 while the stream is changing. */
  freshMs?: number;
}

interface Entry {
  facts: StreamFacts;
  /** Monotonic; look again from then on. */
  nextMs: number;
  /** Monotonic; the same for those who are told when it is resharded. */
  toldNextMs: number;
  askedMs: number;
  failures: number;
  /** What the log was told last; monotonic. */
  said: { code: ErrorCode; atMs: number } | undefined;
  /** Somebody is asking; the others wait for the same answer. */
  asking: Promise<void> | undefined;
  users: Set<string>;
}

const DEFAULT_FRESH_MS = 45_000;
/** Of these, one in so many is enough where workers read the stream and tell of a reshard. */
const TOLD_SHARE = 4;
/** Least time between two looks at one stream. */
const REFRESH_MS = 5_000;
/** The same while a stream is being created, resharded or deleted. */
export const CHANGING_MS = 3_000;
/** The same trouble is said once, and again when it still goes on after this long. */
const REMIND_MS = 600_000;
const BACKOFF = { baseMs: 5_000, maxMs: 60_000 };

/**
 * What the streams look like: one DescribeStreamSummary and one ListShards per stream for all its groups, kept for a
 * while. A failure keeps the last good answer beside the error.
 */
export class StreamCache {
  readonly #options: Required<StreamCacheOptions>;
  readonly #entries = new Map<string, Entry>();
  /** By user: the stream it asked for last. */
  readonly #keyOf = new Map<string, string>();

  constructor(options: StreamCacheOptions) {
    this.#options = { freshMs: DEFAULT_FRESH_MS, ...options };
  }

  /**
   * @param key names the stream, its region and endpoint
   * @param user who asks; a stream is kept while it is the one that somebody asked for last
   * @param isTold the user would know of a reshard, and then calls `refresh`
   */
  async look(
    key: string,
    {
      client,
      user,
      isTold = false,
      signal,
    }: { client: StreamClient; user: string; isTold?: boolean; signal: AbortSignal },
  ): Promise<StreamFacts> {
    const entry = this.#entryOf(key);
    if (this.#keyOf.get(user) !== key) this.forget(user);
    this.#keyOf.set(user, key);
    entry.users.add(user);
    const dueMs = isTold ? entry.toldNextMs : entry.nextMs;
    if (entry.asking === undefined && this.#options.clock.monotonic() >= dueMs) {
      entry.asking = this.#ask(entry, client, signal).finally(() => (entry.asking = undefined));
    }
    await entry.asking;
    return entry.facts;
  }

  /**
   * The answer is known to be old: looks again at the next call, but not all the time, and not before a failure's time; when
   * somebody has asked for it, whatever the time.
   */
  refresh(key: string, { isAsked = false }: { isAsked?: boolean } = {}): void {
    const entry = this.#entries.get(key);
    if (!entry || (entry.failures > 0 && !isAsked)) return;
    entry.nextMs = isAsked ? -Infinity : Math.min(entry.nextMs, entry.askedMs + REFRESH_MS);
    entry.toldNextMs = entry.nextMs;
  }

  /** The user is gone, and its stream with the last of them. */
  forget(user: string): void {
    const key = this.#keyOf.get(user);
    const entry = key === undefined ? undefined : this.#entries.get(key);
    if (key === undefined || !entry) return;
    this.#keyOf.delete(user);
    entry.users.delete(user);
    if (entry.users.size === 0) this.#entries.delete(key);
  }

  #entryOf(key: string): Entry {
    const known = this.#entries.get(key);
    if (known) return known;
    const facts = { summary: undefined, shards: undefined, error: undefined };
    const entry: Entry = {
      facts,
      nextMs: -Infinity,
      toldNextMs: -Infinity,
      askedMs: -Infinity,
      failures: 0,
      said: undefined,
      asking: undefined,
      users: new Set(),
    };
    this.#entries.set(key, entry);
    return entry;
  }

  async #ask(entry: Entry, client: StreamClient, signal: AbortSignal): Promise<void> {
    const { clock, random, freshMs } = this.#options;
    entry.askedMs = clock.monotonic();
    try {
      const summary = await client.describe({ signal });
      const usable = summary.status === 'ACTIVE' || summary.status === 'UPDATING';
      const shards = usable ? await client.listShards({ from: 'TRIM_HORIZON' }, { signal }) : undefined;
      entry.facts = { summary, shards: shards ?? shardsOfSame(entry.facts, summary), error: undefined };
      entry.failures = 0;
      entry.said = undefined;
      const isActive = summary.status === 'ACTIVE';
      const inMs = jitterMs(isActive ? freshMs : Math.min(freshMs, CHANGING_MS), 0.2, random);
      entry.nextMs = clock.monotonic() + inMs;
      entry.toldNextMs = clock.monotonic() + (isActive ? inMs * TOLD_SHARE : inMs);
    } catch (thrown) {
      if (signal.aborted) throw thrown;
      const error = KcgError.from(thrown);
      entry.failures += 1;
      this.#tell(entry, error);
      entry.facts = error.code === 'NotFound' ? { ...NOTHING, error } : { ...entry.facts, error };
      const delayMs = backoffMs(entry.failures, random, BACKOFF);
      entry.nextMs = clock.monotonic() + Math.max(delayMs, error.retryAfterMs ?? 0);
      entry.toldNextMs = entry.nextMs;
    }
  }

  /** Here, as the groups of a stream may be many. */
  #tell(entry: Entry, error: KcgError): void {
    const nowMs = this.#options.clock.monotonic();
    const { said } = entry;
    if (said?.code === error.code && nowMs - said.atMs < REMIND_MS) return;
    entry.said = { code: error.code, atMs: nowMs };
    this.#options.log.warn('a stream cannot be looked at', { error: describeError(error), code: error.code });
  }
}

const NOTHING = { summary: undefined, shards: undefined };

function shardsOfSame({ summary, shards }: StreamFacts, now: StreamSummary): readonly Shard[] | undefined {
  return summary?.createdAt === now.createdAt ? shards : undefined;
}
