import {
  DescribeStreamCommand,
  GetShardIteratorCommand,
  ListShardsCommand,
  ListStreamsCommand,
  type KinesisClient,
  type ListShardsCommandInput,
} from '@aws-sdk/client-kinesis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLocalKinesis, type LocalKinesis } from '../../../src/dev/kinesis/server.ts';
import { MemoryKinesis } from '../../../src/kinesis/memory/stream.ts';
import { LoneClock } from '../../kinesis/lone-clock.ts';
import { sdkClient } from '../sdk-client.ts';

const StreamName = 'orders';

let local: LocalKinesis;
let client: KinesisClient;
beforeAll(async () => {
  local = await startLocalKinesis({
    kinesis: new MemoryKinesis({ clock: new LoneClock(), transitionMs: 0 }),
  });
  client = sdkClient(local.endpoint);
  local.kinesis.createStream({ name: StreamName, shardCount: 1200 });
  for (let i = 0; i < 120; i += 1) local.kinesis.createStream({ name: `other-${i}` });
});
afterAll(async () => {
  client.destroy();
  await local.close();
});

const list = (input: ListShardsCommandInput) => client.send(new ListShardsCommand(input));
const pageOf = async (input: ListShardsCommandInput) => (await list(input)).Shards?.length;

describe('ListShards', () => {
  it.each([undefined, 1000, 1001, 10_000])(
    'returns at most 1,000 shards when asked for %s',
    async (MaxResults) => {
      const { Shards, NextToken } = await list({ StreamName, MaxResults });
      expect(Shards).toHaveLength(1000);
      expect(await pageOf({ NextToken, MaxResults })).toBe(200);
    },
  );

  it('refuses to be asked for more than 10,000 or less than one', async () => {
    const { NextToken } = await list({ StreamName });
    for (const MaxResults of [0, 10_001]) {
      const refused = { name: 'ValidationException', message: expect.stringContaining("at 'maxResults'") };
      await expect(list({ StreamName, MaxResults })).rejects.toMatchObject(refused);
      await expect(list({ NextToken, MaxResults })).rejects.toMatchObject(refused);
    }
  });

  it.each([
    ['StreamName', { StreamName }],
    ['StreamCreationTimestamp', { StreamCreationTimestamp: new Date(0) }],
    ['ExclusiveStartShardId', { ExclusiveStartShardId: 'shardId-000000000000' }],
    ['ShardFilter', { ShardFilter: { Type: 'AT_LATEST' } }],
  ] as const)('refuses %s beside NextToken, which says it all', async (name, beside) => {
    const { NextToken } = await list({ StreamName, MaxResults: 1 });
    await expect(list({ NextToken, ...beside })).rejects.toMatchObject({
      name: 'InvalidArgumentException',
      message: `NextToken and ${name} cannot be provided together.`,
    });
  });

  it('takes the ARN beside NextToken when it is of a stream here', async () => {
    const { NextToken } = await list({ StreamName });
    const StreamARN = local.kinesis.describe(StreamName).arn;
    expect(await pageOf({ NextToken, StreamARN })).toBe(200);
    const elsewhere = StreamARN.replace('000000000000', '123456789012');
    await expect(list({ NextToken, StreamARN: elsewhere })).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
  });

  it('refuses a NextToken that is none, be it a shard iterator', async () => {
    const ShardId = 'shardId-000000000000';
    const at = { StreamName, ShardId, ShardIteratorType: 'LATEST' } as const;
    const { ShardIterator } = await client.send(new GetShardIteratorCommand(at));
    for (const NextToken of [ShardIterator, 'no token'])
      await expect(list({ NextToken })).rejects.toMatchObject({
        name: 'InvalidArgumentException',
        message: 'Invalid NextToken.',
      });
  });

  it('refuses two ways at once to choose shards', async () => {
    const both = {
      ExclusiveStartShardId: 'shardId-000000000000',
      ShardFilter: { Type: 'AT_LATEST' } as const,
    };
    await expect(list({ StreamName, ...both })).rejects.toMatchObject({
      name: 'InvalidArgumentException',
      message: 'ShardFilter and ExclusiveStartShardId cannot be provided together.',
    });
  });
});

it('DescribeStream returns at most 100 shards, and ListStreams at most 100 streams', async () => {
  const { StreamDescription } = await client.send(new DescribeStreamCommand({ StreamName, Limit: 1000 }));
  expect(StreamDescription?.Shards).toHaveLength(100);
  expect(StreamDescription?.HasMoreShards).toBe(true);
  const { StreamNames, HasMoreStreams } = await client.send(new ListStreamsCommand({ Limit: 1000 }));
  expect(StreamNames).toHaveLength(100);
  expect(HasMoreStreams).toBe(true);
});
