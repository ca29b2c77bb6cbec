import type { Log } from '../../lib/log.ts';
import type { Batch, BatchRecord, BatchResult, Context } from './module-types.ts';

/*
 * What the author of a class writes against: one instance a shard, for as long as this worker has the shard.
 *
 * init ─► process* ─► close
 */

/** Everything up to it is processed: a record, or its identifiers. */
export type Position = Pick<BatchRecord, 'sequenceNumber' | 'subSequenceNumber'>;

/** The lease is lost with `LeaseLost`, and the instance is given up with `Failed`: neither can checkpoint any more. */
export type ShardEndReason = 'ShardEnded' | 'ShutdownRequested' | 'LeaseLost' | 'Failed';

export interface ShardContext {
  groupId: string;
  streamName: string;
  shardId: string;
  log: Log;
  /**
   * Says how far everything is processed; without a position, up to the last record of the batch that was handed over last, of
   * which what has failed comes again and does not count. The row has it within the checkpoint interval, and before the shard
   * goes to somebody else.
   * @throws KcgError `Conflict` when the shard is not this worker's any more, `InvalidInput` for a position that is behind the last
   *   checkpoint or beyond what was handed over
   */
  checkpoint: (upTo?: Position) => void;
}

export interface ProcessContext extends Context {
  checkpoint: ShardContext['checkpoint'];
}

export interface ShardProcessor {
  /** Before the first batch. When it throws, another instance is made, with back-off. */
  init?(context: ShardContext): Promise<void> | void;
  /** As a function handler: return, throw and `batchItemFailures` mean the same. */
  process(batch: Batch, context: ProcessContext): Promise<BatchResult | void> | BatchResult | void;
  /** When nothing more comes. With `ShardEnded` and `ShutdownRequested` it may still checkpoint. */
  close?(reason: ShardEndReason, context: ShardContext): Promise<void> | void;
}

/** The default export of a module, or the `handler` of a worker. */
export interface ShardProcessorClass {
  new (): ShardProcessor;
  /**
   * `auto`, the default: what `process` has done is checkpointed. `manual`: only `checkpoint()` moves the position; what it has
   * not passed comes again, and a shard that has ended is over only when `close` has checkpointed it.
   */
  readonly checkpoints?: 'auto' | 'manual';
}
