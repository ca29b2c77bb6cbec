import { isSameCreation } from '../kinesis/same-stream.ts';
import type { CallOptions, StreamClient, StreamSummary } from '../kinesis/stream-client.ts';
import type { Clock } from '../lib/clock.ts';
import { hasCode, KcgError } from '../lib/errors.ts';
import { unlessAborted } from './handlers/unless-aborted.ts';

/** Between looks while they fail; readers of many shards fail together. */
const LOOK_INTERVAL_MS = 5_000;

/** @throws KcgError `Conflict` when positions of the stream created at `createdAt` would be used in another */
export function requireSameStream(summary: StreamSummary, createdAt: number): void {
  if (isSameCreation(summary.createdAt, createdAt)) return;
  const times = [createdAt, summary.createdAt].map((ms) => new Date(ms).toISOString());
  throw new KcgError(
    'Conflict',
    `stream ${summary.name} was deleted and created again (${times[0]}, now ${times[1]}); its positions are the old one's, so nothing is read`,
    {
      resource: `stream ${summary.name}`,
      fix: "Use another groupId, or delete the group's rows to begin anew.",
    },
  );
}

/** Holds until a look that began after look `since` says that it is the same stream. */
interface Suspicion {
  since: number;
}

/**
 * The stream as it was first described, and no later one of the same name: shards of both have the same names, and some
 * positions of the one look right in the other. After an error that a replaced stream would cause, the client that met it
 * reads nothing before the stream has been looked at again. It has a reason of its own most of the time, so the clients of
 * other shards go on, until a look shows another stream.
 */
export class StreamGuard {
  readonly #client: StreamClient;
  readonly #first: StreamSummary;
  readonly #clock: Clock;
  /** Looks are counted; what was suspected before the last good one began is no more. */
  #begun = 0;
  #lastGood = 0;
  #looking: Promise<unknown> | undefined;
  #failure: { error: KcgError; atMs: number } | undefined;
  /** Concerns everybody. */
  #replaced: Suspicion | undefined;

  constructor(client: StreamClient, first: StreamSummary, clock: Clock) {
    this.#client = client;
    this.#first = first;
    this.#clock = clock;
  }

  /** A client with a suspicion of its own: one a shard. */
  client(): StreamClient {
    const client = this.#client;
    let own: Suspicion | undefined;
    const guarded = async <T>(options: CallOptions | undefined, call: () => Promise<T>): Promise<T> => {
      if (this.#replaced || own) await this.#settle(() => [this.#replaced, own], options?.signal);
      try {
        return await call();
      } catch (thrown) {
        if (hasCode(thrown, 'NotFound', 'InvalidInput', 'ExpiredIterator')) own = { since: this.#begun };
        throw thrown;
      }
    };
    return {
      describe: (options) => this.#describe(options),
      now: (options) => client.now(options),
      listShards: (filter, options) => guarded(options, () => client.listShards(filter, options)),
      getIterator: (shardId, position, options) =>
        guarded(options, () => client.getIterator(shardId, position, options)),
      getRecords: (iterator, limit, options) =>
        guarded(options, () => client.getRecords(iterator, limit, options)),
      subscribe: (request, options) => guarded(options, () => client.subscribe(request, options)),
      close: () => client.close(),
    };
  }

  /** Looks until nothing is suspected any more. @throws KcgError when a look fails, or failed a moment ago */
  async #settle(suspicions: () => (Suspicion | undefined)[], signal: AbortSignal | undefined): Promise<void> {
    const isOpen = (suspicion: Suspicion | undefined) => suspicion && suspicion.since >= this.#lastGood;
    while (suspicions().some(isOpen)) {
      const failure = this.#failure;
      if (!this.#looking && failure && this.#clock.monotonic() - failure.atMs < LOOK_INTERVAL_MS)
        throw failure.error;
      this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
      const shared = this.#looking;
      // Shared with others: who gives up leaves it running.
      await (signal ? unlessAborted(signal, () => shared) : shared);
    }
  }

  async #look(): Promise<void> {
    try {
      await this.#describe();
      this.#failure = undefined;
    } catch (thrown) {
      this.#failure = { error: KcgError.from(thrown), atMs: this.#clock.monotonic() };
      throw thrown;
    }
  }

  async #describe(options?: CallOptions): Promise<StreamSummary> {
    const look = (this.#begun += 1);
    const summary = await this.#client.describe(options);
    try {
      requireSameStream(summary, this.#first.createdAt);
    } catch (thrown) {
      this.#replaced = { since: this.#begun };
      throw thrown;
    }
    this.#lastGood = Math.max(this.#lastGood, look);
    return summary;
  }
}
