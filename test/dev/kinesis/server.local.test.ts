import {
  AddTagsToStreamCommand,
  CreateStreamCommand,
  DecreaseStreamRetentionPeriodCommand,
  DeleteStreamCommand,
  DescribeLimitsCommand,
  DescribeStreamCommand,
  DescribeStreamSummaryCommand,
  EnableEnhancedMonitoringCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  IncreaseStreamRetentionPeriodCommand,
  type KinesisClient,
  ListShardsCommand,
  ListStreamsCommand,
  ListTagsForResourceCommand,
  ListTagsForStreamCommand,
  MergeShardsCommand,
  PutRecordCommand,
  PutRecordsCommand,
  RemoveTagsFromStreamCommand,
  SplitShardCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateShardCountCommand,
  UpdateStreamModeCommand,
} from '@aws-sdk/client-kinesis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startLocalKinesis, type LocalKinesis } from '../../../src/dev/kinesis/server.ts';
import { MemoryKinesis } from '../../../src/kinesis/memory/stream.ts';
import { LoneClock } from '../../kinesis/lone-clock.ts';
import { sdkClient } from '../sdk-client.ts';

const StreamName = 'orders';
const SHARD = 'shardId-000000000000';
const HALF = String(2n ** 127n);

let clock: LoneClock;
let local: LocalKinesis;
let client: KinesisClient;
beforeEach(async () => {
  clock = new LoneClock();
  local = await startLocalKinesis({ kinesis: new MemoryKinesis({ clock, transitionMs: 0 }) });
  client = sdkClient(local.endpoint);
});
afterEach(async () => {
  client.destroy();
  await local.close();
});

