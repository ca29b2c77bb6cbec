import {
  DeleteStreamCommand,
  DeregisterStreamConsumerCommand,
  DescribeStreamConsumerCommand,
  DescribeStreamSummaryCommand,
  KinesisClient,
  ListStreamConsumersCommand,
  RegisterStreamConsumerCommand,
  SubscribeToShardCommand,
  type StartingPosition,
  type SubscribeToShardEvent,
} from '@aws-sdk/client-kinesis';
import { NodeHttpHandler } from '@smithy/node-http-handler';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startLocalKinesis, type LocalKinesis } from '../../../src/dev/kinesis/server.ts';
import { MemoryKinesis } from '../../../src/kinesis/memory/stream.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { passTime } from '../../support/pass-time.ts';

const StreamARN = 'arn:aws:kinesis:us-east-1:000000000000:stream/orders';
const ShardId = 'shardId-000000000000';
const TRIM_HORIZON: StartingPosition = { Type: 'TRIM_HORIZON' };

let clock: ManualClock;
let local: LocalKinesis;
beforeEach(async () => {
  clock = new ManualClock();
  const kinesis = new MemoryKinesis({ clock, transitionMs: 0 });
  kinesis.createStream({ name: 'orders' });
  local = await startLocalKinesis({ kinesis });
});
afterEach(() => local.close());

const put = (text: string) =>
  local.kinesis.putRecord('orders', { partitionKey: text, data: Buffer.from(text) });

/** The SDK's own way to this service is HTTP/2 with prior knowledge. */
const PROTOCOLS = [
  ['HTTP/2', {}],
  ['HTTP/1.1', { requestHandler: new NodeHttpHandler() }],
] as const;

