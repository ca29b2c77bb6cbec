import { KcgError } from '../../lib/errors.ts';
import { streamHasConsumers } from '../../kinesis/memory/errors.ts';
import type { MemoryKinesis } from '../../kinesis/memory/stream.ts';
import type { MemorySubscription } from '../../kinesis/memory/subscription.ts';
import { listPage, type ListFilter, type ListShardsPage } from '../../kinesis/memory/shard-list.ts';
import type { Shard } from '../../kinesis/shard.ts';
import type { StreamSummary } from '../../kinesis/stream-client.ts';
import type { KinesisInput } from './input.ts';

/** Does one operation at once; what it returns is the response body (bytes and Dates are encoded later), or sent as events. */
export type KinesisOperation = (
  kinesis: MemoryKinesis,
  input: KinesisInput,
) => Record<string, unknown> | MemorySubscription;

const MODES = ['PROVISIONED', 'ON_DEMAND'] as const;
const FILTERS = [
  'AFTER_SHARD_ID',
  'AT_TRIM_HORIZON',
  'FROM_TRIM_HORIZON',
  'AT_LATEST',
  'AT_TIMESTAMP',
  'FROM_TIMESTAMP',
] as const;

/** Streams, shards and their settings. */
export const streamOperations: Record<string, KinesisOperation> = {
  CreateStream(kinesis, input) {
    kinesis.createStream({
      name: input.text('StreamName'),
      shardCount: input.optionalInteger('ShardCount', 1, 100_000),
      mode: input.optionalObject('StreamModeDetails')?.oneOf('StreamMode', MODES),
      maxRecordKiB: input.optionalInteger('MaxRecordSizeInKiB', 1, 100_000),
      tags: input.has('Tags') ? input.textMap('Tags') : {},
    });
    return {};
  },

  DeleteStream(kinesis, input) {
    const stream = kinesis.stream(input.streamName());
    const consumers = stream.consumers.list(kinesis.clock.now());
    if (consumers.some(({ status }) => status !== 'DELETING') && !input.flag('EnforceConsumerDeletion'))
      throw streamHasConsumers(stream);
    kinesis.deleteStream(stream.name);
    return {};
  },

  DescribeStream(kinesis, input) {
    const name = input.streamName();
    const asked = {
      maxResults: pageSize(input, 'Limit', 100),
      exclusiveStartShardId: input.optionalText('ExclusiveStartShardId'),
    };
    const { shards, nextToken } = listPage(kinesis.stream(name), asked, kinesis.clock.now());
    const { OpenShardCount: _, ...description } = wireSummary(kinesis.describe(name));
    return {
      StreamDescription: {
        ...description,
        Shards: shards.map(wireShard),
        HasMoreShards: nextToken !== undefined,
      },
    };
  },

  DescribeStreamSummary(kinesis, input) {
    const name = input.streamName();
    const MaxRecordSizeInKiB = kinesis.stream(name).maxRecordKiB;
    const ConsumerCount = kinesis.stream(name).consumers.list(kinesis.clock.now()).length;
    const summary = { ...wireSummary(kinesis.describe(name)), ConsumerCount, MaxRecordSizeInKiB };
    return { StreamDescriptionSummary: summary };
  },

  ListStreams(kinesis, input) {
    const after = input.optionalText('NextToken') ?? input.optionalText('ExclusiveStartStreamName') ?? '';
    const names = kinesis.listStreams().filter((name) => name > after);
    const page = names.slice(0, pageSize(input, 'Limit', 100));
    const more = names.length > page.length;
    const summaries = page.map((name) => {
      const { StreamName, StreamARN, StreamStatus, StreamModeDetails, StreamCreationTimestamp } = wireSummary(
        kinesis.describe(name),
      );
      return { StreamName, StreamARN, StreamStatus, StreamModeDetails, StreamCreationTimestamp };
    });
    return {
      StreamNames: page,
      StreamSummaries: summaries,
      HasMoreStreams: more,
      NextToken: more ? page.at(-1) : undefined,
    };
  },

  ListShards(kinesis, input) {
    const page = input.has('NextToken') ? nextShards(kinesis, input) : firstShards(kinesis, input);
    return { Shards: page.shards.map(wireShard), NextToken: page.nextToken };
  },

  SplitShard(kinesis, input) {
    kinesis.splitShard(input.streamName(), input.text('ShardToSplit'), input.text('NewStartingHashKey'));
    return {};
  },

  MergeShards(kinesis, input) {
    kinesis.mergeShards(input.streamName(), input.text('ShardToMerge'), input.text('AdjacentShardToMerge'));
    return {};
  },

  UpdateShardCount(kinesis, input) {
    const name = input.streamName();
    input.oneOf('ScalingType', ['UNIFORM_SCALING']);
    const target = input.integer('TargetShardCount', 1, 100_000);
    const { openShards, arn } = kinesis.describe(name);
    kinesis.updateShardCount(name, target);
    return { StreamName: name, StreamARN: arn, CurrentShardCount: openShards, TargetShardCount: target };
  },

  UpdateStreamMode(kinesis, input) {
    kinesis.setMode(input.streamName(), input.object('StreamModeDetails').oneOf('StreamMode', MODES));
    return {};
  },

  UpdateMaxRecordSize(kinesis, input) {
    kinesis.setMaxRecord(input.streamName(), input.integer('MaxRecordSizeInKiB', 1, 100_000));
    return {};
  },

  IncreaseStreamRetentionPeriod(kinesis, input) {
    kinesis.setRetention(input.streamName(), input.integer('RetentionPeriodHours', 1, 100_000), 'increase');
    return {};
  },

  DecreaseStreamRetentionPeriod(kinesis, input) {
    kinesis.setRetention(input.streamName(), input.integer('RetentionPeriodHours', 1, 100_000), 'decrease');
    return {};
  },

  DescribeLimits(kinesis) {
    const summaries = kinesis.listStreams().map((name) => kinesis.describe(name));
    return {
      ShardLimit: 10_000,
      OpenShardCount: summaries.reduce((sum, { openShards }) => sum + openShards, 0),
      OnDemandStreamCount: summaries.filter(({ mode }) => mode === 'ON_DEMAND').length,
      OnDemandStreamCountLimit: 50,
    };
  },
};

