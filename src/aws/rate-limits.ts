import type { Clock } from '../lib/clock.ts';
import { TokenBucket } from '../lib/token-bucket.ts';

/**
 * Calls a second that the operator makes at most, of those that AWS counts for a whole account and region: half of what
 * there is, as workers and other programs want theirs.
 * Sources: Kinesis Data Streams, "Quotas and limits" (DescribeStreamSummary 20/s); DynamoDB API reference (tagging 5/s,
 * ListTagsOfResource 10/s, continuous backups 10/s).
 */
const PER_SECOND: Readonly<Record<string, number>> = {
  DescribeStreamSummary: 10,
  TagResource: 2.5,
  UntagResource: 2.5,
  ListTagsOfResource: 5,
  DescribeContinuousBackups: 5,
  UpdateContinuousBackups: 5,
};

/** Keeps the operator from throttling its account when it starts with many groups, or many are applied at once. */
export class AwsRateLimits {
  readonly #clock: Clock;
  readonly #buckets = new Map<string, TokenBucket>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Resolves when one more `operation` may be called in `place`, a region or an endpoint, first come first served; at
   * once for operations without such a limit. Resolves early when `signal` aborts.
   */
  async take(place: string, operation: string, signal: AbortSignal | undefined): Promise<void> {
    const perSecond = PER_SECOND[operation];
    if (perSecond === undefined) return;
    const key = `${place} ${operation}`;
    const bucket =
      this.#buckets.get(key) ??
      new TokenBucket({ clock: this.#clock, perSecond, burst: Math.ceil(perSecond) });
    this.#buckets.set(key, bucket);
    await bucket.take({ signal });
  }
}
