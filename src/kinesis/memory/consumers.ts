import type { KcgError } from '../../lib/errors.ts';
import type { StreamConsumer } from '../stream-client.ts';
import { consumerExists, consumerLimit, consumerNotFound, invalid, type StreamName } from './errors.ts';

const MAX_CONSUMERS = 20;
const MAX_CREATING = 5;
/** One successful call of SubscribeToShard for a consumer and a shard within this time, ms. */
const SUBSCRIBE_GAP_MS = 5_000;

interface Entry {
  name: string;
  arn: string;
  createdAt: number;
  /** When CREATING or DELETING is over. */
  until: number;
  isDeleting: boolean;
  /** By shard: the last successful call. */
  calls: Map<string, { at: number; subscription: Running }>;
}

/** What ends a subscription from outside. */
interface Running {
  /** The next event is this error. */
  fail(error: KcgError): void;
  /** A newer one has begun. */
  takeOver(): void;
}

/** The registered consumers of one stream of the memory twin, with their subscriptions. Times are ms since the epoch. */
export class StreamConsumers {
  readonly #stream: StreamName & { arn: string };
  readonly #transitionMs: number;
  readonly #entries = new Map<string, Entry>();

  constructor(stream: StreamName & { arn: string }, transitionMs: number) {
    this.#stream = stream;
    this.#transitionMs = transitionMs;
  }

  /** @throws KcgError `Conflict` when the name is taken, `LimitExceeded` for the 21st, and the sixth in CREATING. */
  register(name: string, now: number): StreamConsumer {
    if (!/^[a-zA-Z0-9_.-]{1,128}$/.test(name)) {
      throw invalid(
        `1 validation error detected: Value '${name}' at 'consumerName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+`,
      );
    }
    this.#settle(now);
    if (this.#entries.has(name)) throw consumerExists(name, this.#stream);
    if (this.#entries.size >= MAX_CONSUMERS)
      throw consumerLimit(`${MAX_CONSUMERS} registered consumers`, this.#stream);
    const creating = [...this.#entries.values()].filter(
      (entry) => describe(entry, now).status === 'CREATING',
    );
    if (creating.length >= MAX_CREATING)
      throw consumerLimit(`${MAX_CREATING} consumers being created`, this.#stream);
    const arn = `${this.#stream.arn}/consumer/${name}:${Math.floor(now / 1000)}`;
    const until = now + this.#transitionMs;
    const entry: Entry = { name, arn, createdAt: now, until, isDeleting: false, calls: new Map() };
    this.#entries.set(name, entry);
    return describe(entry, now);
  }

  /** `key` is a name or an ARN. */
  deregister(key: string, now: number): void {
    const entry = this.#find(key, now);
    entry.isDeleting = true;
    entry.until = now + this.#transitionMs;
    for (const { subscription } of entry.calls.values())
      subscription.fail(consumerNotFound(entry.name, this.#stream));
    this.#settle(now);
  }

  /** `key` is a name or an ARN. */
  get(key: string, now: number): StreamConsumer {
    return describe(this.#find(key, now), now);
  }

  /** By name. */
  list(now: number): StreamConsumer[] {
    this.#settle(now);
    return [...this.#entries.values()]
      .map((entry) => describe(entry, now))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** @throws KcgError `Conflict` when `subscribed` would throw */
  requireFree(arn: string, shardId: string, now: number, inUse: () => Error): void {
    const entry = this.#find(arn, now);
    const last = entry.calls.get(shardId);
    const isReady = describe(entry, now).status === 'ACTIVE';
    if (!isReady || (last && now - last.at < SUBSCRIBE_GAP_MS)) throw inUse();
  }

  /** From now on `subscription` is the only one of the consumer on the shard; the one before has ended with `inUse`. */
  subscribed(arn: string, shardId: string, subscription: Running, at: number): void {
    const entry = this.#find(arn, at);
    entry.calls.get(shardId)?.subscription.takeOver();
    entry.calls.set(shardId, { at, subscription });
  }

  #find(key: string, now: number): Entry {
    this.#settle(now);
    const entry = [...this.#entries.values()].find(({ name, arn }) => name === key || arn === key);
    if (!entry) throw consumerNotFound(key, this.#stream);
    return entry;
  }

  #settle(now: number): void {
    for (const [name, entry] of this.#entries)
      if (entry.isDeleting && now >= entry.until) this.#entries.delete(name);
  }
}

function describe({ name, arn, createdAt, until, isDeleting }: Entry, now: number): StreamConsumer {
  const status = isDeleting ? 'DELETING' : now < until ? 'CREATING' : 'ACTIVE';
  return { name, arn, status, createdAt };
}
