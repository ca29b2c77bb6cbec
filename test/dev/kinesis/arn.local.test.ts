import {
  DescribeStreamConsumerCommand,
  DescribeStreamSummaryCommand,
  ListStreamsCommand,
  ListTagsForResourceCommand,
  PutRecordCommand,
  RegisterStreamConsumerCommand,
} from '@aws-sdk/client-kinesis';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { startLocalKinesis, type LocalKinesis } from '../../../src/dev/kinesis/server.ts';
import { MemoryKinesis } from '../../../src/kinesis/memory/stream.ts';
import { LoneClock } from '../../kinesis/lone-clock.ts';
import { sdkClient } from '../sdk-client.ts';

/** In the region that the server keeps them in. */
const OURS = 'arn:aws:kinesis:us-east-1:000000000000:stream/orders';

let local: LocalKinesis;
beforeEach(async () => {
  local = await startLocalKinesis({
    kinesis: new MemoryKinesis({ clock: new LoneClock(), transitionMs: 0 }),
  });
  local.kinesis.createStream({ name: 'orders' });
});
afterEach(() => local.close());

async function describeFrom(region: string, StreamARN: string): Promise<string | undefined> {
  const client = sdkClient(local.endpoint, { region });
  try {
    const { StreamDescriptionSummary } = await client.send(new DescribeStreamSummaryCommand({ StreamARN }));
    return StreamDescriptionSummary?.StreamName;
  } finally {
    client.destroy();
  }
}

describe('the ARN of a stream', () => {
  it('is of the region that the client is set up for, as is that of a consumer', async () => {
    const there = OURS.replace('us-east-1', 'eu-west-1');
    expect(await describeFrom('us-east-1', OURS)).toBe('orders');
    expect(await describeFrom('eu-west-1', OURS)).toBe('orders');
    expect(await describeFrom('eu-west-1', there)).toBe('orders');
    const client = sdkClient(local.endpoint, { region: 'eu-west-1' });
    onTestFinished(() => client.destroy());
    const { StreamDescriptionSummary } = await client.send(
      new DescribeStreamSummaryCommand({ StreamName: 'orders' }),
    );
    expect(StreamDescriptionSummary?.StreamARN).toBe(there);
    const { StreamSummaries } = await client.send(new ListStreamsCommand({}));
    expect(StreamSummaries?.map(({ StreamARN }) => StreamARN)).toEqual([there]);
    const { Consumer } = await client.send(
      new RegisterStreamConsumerCommand({ StreamARN: there, ConsumerName: 'audit' }),
    );
    const ConsumerARN = Consumer?.ConsumerARN;
    expect(ConsumerARN).toContain(`${there}/consumer/audit:`);
    const found = await client.send(new DescribeStreamConsumerCommand({ ConsumerARN }));
    expect(found.ConsumerDescription).toMatchObject({ ConsumerARN, StreamARN: there });
  });

  it.each([
    ['account', OURS.replace('000000000000', '123456789012'), '123456789012'],
    ['region', OURS.replace('us-east-1', 'eu-west-1'), '000000000000'],
  ])('of another %s is not found', async (_, arn, accountId) => {
    await expect(describeFrom('us-east-1', arn)).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      message: `Stream orders under account ${accountId} not found.`,
    });
  });

  it('of another account is not written to and has no tags', async () => {
    const client = sdkClient(local.endpoint);
    const arn = OURS.replace('000000000000', '123456789012');
    const put = { StreamARN: arn, PartitionKey: 'k', Data: new Uint8Array() };
    await expect(client.send(new PutRecordCommand(put))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
    await expect(client.send(new ListTagsForResourceCommand({ ResourceARN: arn }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
    client.destroy();
  });

  it('of another account is found when the stream is known by it', async () => {
    const arn = OURS.replace('000000000000', '123456789012');
    local.kinesis.stream('orders').aliases.add(arn);
    expect(await describeFrom('us-east-1', arn)).toBe('orders');
  });

  it('is not that of a consumer of a stream', async () => {
    await expect(describeFrom('us-east-1', `${OURS}/consumer/x:1`)).rejects.toMatchObject({
      name: 'InvalidArgumentException',
    });
  });
});
