import type { GetRecordsResult } from '../stream-client.ts';
import type { KinesisRecord } from '../record.ts';

interface WireRecord {
  SequenceNumber: string;
  ApproximateArrivalTimestamp?: number;
  Data: string;
  /** Missing where the producer gave none, on a stream that spreads records by itself. */
  PartitionKey?: string;
  EncryptionType?: 'NONE' | 'KMS';
}

/** What stands beside the records of an answer, in both encodings. */
export interface AnswerMembers {
  NextShardIterator?: string | null;
  MillisBehindLatest?: number | null;
  ChildShards?:
    | {
        ShardId: string;
        ParentShards?: string[];
        HashKeyRange: { StartingHashKey: string; EndingHashKey: string };
      }[]
    | null;
}

/** GetRecords' answer in JSON; undefined when it is none. */
export function readJsonAnswer(body: Buffer): GetRecordsResult | undefined {
  const answer = JSON.parse(body.toString('utf8')) as (AnswerMembers & { Records?: WireRecord[] }) | null;
  return answer && Array.isArray(answer.Records)
    ? resultOf(answer.Records.map(readRecord), answer)
    : undefined;
}

export function resultOf(records: KinesisRecord[], members: AnswerMembers): GetRecordsResult {
  const { NextShardIterator, MillisBehindLatest, ChildShards } = members;
  return {
    records,
    ...(typeof NextShardIterator === 'string' ? { nextIterator: NextShardIterator } : {}),
    millisBehindLatest: MillisBehindLatest ?? 0,
    childShards: (ChildShards ?? []).map(({ ShardId, ParentShards, HashKeyRange }) => ({
      shardId: ShardId,
      parents: ParentShards ?? [],
      hashStart: HashKeyRange.StartingHashKey,
      hashEnd: HashKeyRange.EndingHashKey,
    })),
  };
}

function readRecord(record: WireRecord): KinesisRecord {
  const { EncryptionType, ApproximateArrivalTimestamp } = record;
  const result: KinesisRecord = {
    sequence: record.SequenceNumber,
    partitionKey: record.PartitionKey ?? '',
    data: Buffer.from(record.Data, 'base64'),
    arrivedAt: Math.round((ApproximateArrivalTimestamp ?? 0) * 1000),
  };
  if (EncryptionType) result.encryptionType = EncryptionType;
  return result;
}
