import { KcgError } from '../../lib/errors.ts';
import { streamArnOf, subscribe } from '../../kinesis/memory/subscription.ts';
import type { StreamConsumer } from '../../kinesis/stream-client.ts';
import type { KinesisInput } from './input.ts';
import { readPosition } from './record-operations.ts';
import type { KinesisOperation } from './stream-operations.ts';

/** Stream consumers, and what they are for: a subscription is sent as it comes. */
export const consumerOperations: Record<string, KinesisOperation> = {
  RegisterStreamConsumer(kinesis, input) {
    const consumers = kinesis.stream(input.streamName()).consumers;
    const consumer = consumers.register(input.text('ConsumerName'), kinesis.clock.now());
    return { Consumer: wireConsumer(consumer) };
  },

  DescribeStreamConsumer(kinesis, input) {
    const { name, key } = whichConsumer(input);
    const stream = kinesis.stream(name);
    const consumer = stream.consumers.get(key, kinesis.clock.now());
    return { ConsumerDescription: { ...wireConsumer(consumer), StreamARN: stream.arn } };
  },

  DeregisterStreamConsumer(kinesis, input) {
    const { name, key } = whichConsumer(input);
    kinesis.stream(name).consumers.deregister(key, kinesis.clock.now());
    return {};
  },

  ListStreamConsumers(kinesis, input) {
    const after = input.optionalText('NextToken') ?? '';
    const max = input.optionalInteger('MaxResults', 1, 10_000) ?? 100;
    const all = kinesis.stream(input.streamName()).consumers.list(kinesis.clock.now());
    const left = all.filter(({ name }) => name > after);
    const page = left.slice(0, max);
    const NextToken = left.length > page.length ? page.at(-1)?.name : undefined;
    return { Consumers: page.map(wireConsumer), NextToken };
  },

  SubscribeToShard(kinesis, input) {
    const consumerArn = input.text('ConsumerARN');
    const names = { type: 'Type', sequence: 'SequenceNumber' };
    return subscribe(kinesis, input.nameOf(requireStreamArn(consumerArn)), {
      consumerArn,
      shardId: input.text('ShardId'),
      position: readPosition(input.object('StartingPosition'), names),
    });
  },
};

/** By its ARN, or by the stream's and its name. */
function whichConsumer(input: KinesisInput): { name: string; key: string } {
  const arn = input.optionalText('ConsumerARN');
  if (arn !== undefined) return { name: input.nameOf(requireStreamArn(arn)), key: arn };
  return { name: input.streamName(), key: input.text('ConsumerName') };
}

function requireStreamArn(consumerArn: string): string {
  const arn = streamArnOf(consumerArn);
  if (arn !== undefined) return arn;
  throw new KcgError('InvalidInput', `ConsumerARN ${consumerArn} is not the ARN of a stream consumer.`);
}

function wireConsumer({ name, arn, status, createdAt }: StreamConsumer) {
  return {
    ConsumerName: name,
    ConsumerARN: arn,
    ConsumerStatus: status,
    ConsumerCreationTimestamp: new Date(createdAt),
  };
}
