import type { Checkpoint } from '../../kinesis/position.ts';
import type { UserRecord } from '../../kinesis/record.ts';
import type { KcgError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import type { FunctionCounts } from './lambda/function-counts.ts';

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
  /** Aborts when nothing more is to be begun: what nobody has taken by then need not be. */
  stop?: AbortSignal;
  /** How long the handler may take, ms: of one that limits the time itself. */
  timeoutMs?: number;
  groupId: string;
  streamName: string;
  streamArn: string;
  region: string;
  shardId: string;
  /** 1 at the first delivery of this batch, +1 at each retry. */
  attempt: number;
  /** Ms since the epoch: when the time for this batch is up. */
  deadlineMs: number;
  /** W3C Trace Context of this batch; absent where nobody traces. */
  traceparent?: string | undefined;
  log: Log;
}

export interface FailedResult {
  outcome: 'failed';
  error: KcgError;
  /** The batch was too large, and `fit` gives fewer records now: to be tried again at once. */
  isTooLarge?: true;
  /** It never got the batch, as nobody listens: no attempt, whatever the reason. */
  isMissed?: true;
  /** It never got the batch, whose first record is not what the group's format says: another try would end the same. */
  isUndecodable?: true;
  /** The signal aborted, and what was called goes on all the same: resolves when it has ended. May never do so. */
  running?: Promise<void>;
  /** Resolves when what was away is back: no reason to wait any longer. May never do so. */
  back?: Promise<void>;
  /** Of a `ShardProgram`: it cannot go on. Another one begins at the last checkpoint. */
  isBroken?: true;
}

/** `partial`: the records before `firstFailure` (an index into the batch) are done. */
export type HandlerResult = { outcome: 'done' } | { outcome: 'partial'; firstFailure: number } | FailedResult;

/** `all delivered`: up to the last record of the batch that was handed over last, also when that is being processed; not what has failed and comes again. */
export type AskedPosition = 'all delivered' | { sequence: string; subSequence?: number };

/**
 * `NotHeld`: the shard is not this worker's any more. `OutOfRange`: behind the last checkpoint, beyond what was delivered, or
 * no position at all.
 */
export type CheckpointAnswer =
  | { outcome: 'noted' }
  | { outcome: 'refused'; reason: 'NotHeld' | 'OutOfRange'; message: string };

/** What a handler that checkpoints itself is given for each shard. */
export interface ProgramContext extends Omit<HandlerContext, 'signal' | 'attempt' | 'deadlineMs'> {
  /** Where delivery begins. */
  from: Exclude<Checkpoint, { at: 'SHARD_END' }>;
  /**
   * Says how far everything is processed: the position, which the row has within the checkpoint interval, and before the shard
   * goes to somebody else. Nothing else moves it. In `shardEnded`, `all delivered` is the end of the shard.
   */
  checkpoint: (asked: AskedPosition) => CheckpointAnswer;
}

/** Why a program is closed. `Failed`: it cannot go on, or has had its time; it is to end at once. */
export type CloseReason = 'ShardEnded' | 'ShutdownRequested' | 'LeaseLost' | 'Failed';

/*
 * start ─► handle* ─┬─► shardEnded ────────┬─► close
 *                   ├─► shutdownRequested ─┤
 *                   └──────────────────────┘  (lease lost, failed)
 *
 * One call at a time. What fails outside of `handle`, and what fails as broken, ends the program: another one is opened at the
 * last checkpoint. None of the calls throws.
 */

/** The life of one shard with a handler that checkpoints itself: a batch that it has done is delivered, no more. */
export interface ShardProgram {
  /** Resolves, if ever, when it cannot go on though nobody has called it. */
  readonly broken: Promise<KcgError>;
  start(signal: AbortSignal): Promise<HandlerResult>;
  handle(batch: Batch, context: HandlerContext): Promise<HandlerResult>;
  /** These count as processed, like all before them that it has not kept back: it does not get them again. */
  gaveUp?(records: readonly UserRecord[]): void;
  /** Everything in the shard is delivered: it has to checkpoint the end, before which no child begins. */
  shardEnded(signal: AbortSignal): Promise<HandlerResult>;
  /** The shard goes to somebody else after this: it may checkpoint. */
  shutdownRequested(signal: AbortSignal): Promise<HandlerResult>;
  /** Resolves when nothing of it runs any more. */
  close(reason: CloseReason): Promise<void>;
}

/** What the worker calls with batches. `handle` never throws: a failure is a result, and the caller retries. */
export interface Handler {
  readonly kind: 'log' | 'module' | 'http' | 'exec' | 'lambda';
  /** It keeps `context.timeoutMs` itself, as a batch may wait for its turn before the time begins. */
  readonly limitsTime?: true;
  /** Why it cannot begin, when it says so itself. */
  readonly trouble?: string | undefined;
  /** Of a function's clients. */
  readonly counts?: FunctionCounts;
  /** Only the end of its process can end what it does. */
  readonly hangs?: boolean;
  /** What must be there before others are: whoever calls the worker. May be called again. @throws KcgError */
  listen?(): Promise<void>;
  /**
   * Resolves once the handler can take batches; retries inside for as long as that may change by itself.
   * @throws KcgError `InvalidInput` when it never will (no such file, no default export)
   */
  start(signal: AbortSignal): Promise<void>;
  /** How many of these records, from the first on, it takes in one batch: at least 1. Without it: all. */
  fit?(records: readonly UserRecord[]): number;
  handle(batch: Batch, context: HandlerContext): Promise<HandlerResult>;
  /** Only of a handler that checkpoints itself: it is opened for each shard, and `handle` is not called. */
  open?(context: ProgramContext): ShardProgram;
  /** Also closes what was opened. */
  close(): Promise<void>;
}
