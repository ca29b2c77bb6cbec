import type { KinesisRecord } from './record.ts';
import type { ChildShard, Shard } from './shard.ts';

/** Where reading of a shard begins. */
export type ReadPosition =
  | { at: 'TRIM_HORIZON' }
  | { at: 'LATEST' }
  | { at: 'AT_TIMESTAMP'; timestampMs: number }
  | { at: 'AT_SEQUENCE_NUMBER'; sequence: string }
  | { at: 'AFTER_SEQUENCE_NUMBER'; sequence: string };

/** Which shards `listShards` returns; closed shards leave every list when retention has passed. */
export type ShardFilter =
  | { from: 'TRIM_HORIZON' } // all shards within retention, open and closed
  | { from: 'LATEST' } // open shards
  | { from: 'TIMESTAMP'; timestampMs: number }; // shards open at that time, and all that came later

export interface StreamSummary {
  name: string;
  arn: string;
  status: 'CREATING' | 'ACTIVE' | 'UPDATING' | 'DELETING';
  /** Ms since the epoch; tells a stream from a later one of the same name. */
  createdAt: number;
  retentionHours: number;
  openShards: number;
  mode: 'ON_DEMAND' | 'PROVISIONED';
  /** False when Kinesis spreads records over the shards whatever their keys (RecordDistributionStrategy AUTO). */
  keysPlaceRecords: boolean;
}

export interface GetRecordsResult {
  /** The caller's, to be taken out (`takeOut`). */
  records: KinesisRecord[];
  /** Absent when the shard is closed and read to its end. */
  nextIterator?: string;
  /** Ms between the last record returned and the tip of the shard. */
  millisBehindLatest: number;
  /** Named at the end of a closed shard. */
  childShards: ChildShard[];
}

/** A stream consumer: a reader with a rate of its own from every shard, 2 MB/s. At most 20 on a stream. */
export interface StreamConsumer {
  name: string;
  /** Ends in the second of its registration: one that is made again has another. */
  arn: string;
  status: 'CREATING' | 'ACTIVE' | 'DELETING';
  /** Ms since the epoch. */
  createdAt: number;
}

export interface SubscribeRequest {
  consumerArn: string;
  shardId: string;
  position: ReadPosition;
}

/** What a subscription brings at once; without records every five seconds or so, as a sign of life. */
export interface SubscriptionEvent {
  /** The caller's, to be taken out (`takeOut`). */
  records: KinesisRecord[];
  /** Subscribe again after it: it is behind all that was brought. Absent when the shard is closed and read to its end. */
  continuation?: string;
  /** Ms between the last record and the tip of the shard. */
  millisBehindLatest: number;
  /** Named at the end of a closed shard. */
  childShards: ChildShard[];
}

/** A subscription to one shard, at most five minutes long. Close it, whatever became of it. */
export interface Subscription {
  /**
   * Waits for the next event; undefined when the subscription is over, by its age or because the connection was ended.
   * While nobody asks, no more is sent than buffers hold. Not to be called again before it has settled.
   * @throws KcgError as `StreamClient.subscribe`
   */
  next(): Promise<SubscriptionEvent | undefined>;
  /** Ends it at the service, too; a `next` that waits settles. */
  close(): void;
}

export interface CallOptions {
  signal?: AbortSignal | undefined;
}

/**
 * One Kinesis stream, as a reader needs it.
 *
 * Every method throws `KcgError`: `NotFound` (no such stream or shard), `AccessDenied` and `Credentials` (resource
 * and IAM action named), `Throttled`, `Timeout`, `Unavailable`, and `getRecords` also `ExpiredIterator`. One attempt
 * a call: the caller's loop decides about the next. Calls are bounded in time by the implementation.
 */
export interface StreamClient {
  describe(options?: CallOptions): Promise<StreamSummary>;
  /** The service's own clock, ms since the epoch in whole seconds, by which records arrive; undefined = it does not say. */
  now(options?: CallOptions): Promise<number | undefined>;
  /** All pages. */
  listShards(filter: ShardFilter, options?: CallOptions): Promise<Shard[]>;
  getIterator(shardId: string, position: ReadPosition, options?: CallOptions): Promise<string>;
  /** At most `limit` (1–10,000) records and 10 MB. An iterator expires after five minutes. */
  getRecords(iterator: string, limit: number, options?: CallOptions): Promise<GetRecordsResult>;
  /**
   * Begins to receive what the shard has for a stream consumer. One successful call per consumer and shard in five
   * seconds; a later one ends the subscription before.
   * @throws KcgError also `Conflict` with the consumer's ARN as its resource: called too soon after the last, or taken
   * over by a later call; and `Unsupported` where the endpoint, or a proxy on the way, does not let it through
   */
  subscribe(request: SubscribeRequest, options?: CallOptions): Promise<Subscription>;
  close(): void;
}