describe('the AWS SDK against the local server', () => {
  it('creates, describes, lists and deletes streams', async () => {
    for (const name of ['a', 'b', 'c'])
      await client.send(new CreateStreamCommand({ StreamName: name, ShardCount: 2, Tags: { team: name } }));
    const { StreamDescriptionSummary: summary } = await client.send(
      new DescribeStreamSummaryCommand({ StreamName: 'a' }),
    );
    expect(summary).toMatchObject({
      StreamStatus: 'ACTIVE',
      OpenShardCount: 2,
      StreamModeDetails: { StreamMode: 'PROVISIONED' },
    });
    expect(summary?.StreamCreationTimestamp).toEqual(new Date(clock.now()));
    const first = await client.send(new ListStreamsCommand({ Limit: 2 }));
    expect(first).toMatchObject({ StreamNames: ['a', 'b'], HasMoreStreams: true });
    expect(await client.send(new ListStreamsCommand({ NextToken: first.NextToken }))).toMatchObject({
      StreamNames: ['c'],
      HasMoreStreams: false,
    });
    await client.send(new DeleteStreamCommand({ StreamARN: summary!.StreamARN }));
    expect((await client.send(new ListStreamsCommand({}))).StreamNames).toEqual(['b', 'c']);
    expect(await client.send(new DescribeLimitsCommand({}))).toMatchObject({ OpenShardCount: 4 });
  });

  it('pages through DescribeStream and ListShards', async () => {
    await client.send(new CreateStreamCommand({ StreamName, ShardCount: 3 }));
    const { StreamDescription } = await client.send(new DescribeStreamCommand({ StreamName, Limit: 2 }));
    expect(StreamDescription).toMatchObject({ HasMoreShards: true, RetentionPeriodHours: 24 });
    const ExclusiveStartShardId = StreamDescription?.Shards?.at(-1)?.ShardId;
    const rest = await client.send(new DescribeStreamCommand({ StreamName, ExclusiveStartShardId }));
    expect(rest.StreamDescription).toMatchObject({
      HasMoreShards: false,
      Shards: [{ ShardId: 'shardId-000000000002' }],
    });
    const page = await client.send(new ListShardsCommand({ StreamName, MaxResults: 2 }));
    const { NextToken } = page;
    await expect(client.send(new ListShardsCommand({ StreamName, NextToken }))).rejects.toMatchObject({
      name: 'InvalidArgumentException',
    });
    expect((await client.send(new ListShardsCommand({ NextToken }))).Shards).toHaveLength(1);
    clock.advance(300_001);
    await expect(client.send(new ListShardsCommand({ NextToken }))).rejects.toMatchObject({
      name: 'ExpiredNextTokenException',
    });
  });

  it('puts and gets records, and says which of a batch were refused', async () => {
    await client.send(new CreateStreamCommand({ StreamName, ShardCount: 2 }));
    const put = await client.send(
      new PutRecordCommand({
        StreamName,
        PartitionKey: 'x',
        ExplicitHashKey: '0',
        Data: Buffer.from([0, 255]),
      }),
    );
    expect(put.ShardId).toBe(SHARD);
    const big = { PartitionKey: 'x', ExplicitHashKey: HALF, Data: Buffer.alloc(700_000) };
    const batch = await client.send(new PutRecordsCommand({ StreamName, Records: [big, big] }));
    expect(batch).toMatchObject({
      FailedRecordCount: 1,
      Records: [{ ShardId: 'shardId-000000000001' }, { ErrorCode: 'ProvisionedThroughputExceededException' }],
    });
    const { ShardIterator } = await client.send(
      new GetShardIteratorCommand({
        StreamName,
        ShardId: SHARD,
        ShardIteratorType: 'AT_TIMESTAMP',
        Timestamp: new Date(clock.now()),
      }),
    );
    const { Records, NextShardIterator, ChildShards } = await client.send(
      new GetRecordsCommand({ ShardIterator }),
    );
    expect(Records).toMatchObject([
      {
        SequenceNumber: put.SequenceNumber,
        ApproximateArrivalTimestamp: new Date(clock.now()),
        PartitionKey: 'x',
      },
    ]);
    expect([...Records![0]!.Data!]).toEqual([0, 255]);
    expect(NextShardIterator).toBeDefined();
    expect(ChildShards).toBeUndefined();
  });

  it('splits, merges and scales', async () => {
    await client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
    await client.send(new SplitShardCommand({ StreamName, ShardToSplit: SHARD, NewStartingHashKey: HALF }));
    await client.send(
      new MergeShardsCommand({
        StreamName,
        ShardToMerge: 'shardId-000000000001',
        AdjacentShardToMerge: 'shardId-000000000002',
      }),
    );
    const scaled = await client.send(
      new UpdateShardCountCommand({ StreamName, TargetShardCount: 2, ScalingType: 'UNIFORM_SCALING' }),
    );
    expect(scaled).toMatchObject({ CurrentShardCount: 1, TargetShardCount: 2 });
    const { Shards } = await client.send(
      new ListShardsCommand({ StreamName, ShardFilter: { Type: 'AT_LATEST' } }),
    );
    expect(Shards?.map((shard) => shard.ShardId?.slice(-1))).toEqual(['4', '5']);
  });

  it('leaves the shards of an on-demand stream alone', async () => {
    await client.send(
      new CreateStreamCommand({ StreamName, StreamModeDetails: { StreamMode: 'ON_DEMAND' } }),
    );
    const refused = { name: 'ValidationException', message: expect.stringContaining('ON_DEMAND') };
    const split = { StreamName, ShardToSplit: SHARD, NewStartingHashKey: '1000' };
    await expect(client.send(new SplitShardCommand(split))).rejects.toMatchObject(refused);
    const merge = { StreamName, ShardToMerge: SHARD, AdjacentShardToMerge: 'shardId-000000000001' };
    await expect(client.send(new MergeShardsCommand(merge))).rejects.toMatchObject(refused);
    const scale = { StreamName, TargetShardCount: 8, ScalingType: 'UNIFORM_SCALING' as const };
    await expect(client.send(new UpdateShardCountCommand(scale))).rejects.toMatchObject(refused);
  });

  it('changes retention and mode', async () => {
    await client.send(new CreateStreamCommand({ StreamName }));
    await client.send(new IncreaseStreamRetentionPeriodCommand({ StreamName, RetentionPeriodHours: 48 }));
    await expect(
      client.send(new IncreaseStreamRetentionPeriodCommand({ StreamName, RetentionPeriodHours: 24 })),
    ).rejects.toThrow('must increase');
    await client.send(new DecreaseStreamRetentionPeriodCommand({ StreamName, RetentionPeriodHours: 24 }));
    const StreamARN = local.kinesis.describe(StreamName).arn;
    await client.send(
      new UpdateStreamModeCommand({ StreamARN, StreamModeDetails: { StreamMode: 'ON_DEMAND' } }),
    );
    expect(local.kinesis.describe(StreamName)).toMatchObject({ mode: 'ON_DEMAND', retentionHours: 24 });
  });

  it('tags by both generations of the API', async () => {
    await client.send(new CreateStreamCommand({ StreamName }));
    await client.send(new AddTagsToStreamCommand({ StreamName, Tags: { a: '1', b: '2' } }));
    const ResourceARN = local.kinesis.describe(StreamName).arn;
    await client.send(new TagResourceCommand({ ResourceARN, Tags: { c: '3' } }));
    await client.send(new UntagResourceCommand({ ResourceARN, TagKeys: ['a'] }));
    const page = await client.send(new ListTagsForStreamCommand({ StreamName, Limit: 1 }));
    expect(page).toMatchObject({ Tags: [{ Key: 'b', Value: '2' }], HasMoreTags: true });
    await client.send(new RemoveTagsFromStreamCommand({ StreamName, TagKeys: ['b'] }));
    expect((await client.send(new ListTagsForResourceCommand({ ResourceARN }))).Tags).toEqual([
      { Key: 'c', Value: '3' },
    ]);
  });

  it('gets errors by name', async () => {
    await client.send(new CreateStreamCommand({ StreamName }));
    const failures: [Promise<unknown>, string][] = [
      [client.send(new CreateStreamCommand({ StreamName })), 'ResourceInUseException'],
      [client.send(new DescribeStreamCommand({ StreamName: 'none' })), 'ResourceNotFoundException'],
      [client.send(new DescribeStreamCommand({})), 'InvalidArgumentException'],
      [client.send(new GetRecordsCommand({ ShardIterator: 'x', Limit: 0 })), 'ValidationException'],
      [
        client.send(
          new GetShardIteratorCommand({ StreamName, ShardId: SHARD, ShardIteratorType: 'SOON' as 'LATEST' }),
        ),
        'ValidationException',
      ],
      [
        client.send(new PutRecordCommand({ StreamName, PartitionKey: '', Data: Buffer.from('') })),
        'ValidationException',
      ],
    ];
    for (const [work, name] of failures) await expect(work).rejects.toMatchObject({ name });
    const unknown = client.send(
      new EnableEnhancedMonitoringCommand({ StreamName, ShardLevelMetrics: ['ALL'] }),
    );
    await expect(unknown).rejects.toMatchObject({
      name: 'UnknownOperationException',
      message: expect.stringContaining('There are: AddTagsToStream,'),
    });
  });

  it('is turned away with a key that is not on the list, and without any', async () => {
    const strict = await startLocalKinesis({ kinesis: local.kinesis, accessKeyIds: ['right'] });
    const [right, wrong] = ['right', 'wrong'].map((accessKeyId) =>
      sdkClient(strict.endpoint, { accessKeyId }),
    ) as [KinesisClient, KinesisClient];
    await expect(right.send(new ListStreamsCommand({}))).resolves.toBeDefined();
    await expect(wrong.send(new ListStreamsCommand({}))).rejects.toMatchObject({
      name: 'UnrecognizedClientException',
    });
    const unsigned = await fetch(strict.endpoint, {
      method: 'POST',
      headers: { 'x-amz-target': 'Kinesis_20131202.ListStreams' },
      body: '{}',
    });
    expect([unsigned.status, await unsigned.json()]).toMatchObject([
      400,
      { __type: 'MissingAuthenticationTokenException' },
    ]);
    right.destroy();
    wrong.destroy();
    await strict.close();
  });
});
