import { afterEach, beforeEach, expect, it } from 'vitest';
import { startLocalKinesis, type LocalKinesis } from '../../../src/dev/kinesis/server.ts';
import { awsStreamClient } from '../../../src/kinesis/aws/stream-client.ts';
import { systemClock as clock } from '../../../src/lib/clock.ts';
import {
  LET_IN,
  otherAccountFront,
  THEIR_STREAM,
  type OtherAccountFront,
} from '../../support/other-account-front.ts';

let kinesis: LocalKinesis;
let front: OtherAccountFront;

beforeEach(async () => {
  kinesis = await startLocalKinesis({ clock });
  kinesis.kinesis.createStream({ name: 'orders', shardCount: 1 });
  await kinesis.kinesis.whenCreated('orders');
  kinesis.kinesis.stream('orders').aliases.add(THEIR_STREAM);
  front = await otherAccountFront(kinesis.endpoint);
});
afterEach(async () => {
  front.close();
  await kinesis.close();
});

it('is read by its ARN alone, with the actions that docs/multi-tenant.md lets in and no others', async () => {
  const client = awsStreamClient({
    streamName: 'orders',
    streamArn: THEIR_STREAM,
    endpoint: front.endpoint,
    credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
    clock,
    format: 'JSON',
  });
  try {
    kinesis.kinesis.putRecord('orders', { partitionKey: 'a', data: Buffer.from('a') });
    expect((await client.describe()).name).toBe('orders');
    await client.now();
    const [shard] = await client.listShards({ from: 'TRIM_HORIZON' });
    const iterator = await client.getIterator(shard!.shardId, { at: 'TRIM_HORIZON' });
    expect((await client.getRecords(iterator, 10)).records).toHaveLength(1);
  } finally {
    client.close();
  }
  expect([...front.theirs].toSorted()).toEqual(LET_IN);
  expect([...front.own]).toEqual([]);
});
