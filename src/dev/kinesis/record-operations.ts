import { KcgError } from '../../lib/errors.ts';
import type { PutEntry } from '../../kinesis/memory/put.ts';
import type { KinesisRecord } from '../../kinesis/record.ts';
import type { ChildShard } from '../../kinesis/shard.ts';
import type { ReadPosition } from '../../kinesis/stream-client.ts';
import { awsErrorType } from './error-types.ts';
import { KinesisInput } from './input.ts';
import type { KinesisOperation } from './stream-operations.ts';

const POSITIONS = [
  'AT_SEQUENCE_NUMBER',
  'AFTER_SEQUENCE_NUMBER',
  'TRIM_HORIZON',
  'LATEST',
  'AT_TIMESTAMP',
] as const;

/** Writing and reading records. */
export const recordOperations: Record<string, KinesisOperation> = {
  PutRecord(kinesis, input) {
    const { shardId, sequence } = kinesis.putRecord(input.streamName(), putEntry(input));
    return { ShardId: shardId, SequenceNumber: sequence, EncryptionType: 'NONE' };
  },

  PutRecords(kinesis, input) {
    const entries = input.list('Records').map((entry) => putEntry(new KinesisInput(entry)));
    const outcomes = kinesis.putRecords(input.streamName(), entries);
    const records = outcomes.map((outcome) =>
      outcome instanceof KcgError
        ? { ErrorCode: awsErrorType(outcome, 'PutRecords'), ErrorMessage: outcome.message }
        : { ShardId: outcome.shardId, SequenceNumber: outcome.sequence },
    );
    const failed = outcomes.filter((outcome) => outcome instanceof KcgError).length;
    return { FailedRecordCount: failed, Records: records, EncryptionType: 'NONE' };
  },

  GetShardIterator(kinesis, input) {
    return {
      ShardIterator: kinesis.getIterator(input.streamName(), input.text('ShardId'), readPosition(input)),
    };
  },

  GetRecords(kinesis, input) {
    const limit = input.optionalInteger('Limit', 1, 10_000);
    const result = kinesis.getRecords(input.text('ShardIterator'), limit);
    return {
      Records: result.records.map(wireRecord),
      NextShardIterator: result.nextIterator,
      MillisBehindLatest: result.millisBehindLatest,
      ChildShards: result.nextIterator === undefined ? wireChildren(result.childShards) : undefined,
    };
  },
};

export function wireRecord({ sequence, arrivedAt, data, partitionKey }: KinesisRecord) {
  return {
    SequenceNumber: sequence,
    ApproximateArrivalTimestamp: new Date(arrivedAt),
    Data: data,
    PartitionKey: partitionKey,
  };
}

export function wireChildren(children: readonly ChildShard[]) {
  return children.map((child) => ({
    ShardId: child.shardId,
    ParentShards: child.parents,
    HashKeyRange: { StartingHashKey: child.hashStart, EndingHashKey: child.hashEnd },
  }));
}

function putEntry(input: KinesisInput): PutEntry {
  return {
    partitionKey: input.text('PartitionKey'),
    data: input.blob('Data'),
    explicitHashKey: input.optionalText('ExplicitHashKey'),
  };
}

/** Its members have other names where a subscription starts. */
export function readPosition(
  input: KinesisInput,
  names = { type: 'ShardIteratorType', sequence: 'StartingSequenceNumber' },
): ReadPosition {
  const at = input.oneOf(names.type, POSITIONS);
  if (at === 'AT_TIMESTAMP') return { at, timestampMs: input.time('Timestamp') };
  if (at === 'TRIM_HORIZON' || at === 'LATEST') return { at };
  return { at, sequence: input.text(names.sequence) };
}
