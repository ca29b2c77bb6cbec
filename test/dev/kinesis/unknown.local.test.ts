import {
  DeregisterStreamConsumerCommand,
  DescribeStreamConsumerCommand,
  ListStreamConsumersCommand,
  RegisterStreamConsumerCommand,
  SubscribeToShardCommand,
  type KinesisClient,
} from '@aws-sdk/client-kinesis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startLocalKinesis, type LocalKinesis } from '../../../src/dev/kinesis/server.ts';
import { sdkClient } from '../sdk-client.ts';

const StreamARN = 'arn:aws:kinesis:us-east-1:000000000000:stream/orders';
const ConsumerARN = `${StreamARN}/consumer/app:1`;

let local: LocalKinesis;
let client: KinesisClient;
beforeAll(async () => {
  local = await startLocalKinesis();
  client = sdkClient(local.endpoint);
});
afterAll(async () => {
  client.destroy();
  await local.close();
});

describe('an operation that the local server does not have', () => {
  const consumer = { StreamARN, ConsumerName: 'app' };
  const subscription = { ConsumerARN, ShardId: 'shardId-0', StartingPosition: { Type: 'LATEST' } } as const;
  it.each<[string, () => Promise<unknown>]>([
    ['RegisterStreamConsumer', () => client.send(new RegisterStreamConsumerCommand(consumer))],
    ['DescribeStreamConsumer', () => client.send(new DescribeStreamConsumerCommand(consumer))],
    ['DeregisterStreamConsumer', () => client.send(new DeregisterStreamConsumerCommand(consumer))],
    ['ListStreamConsumers', () => client.send(new ListStreamConsumersCommand({ StreamARN }))],
    ['SubscribeToShard', () => client.send(new SubscribeToShardCommand(subscription))],
  ])('is named in the answer: %s', async (operation, send) => {
    await expect(send()).rejects.toMatchObject({
      name: 'UnknownOperationException',
      message: expect.stringContaining(`No operation '${operation}' here. There are: `),
      $metadata: expect.objectContaining({ httpStatusCode: 400 }),
    });
  });

  it.each(['DynamoDB_20120810.ListTables', 'Kinesis_20131202.', 'toString'])(
    'is named as it was asked for: %s',
    async (target) => {
      const answer = await fetch(local.endpoint, { method: 'POST', headers: { 'x-amz-target': target } });
      expect(await answer.json()).toMatchObject({
        __type: 'UnknownOperationException',
        message: expect.stringContaining(`'${target}'`),
      });
    },
  );
});
