import type { Log } from '../lib/log.ts';
import type { BatchHandler, BatchRecord } from './handlers/module-types.ts';
import type { ShardProcessorClass } from './handlers/shard-types.ts';

/*
 * What a program writes that runs a worker itself. The names, defaults and bounds are those of a KinesisConsumerGroup's spec;
 * the table of each field is in docs/reference.md.
 */

export type PayloadFormat =
  | 'Bytes'
  | 'Text'
  | 'Json'
  | 'JsonLines'
  | 'JsonList'
  | 'Msgpack'
  | 'Netstring'
  | 'NetstringMsgpack';

export interface TableOptions {
  /** Default: `kinesis-checkpoints-<groupId, with dots as dashes>`. Groups may share a table. */
  name?: string;
  /** Create the table when it is not there. Default: false, and a table that is not there is refused. */
  create?: boolean;
  /** The rest is for a table that is created; one that exists is not changed. */
  billing?:
    | { mode: 'OnDemand' }
    | { mode: 'Provisioned'; readCapacityUnits: number; writeCapacityUnits: number };
  tags?: Record<string, string>;
  /** Default: true. */
  deletionProtection?: boolean;
  pointInTimeRecovery?: boolean;
  encryption?: { kmsKeyArn: string };
  tableClass?: 'Standard' | 'StandardInfrequentAccess';
}

export interface AwsKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** Without it they are kept as long as the worker runs. */
  readonly expiration?: Date;
}

export interface WorkerOptions {
  /** Workers of one group share the shards; 1–128 characters. Pods of a group belong to it with `<namespace>.<name>`. */
  groupId: string;
  stream: { name: string } | { arn: string };
  /** Default: of `stream.arn`, then `AWS_REGION`. */
  region?: string;
  /** URLs, for emulators and VPC endpoints. */
  endpoints?: { kinesis?: string; dynamodb?: string; sqs?: string; sns?: string; s3?: string };
  /** Where to start in shards that have no checkpoint. Default: TrimHorizon. */
  initialPosition?:
    | { type: 'TrimHorizon' }
    | { type: 'Latest' }
    | { type: 'AtTimestamp'; /** RFC 3339. */ timestamp: string };
  /** With `EnhancedFanOut`, `name` (default: the group id) is a registered stream consumer. */
  consumer?: {
    type?: 'Polling' | 'EnhancedFanOut';
    name?: string;
    maxRecords?: number;
    pollIntervalMillis?: number;
  };
  checkpoints?: { intervalSeconds?: number };
  table?: TableOptions;
  leases?: { durationSeconds?: number; handoffTimeoutSeconds?: number; maxPerWorker?: number };
  /** A function that takes batches, or a class with an instance for each shard. Without it, take `records()`. */
  handler?: BatchHandler | ShardProcessorClass;
  batchSize?: number;
  batchWindowSeconds?: number;
  parallelizationFactor?: number;
  /** Has no effect on `records()`: each may take as long as it takes. */
  timeoutSeconds?: number;
  format?: PayloadFormat;
  compression?: 'None' | 'Gzip' | 'Zstd' | 'Auto';
  filters?: { pattern: object | string }[];
  retry?: { maxAttempts?: number; maxRecordAgeSeconds?: number; bisectOnError?: boolean };
  onFailure?: {
    sqs?: { queueArn: string };
    sns?: { topicArn: string };
    s3?: { bucketArn: string; prefix?: string };
  };
  /**
   * Keys for all calls of AWS: a provider of the AWS SDK, or a function of one's own. It is asked when there are none, and from five
   * minutes before `expiration` on. When it rejects, keys that still hold are used; without any nothing is called, and a worker that begins
   * gives up after a minute. Default: they are found as by any AWS SDK.
   */
  credentials?: () => Promise<AwsKeys>;
  /** Of this worker; no other that runs may have it. Default: `local-` and eight random characters. */
  name?: string;
  /**
   * Answer other workers' hints to read the table now, and `/healthz`, `/readyz`, `/metrics`. Without it nothing listens, and shards
   * that are handed over are noticed within a third of the lease's duration. `host` has to be an address that the other workers reach.
   */
  listen?: { /** Default: 127.0.0.1. */ host?: string; /** Default: 0, any free one. */ port?: number };
  /** Default: JSON lines of warnings and errors to standard error. */
  log?: Log;
}

/** A record that was taken one by one. */
export interface ShardRecord extends BatchRecord {
  shardId: string;
  /** Everything of its shard up to it is processed. False: the shard is another worker's by now, where it comes again. */
  checkpoint(): boolean;
}

export interface RecordsOptions {
  /** Ends the iteration, as `stop()` does. */
  signal?: AbortSignal;
}
