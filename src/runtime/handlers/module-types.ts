import type { Log } from '../../lib/log.ts';

/*
 * What the author of a module handler writes against. A module may import nothing of this and copy what it needs:
 * the types are structural.
 */

/** One record; a KPL aggregate comes as its user records. */
export interface BatchRecord {
  /** In `batchItemFailures` the first record that has it; the user records of one aggregate, and the payloads of one record, share it. */
  sequenceNumber: string;
  /** Position within a KPL aggregate, or of a payload where `handler.format` cuts records; absent on a plain record. */
  subSequenceNumber?: number;
  /** This very record in `batchItemFailures`: the sequence number, with a sub-sequence number behind a colon. */
  id: string;
  partitionKey: string;
  data: Uint8Array;
  /** By `handler.format`: a string, parsed JSON, unpacked msgpack; absent with `Bytes` and `Netstring`. */
  value?: unknown;
  /** When the stream took the record. */
  approximateArrivalTimestamp: Date;
  /** `data` as UTF-8. */
  text(): string;
  /** `data` as JSON. @throws SyntaxError that names the record and shows none of it. */
  json<T>(): T;
}

/** Consecutive records of one shard, in order; never empty. */
export interface Batch {
  shardId: string;
  records: BatchRecord[];
  /** Ms between the last fetched record and the tip of the shard. */
  millisBehindLatest: number;
}

export interface Context {
  /** Aborts when this worker may no longer process the shard, or when the time for the batch is up: stop, it comes again. */
  signal: AbortSignal;
  groupId: string;
  streamName: string;
  shardId: string;
  /** 1 at the first delivery, +1 at each retry of the batch. */
  attempt: number;
  /** W3C Trace Context of the span that kcg sends for this batch: the parent of your own. Undefined where kcg sends none. */
  traceparent?: string | undefined;
  /** Constant message plus fields; each line carries the shardId. */
  log: Log;
}

/** Everything before the first of these is done; an empty list: everything is. */
export interface BatchResult {
  batchItemFailures: { itemIdentifier: string }[];
}

/**
 * The default export of a handler module.
 *
 * Return: the batch is done. Throw: it is delivered again, and its shard waits. Return `batchItemFailures`: done up to
 * the first failed record, the rest is delivered again.
 */
export type BatchHandler = (batch: Batch, context: Context) => Promise<BatchResult | void>;