function firstShards(kinesis: MemoryKinesis, input: KinesisInput): ListShardsPage {
  if (input.has('ShardFilter')) refuseBeside(input, 'ShardFilter', ['ExclusiveStartShardId']);
  return kinesis.listShards(input.streamName(), {
    maxResults: pageSize(input, 'MaxResults', 1000),
    exclusiveStartShardId: input.optionalText('ExclusiveStartShardId'),
    filter: listFilter(input.optionalObject('ShardFilter')),
  });
}

/** The token says which stream and which of its shards. */
function nextShards(kinesis: MemoryKinesis, input: KinesisInput): ListShardsPage {
  refuseBeside(input, 'NextToken', [
    'StreamName',
    'StreamCreationTimestamp',
    'ExclusiveStartShardId',
    'ShardFilter',
  ]);
  if (input.has('StreamARN')) kinesis.describe(input.streamName());
  return kinesis.listMoreShards(input.text('NextToken'), pageSize(input, 'MaxResults', 1000));
}

function refuseBeside(input: KinesisInput, name: string, others: readonly string[]): void {
  const other = others.find((candidate) => input.has(candidate));
  if (other === undefined) return;
  throw new KcgError('InvalidInput', `${name} and ${other} cannot be provided together.`);
}

/** The service accepts up to 10,000, and answers with its own maximum all the same. */
function pageSize(input: KinesisInput, name: string, max: number): number {
  return Math.min(input.optionalInteger(name, 1, 10_000) ?? max, max);
}

function listFilter(input: KinesisInput | undefined): ListFilter | undefined {
  if (!input) return undefined;
  const type = input.oneOf('Type', FILTERS);
  if (type === 'AFTER_SHARD_ID') return { type, shardId: input.text('ShardId') };
  if (type === 'AT_TIMESTAMP' || type === 'FROM_TIMESTAMP')
    return { type, timestampMs: input.time('Timestamp') };
  return { type };
}

function wireSummary(summary: StreamSummary) {
  return {
    StreamName: summary.name,
    StreamARN: summary.arn,
    StreamStatus: summary.status,
    StreamModeDetails: { StreamMode: summary.mode },
    StreamCreationTimestamp: new Date(summary.createdAt),
    RetentionPeriodHours: summary.retentionHours,
    EnhancedMonitoring: [{ ShardLevelMetrics: [] }],
    EncryptionType: 'NONE',
    OpenShardCount: summary.openShards,
  };
}

function wireShard(shard: Shard) {
  return {
    ShardId: shard.shardId,
    ParentShardId: shard.parentShardId,
    AdjacentParentShardId: shard.adjacentParentShardId,
    HashKeyRange: { StartingHashKey: shard.hashStart, EndingHashKey: shard.hashEnd },
    SequenceNumberRange: {
      StartingSequenceNumber: shard.startingSequence,
      EndingSequenceNumber: shard.endingSequence,
    },
  };
}
