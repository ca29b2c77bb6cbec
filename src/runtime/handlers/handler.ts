import type { UserRecord } from '../../kinesis/record.ts';
import type { KcgError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';

/** Consecutive records of one shard, in order; never empty. */
export interface Batch {
  shardId: string;
  records: readonly UserRecord[];
  /** Ms between the last fetched record and the tip of the shard. */
  millisBehindLatest: number;
}

export interface HandlerContext {
  /**
   * Aborts when the worker may no longer process this shard (lease lost, drain over), or when the handler has had its time
   * for this batch: stop, do not acknowledge.
   */
  signal: AbortSignal;
  groupId: string;
  streamName: string;
  streamArn: string;
  region: string;
  shardId: string;
  /** 1 at the first delivery of this batch, +1 at each retry. */
  attempt: number;
  /** Ms since the epoch: when the time for this batch is up. */
  deadlineMs: number;
  log: Log;
}

export interface FailedResult {
  outcome: 'failed';
  error: KcgError;
  /** The batch was too large, and `fit` gives fewer records now: to be tried again at once. */
  isTooLarge?: true;
  /** It never got the batch, as nobody listens: no attempt, whatever the reason. */
  isMissed?: true;
  /** The signal aborted, and what was called goes on all the same: resolves when it has ended. May never do so. */
  running?: Promise<void>;
  /** Resolves when what was away is back: no reason to wait any longer. May never do so. */
  back?: Promise<void>;
}

/** `partial`: the records before `firstFailure` (an index into the batch) are done. */
export type HandlerResult = { outcome: 'done' } | { outcome: 'partial'; firstFailure: number } | FailedResult;

/** What the worker calls with batches. `handle` never throws: a failure is a result, and the caller retries. */
export interface Handler {
  readonly kind: 'log' | 'module' | 'http';
  /**
   * Resolves once the handler can take batches; retries inside for as long as that may change by itself.
   * @throws KcgError `InvalidInput` when it never will (no such file, no default export)
   */
  start(signal: AbortSignal): Promise<void>;
  /** How many of these records, from the first on, it takes in one batch: at least 1. Without it: all. */
  fit?(records: readonly UserRecord[]): number;
  handle(batch: Batch, context: HandlerContext): Promise<HandlerResult>;
  close(): Promise<void>;
}
