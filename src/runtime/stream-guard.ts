import type { CallOptions, StreamClient, StreamSummary } from '../kinesis/stream-client.ts';
import type { Clock } from '../lib/clock.ts';
import { hasCode, KcgError } from '../lib/errors.ts';
import { unlessAborted } from './handlers/unless-aborted.ts';

/** Creation times are told in seconds by some and in milliseconds by others. */
const SAME_CREATION_MS = 1_000;
/** Between looks while they fail; readers of many shards fail together. */
const LOOK_INTERVAL_MS = 5_000;

/** Is `summary` the stream that was created at `createdAt`, or a later one of its name? */
function isSameStream(summary: Pick<StreamSummary, 'createdAt'>, createdAt: number): boolean {
  return Math.abs(summary.createdAt - createdAt) <= SAME_CREATION_MS;
}

/** @throws KcgError `Conflict` when positions of the stream created at `createdAt` would be used in another */
export function requireSameStream(summary: StreamSummary, createdAt: number): void {
  if (isSameStream(summary, createdAt)) return;
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

/**
 * The stream as it was first described, and no later one of the same name: shards of both have the same names, and some
 * positions of the one look right in the other. After any error that a replaced stream would cause, nothing is read
 * before the stream has been looked at again.
 */
export function guardStream(client: StreamClient, first: StreamSummary, clock: Clock): StreamClient {
  let suspect: KcgError | undefined;
  let failedAtMs = -Infinity;
  let looking: Promise<StreamSummary> | undefined;

  const describe = async (options?: CallOptions) => {
    const summary = await client.describe(options);
    requireSameStream(summary, first.createdAt);
    return summary;
  };
  const look = async (signal: AbortSignal | undefined) => {
    if (suspect === undefined) return;
    if (looking === undefined && clock.monotonic() - failedAtMs < LOOK_INTERVAL_MS) throw suspect;
    looking ??= describe().finally(() => (looking = undefined));
    const shared = looking;
    try {
      // Shared with others: who gives up leaves it running.
      await (signal ? unlessAborted(signal, () => shared) : shared);
      suspect = undefined;
    } catch (thrown) {
      if (signal?.aborted) throw thrown;
      suspect = KcgError.from(thrown);
      failedAtMs = clock.monotonic();
      throw suspect;
    }
  };
  const guarded = async <T>(options: CallOptions | undefined, call: () => Promise<T>): Promise<T> => {
    await look(options?.signal);
    try {
      return await call();
    } catch (thrown) {
      if (hasCode(thrown, 'NotFound', 'InvalidInput', 'ExpiredIterator')) suspect = thrown;
      throw thrown;
    }
  };
  return {
    describe,
    listShards: (filter, options) => guarded(options, () => client.listShards(filter, options)),
    getIterator: (shardId, position, options) =>
      guarded(options, () => client.getIterator(shardId, position, options)),
    getRecords: (iterator, limit, options) =>
      guarded(options, () => client.getRecords(iterator, limit, options)),
    close: () => client.close(),
  };
}
