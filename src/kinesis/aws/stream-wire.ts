import type {
  ChildShard as AwsChildShard,
  GetShardIteratorCommandInput,
  Shard as AwsShard,
  ShardFilter as AwsShardFilter,
  StreamDescriptionSummary,
} from '@aws-sdk/client-kinesis';
import { unreachable } from '../../lib/assert.ts';
import { KcgError } from '../../lib/errors.ts';
import type { ChildShard, Shard } from '../shard.ts';
import type { ReadPosition, ShardFilter, StreamSummary } from '../stream-client.ts';

/** Between the port's words and the SDK's. */

export function wireFilter(filter: ShardFilter): AwsShardFilter {
  switch (filter.from) {
    case 'TRIM_HORIZON':
      return { Type: 'FROM_TRIM_HORIZON' };
    case 'LATEST':
      return { Type: 'AT_LATEST' };
    case 'TIMESTAMP':
      return { Type: 'FROM_TIMESTAMP', Timestamp: new Date(filter.timestampMs) };
    default:
      return unreachable(filter);
  }
}

export function wirePosition(position: ReadPosition): Pick<
  GetShardIteratorCommandInput,
  'StartingSequenceNumber' | 'Timestamp'
> & {
  ShardIteratorType: ReadPosition['at'];
} {
  const ShardIteratorType = position.at;
  if (position.at === 'AT_TIMESTAMP') return { ShardIteratorType, Timestamp: new Date(position.timestampMs) };
  if ('sequence' in position) return { ShardIteratorType, StartingSequenceNumber: position.sequence };
  return { ShardIteratorType };
}

/**
 * Where the service does not say, the retention is 24 hours and the mode PROVISIONED.
 * @throws KcgError `Unavailable` without a name, an ARN or a status
 */
export function readSummary(summary: StreamDescriptionSummary | undefined): StreamSummary {
  if (!summary?.StreamName || !summary.StreamARN || !summary.StreamStatus) {
    throw new KcgError('Unavailable', 'DescribeStreamSummary gave no description');
  }
  return {
    name: summary.StreamName,
    arn: summary.StreamARN,
    status: summary.StreamStatus,
    createdAt: summary.StreamCreationTimestamp?.getTime() ?? 0,
    retentionHours: summary.RetentionPeriodHours ?? 24,
    openShards: summary.OpenShardCount ?? 0,
    mode: summary.StreamModeDetails?.StreamMode ?? 'PROVISIONED',
    keysPlaceRecords: summary.RecordDistributionStrategy !== 'AUTO',
  };
}

/** Numbers that are missing become `0`; without an ending sequence number the shard is open. */
export function readShard(shard: AwsShard): Shard {
  const { ShardId, ParentShardId, AdjacentParentShardId, HashKeyRange, SequenceNumberRange } = shard;
  const ending = SequenceNumberRange?.EndingSequenceNumber;
  return {
    shardId: ShardId ?? '',
    ...(ParentShardId ? { parentShardId: ParentShardId } : {}),
    ...(AdjacentParentShardId ? { adjacentParentShardId: AdjacentParentShardId } : {}),
    hashStart: HashKeyRange?.StartingHashKey ?? '0',
    hashEnd: HashKeyRange?.EndingHashKey ?? '0',
    startingSequence: SequenceNumberRange?.StartingSequenceNumber ?? '0',
    ...(ending ? { endingSequence: ending } : {}),
  };
}

export function readChild({ ShardId, ParentShards, HashKeyRange }: AwsChildShard): ChildShard {
  return {
    shardId: ShardId ?? '',
    parents: ParentShards ?? [],
    hashStart: HashKeyRange?.StartingHashKey ?? '0',
    hashEnd: HashKeyRange?.EndingHashKey ?? '0',
  };
}
