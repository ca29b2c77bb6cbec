import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  PutRecordCommand,
  PutRecordsCommand,
  UpdateMaxRecordSizeCommand,
  type KinesisClient,
} from '@aws-sdk/client-kinesis';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startLocalKinesis, type LocalKinesis } from '../../../src/dev/kinesis/server.ts';
import { MemoryKinesis } from '../../../src/kinesis/memory/stream.ts';
import { LoneClock } from '../../kinesis/lone-clock.ts';
import { sdkClient } from '../sdk-client.ts';

const MIB = 1024 * 1024;

let local: LocalKinesis;
let client: KinesisClient;
beforeEach(async () => {
  local = await startLocalKinesis({
    kinesis: new MemoryKinesis({ clock: new LoneClock(), transitionMs: 0 }),
  });
  client = sdkClient(local.endpoint);
  await client.send(new CreateStreamCommand({ StreamName: 'default' }));
  await client.send(new CreateStreamCommand({ StreamName: 'large', MaxRecordSizeInKiB: 10_240 }));
});
afterEach(async () => {
  client.destroy();
  await local.close();
});

const put = (StreamName: string, bytes: number) =>
  client.send(new PutRecordCommand({ StreamName, PartitionKey: 'k', Data: new Uint8Array(bytes - 1) }));
const maxRecord = async (StreamName: string) =>
  (await client.send(new DescribeStreamSummaryCommand({ StreamName }))).StreamDescriptionSummary
    ?.MaxRecordSizeInKiB;

describe('large records at the local server', () => {
  it('are accepted by a stream that is for them, and refused by a default one', async () => {
    await expect(put('large', 2 * MIB)).resolves.toBeDefined();
    await expect(put('default', 2 * MIB)).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringContaining('less than or equal to 1048576'),
    });
  });

  it('of 10 MiB arrive as they were put', async () => {
    await put('large', 10 * MIB);
    const from = { StreamName: 'large', ShardId: 'shardId-000000000000' };
    const { ShardIterator } = await client.send(
      new GetShardIteratorCommand({ ...from, ShardIteratorType: 'TRIM_HORIZON' }),
    );
    const { Records } = await client.send(new GetRecordsCommand({ ShardIterator }));
    expect(Records?.map(({ Data }) => Data?.length)).toEqual([10 * MIB - 1]);
  });

  it('are allowed and forbidden again by UpdateMaxRecordSize', async () => {
    const StreamARN = local.kinesis.describe('default').arn;
    expect([await maxRecord('default'), await maxRecord('large')]).toEqual([1024, 10_240]);
    await client.send(new UpdateMaxRecordSizeCommand({ StreamARN, MaxRecordSizeInKiB: 2048 }));
    expect(await maxRecord('default')).toBe(2048);
    await expect(put('default', 2 * MIB)).resolves.toBeDefined();
    await client.send(new UpdateMaxRecordSizeCommand({ StreamARN, MaxRecordSizeInKiB: 1024 }));
    await expect(put('default', 2 * MIB)).rejects.toMatchObject({ name: 'ValidationException' });
    for (const MaxRecordSizeInKiB of [1023, 10_241])
      await expect(
        client.send(new UpdateMaxRecordSizeCommand({ StreamARN, MaxRecordSizeInKiB })),
      ).rejects.toMatchObject({ name: 'ValidationException' });
  });

  it('come 10 MiB to a PutRecords, with keys that are long on the wire', async () => {
    const PartitionKey = '😀'.repeat(64);
    const Data = new Uint8Array((10 * MIB) / 500 - Buffer.byteLength(PartitionKey));
    const Records = Array.from({ length: 500 }, () => ({ PartitionKey, Data }));
    await expect(
      client.send(new PutRecordsCommand({ StreamName: 'default', Records })),
    ).resolves.toMatchObject({ FailedRecordCount: expect.any(Number) });
  });
});
