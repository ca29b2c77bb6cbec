import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  MergeShardsCommand,
  PutRecordCommand,
  SplitShardCommand,
} from '@aws-sdk/client-kinesis';
import { awsStreamClient } from '../../src/kinesis/aws/stream-client.ts';
import { awsStreamConsumers } from '../../src/kinesis/aws/stream-consumers.ts';
import { memoryStreamClient } from '../../src/kinesis/memory/stream-client.ts';
import { memoryStreamConsumers } from '../../src/kinesis/memory/stream-consumers.ts';
import { MemoryKinesis } from '../../src/kinesis/memory/stream.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import type { KinesisService } from '../contract/kinesis-service-contract.ts';
import { sdkClient } from '../dev/sdk-client.ts';

const region = 'eu-west-1';
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };
const untilActive = async (statusOf: () => Promise<string | undefined>) => {
  while ((await statusOf()) !== 'ACTIVE') await clock.sleep(50);
};

/** Whatever serves Kinesis at this endpoint. */
export function kinesisAt(endpoint: string, close: () => Promise<void>): KinesisService {
  const sdk = sdkClient(endpoint, { region });
  const active = (StreamName: string) =>
    untilActive(async () => {
      const { StreamDescriptionSummary } = await sdk.send(new DescribeStreamSummaryCommand({ StreamName }));
      return StreamDescriptionSummary?.StreamStatus;
    });
  return {
    async create(StreamName, ShardCount) {
      await sdk.send(new CreateStreamCommand({ StreamName, ShardCount }));
      await active(StreamName);
    },
    async put(StreamName, { partitionKey: PartitionKey, data: Data, explicitHashKey: ExplicitHashKey }) {
      const put = new PutRecordCommand({ StreamName, PartitionKey, Data, ExplicitHashKey });
      return (await sdk.send(put)).SequenceNumber!;
    },
    async split(StreamName, ShardToSplit, NewStartingHashKey) {
      await sdk.send(new SplitShardCommand({ StreamName, ShardToSplit, NewStartingHashKey }));
      await active(StreamName);
    },
    async merge(StreamName, ShardToMerge, AdjacentShardToMerge) {
      await sdk.send(new MergeShardsCommand({ StreamName, ShardToMerge, AdjacentShardToMerge }));
      await active(StreamName);
    },
    client: (streamName) => awsStreamClient({ streamName, region, endpoint, credentials, clock }),
    consumers: () => awsStreamConsumers({ region, endpoint, credentials, clock }),
    async close() {
      sdk.destroy();
      await close();
    },
  };
}

/** The memory twin, on the machine's clock. */
export function kinesisInMemory(): KinesisService {
  const kinesis = new MemoryKinesis({ clock, region, transitionMs: 100 });
  const active = (stream: string) => untilActive(async () => kinesis.describe(stream).status);
  return {
    async create(name, shardCount) {
      kinesis.createStream({ name, shardCount });
      await active(name);
    },
    put: async (stream, entry) => kinesis.putRecord(stream, entry).sequence,
    async split(stream, shardId, at) {
      kinesis.splitShard(stream, shardId, at);
      await active(stream);
    },
    async merge(stream, shardId, adjacentShardId) {
      kinesis.mergeShards(stream, shardId, adjacentShardId);
      await active(stream);
    },
    client: (stream) => memoryStreamClient(kinesis, stream),
    consumers: () => memoryStreamConsumers(kinesis),
    close: async () => {},
  };
}
