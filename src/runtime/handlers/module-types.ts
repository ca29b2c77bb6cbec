import type { UserRecord } from '../../kinesis/record.ts';
import type { Log } from '../../lib/log.ts';

/** A record as a module handler gets it. */
export interface HandlerRecord {
  sequenceNumber: string;
  /** Position within a KPL aggregate. */
  subSequenceNumber: number | undefined;
  partitionKey: string;
  data: Uint8Array;
  approximateArrivalTimestamp: Date;
  /** `data` as UTF-8. */
  text(): string;
  /** `data` as JSON. @throws SyntaxError */
  json<T>(): T;
}

/** Consecutive records of one shard, in order. */
export interface HandlerBatch {
  shardId: string;
  records: HandlerRecord[];
  millisBehindLatest: number;
}

export interface ModuleContext {
  /** Aborts when this worker may no longer process the shard: stop what you are doing. */
  signal: AbortSignal;
  groupId: string;
  streamName: string;
  shardId: string;
  /** 1 at the first delivery, +1 at each retry of the batch. */
  attempt: number;
  log: Log;
}

/** Return: done. Throw: the batch is delivered again and its shard waits. `batchItemFailures`: done up to the first. */
export type ModuleHandler = (
  batch: HandlerBatch,
  context: ModuleContext,
) => Promise<void | { batchItemFailures: { itemIdentifier: string }[] }>;

const decoder = new TextDecoder();

export function handlerRecord(record: UserRecord): HandlerRecord {
  const { sequence, subSequence, partitionKey, data, arrivedAt } = record;
  const text = () => decoder.decode(data);
  return {
    sequenceNumber: sequence,
    subSequenceNumber: subSequence,
    partitionKey,
    data,
    approximateArrivalTimestamp: new Date(arrivedAt),
    text,
    json: <T>() => JSON.parse(text()) as T,
  };
}