describe.each(PROTOCOLS)('the local server over %s', (_, protocol) => {
  let client: KinesisClient;
  beforeEach(() => {
    client = new KinesisClient({
      endpoint: local.endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'test', secretAccessKey: 'any' },
      maxAttempts: 1,
      ...protocol,
    });
  });
  afterEach(() => client.destroy());

  const register = async (ConsumerName = 'reader') => {
    const { Consumer } = await client.send(new RegisterStreamConsumerCommand({ StreamARN, ConsumerName }));
    return Consumer!.ConsumerARN!;
  };
  const open = async (ConsumerARN: string, position = TRIM_HORIZON) => {
    const command = new SubscribeToShardCommand({ ConsumerARN, ShardId, StartingPosition: position });
    const { EventStream } = await client.send(command);
    return EventStream![Symbol.asyncIterator]();
  };
  type Events = Awaited<ReturnType<typeof open>>;
  const nextOf = async (events: Events): Promise<SubscribeToShardEvent | undefined> =>
    (await events.next()).value?.SubscribeToShardEvent;

  it('registers, describes, lists and removes consumers', async () => {
    const ConsumerARN = await register();
    expect(ConsumerARN).toBe(`${StreamARN}/consumer/reader:${Math.floor(clock.now() / 1000)}`);
    await register('another');
    const described = new DescribeStreamConsumerCommand({ StreamARN, ConsumerName: 'reader' });
    expect((await client.send(described)).ConsumerDescription).toEqual({
      ConsumerName: 'reader',
      ConsumerARN,
      ConsumerStatus: 'ACTIVE',
      ConsumerCreationTimestamp: new Date(clock.now()),
      StreamARN,
    });
    const list = async (MaxResults?: number, NextToken?: string) => {
      const page = await client.send(new ListStreamConsumersCommand({ StreamARN, MaxResults, NextToken }));
      return { names: page.Consumers!.map(({ ConsumerName }) => ConsumerName), next: page.NextToken };
    };
    const first = await list(1);
    expect(first.names).toEqual(['another']);
    expect(await list(1, first.next)).toEqual({ names: ['reader'], next: undefined });
    const { StreamDescriptionSummary } = await client.send(new DescribeStreamSummaryCommand({ StreamARN }));
    expect(StreamDescriptionSummary?.ConsumerCount).toBe(2);
    await expect(register()).rejects.toMatchObject({ name: 'ResourceInUseException' });
    await client.send(new DeregisterStreamConsumerCommand({ ConsumerARN }));
    await expect(client.send(new DescribeStreamConsumerCommand({ ConsumerARN }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
    expect((await list()).names).toEqual(['another']);
  });

  it('deletes a stream that has consumers only when it is told to', async () => {
    await register();
    await expect(client.send(new DeleteStreamCommand({ StreamARN }))).rejects.toMatchObject({
      name: 'ResourceInUseException',
      message: expect.stringContaining('EnforceConsumerDeletion'),
    });
    await client.send(new DeleteStreamCommand({ StreamARN, EnforceConsumerDeletion: true }));
    expect(local.kinesis.listStreams()).toEqual([]);
  });

  it('sends what is there, what comes, and signs of life between', async () => {
    const first = put('a').sequence;
    const events = await open(await register());
    expect(await nextOf(events)).toMatchObject({
      Records: [
        {
          SequenceNumber: first,
          PartitionKey: 'a',
          Data: Uint8Array.from(Buffer.from('a')),
          ApproximateArrivalTimestamp: new Date(clock.now()),
        },
      ],
      MillisBehindLatest: 0,
    });
    expect(await passTime(clock, nextOf(events))).toMatchObject({ Records: [] });
    put('b');
    let event = await nextOf(events);
    while (event?.Records?.length === 0) event = await nextOf(events);
    expect(event?.Records).toHaveLength(1);
  });

  it('goes on after the continuation number, also where nothing was read', async () => {
    put('a');
    const consumer = await register();
    const events = await open(consumer, { Type: 'LATEST' });
    const { ContinuationSequenceNumber } = (await passTime(clock, nextOf(events)))!;
    put('b');
    await clock.advance(5_000);
    const position = { Type: 'AFTER_SEQUENCE_NUMBER', SequenceNumber: ContinuationSequenceNumber } as const;
    const event = await nextOf(await open(consumer, position));
    expect(event?.Records?.map((record) => record.PartitionKey)).toEqual(['b']);
  });

  it('ends a subscription after five minutes', async () => {
    const events = await open(await register());
    const started = clock.now();
    const count = async () => {
      let signs = 0;
      while ((await nextOf(events)) !== undefined) signs += 1;
      return signs;
    };
    expect(await passTime(clock, count())).toBe(59);
    expect(clock.now() - started).toBeGreaterThanOrEqual(300_000);
  });

  it('names the children at the end of a closed shard', async () => {
    put('a');
    local.kinesis.splitShard('orders', ShardId, '1000');
    const events = await open(await register());
    const event = await nextOf(events);
    expect(event?.Records).toHaveLength(1);
    expect(event?.ContinuationSequenceNumber).toBeUndefined();
    expect(event?.ChildShards?.map((child) => child.ShardId)).toEqual([
      'shardId-000000000001',
      'shardId-000000000002',
    ]);
    expect(await nextOf(events)).toBeUndefined();
  });

  it('allows one call per consumer and shard in five seconds, and the later takes over', async () => {
    const consumer = await register();
    const events = await open(consumer);
    await expect(open(consumer)).rejects.toMatchObject({ name: 'ResourceInUseException' });
    await open(await register('another'));
    await clock.advance(5_000);
    await open(consumer);
    const rest = async () => {
      while ((await nextOf(events)) !== undefined);
    };
    await expect(rest()).rejects.toMatchObject({ name: 'ResourceInUseException' });
  });

  it('ends the subscriptions of a consumer that is removed', async () => {
    const ConsumerARN = await register();
    const events = await open(ConsumerARN);
    await client.send(new DeregisterStreamConsumerCommand({ ConsumerARN }));
    const rest = async () => {
      while ((await nextOf(events)) !== undefined);
    };
    await expect(rest()).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
  });

  it.each([
    ['no consumer', `${StreamARN}/consumer/nobody:1`, 'ResourceNotFoundException'],
    ['no ARN of a consumer', StreamARN, 'InvalidArgumentException'],
  ])('refuses %s', async (_, ConsumerARN, name) => {
    await expect(open(ConsumerARN)).rejects.toMatchObject({ name });
  });
});
