import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { decodeCbor, encodeCbor } from '../../../src/dev/kinesis/cbor.ts';
import { startLocalKinesis, type LocalKinesis } from '../../../src/dev/kinesis/server.ts';
import { MemoryKinesis } from '../../../src/kinesis/memory/stream.ts';
import { LoneClock } from '../../kinesis/lone-clock.ts';

const StreamName = 'orders';
const SHARD = 'shardId-000000000000';

let clock: LoneClock;
let local: LocalKinesis;
beforeEach(async () => {
  clock = new LoneClock();
  local = await startLocalKinesis({ kinesis: new MemoryKinesis({ clock, transitionMs: 0 }) });
});
afterEach(() => local.close());

describe('the local server', () => {
  it('speaks CBOR, as the AWS SDK for Java does', async () => {
    local.kinesis.createStream({ name: StreamName });
    const send = async (operation: string, body: unknown) => {
      const headers = {
        'content-type': 'application/x-amz-cbor-1.1',
        'x-amz-target': `Kinesis_20131202.${operation}`,
        authorization:
          'AWS4-HMAC-SHA256 Credential=k/20260101/us-east-1/kinesis/aws4_request, SignedHeaders=host, Signature=0',
      };
      const response = await fetch(local.endpoint, {
        method: 'POST',
        headers,
        body: new Uint8Array(encodeCbor(body)),
      });
      expect(response.headers.get('content-type')).toBe('application/x-amz-cbor-1.1');
      return {
        status: response.status,
        body: decodeCbor(new Uint8Array(await response.arrayBuffer())) as Record<string, unknown>,
      };
    };
    await send('PutRecord', { StreamName, PartitionKey: 'k', Data: Buffer.from([1, 2]) });
    const position = {
      StreamName,
      ShardId: SHARD,
      ShardIteratorType: 'AT_TIMESTAMP',
      Timestamp: new Date(clock.now()),
    };
    const { ShardIterator } = (await send('GetShardIterator', position)).body;
    const { body } = await send('GetRecords', { ShardIterator, Limit: 10 });
    expect(body).toMatchObject({
      Records: [{ PartitionKey: 'k', ApproximateArrivalTimestamp: new Date(clock.now()) }],
      MillisBehindLatest: 0,
    });
    expect(await send('DescribeStreamSummary', { StreamName: 'none' })).toMatchObject({
      status: 400,
      body: { __type: 'ResourceNotFoundException' },
    });
    expect(await send('ListStreams', 7)).toMatchObject({
      status: 400,
      body: { __type: 'SerializationException' },
    });
  });

  it('tells a person with a browser what it is', async () => {
    local.kinesis.createStream({ name: StreamName });
    expect(await (await fetch(local.endpoint)).text()).toBe('Local Kinesis of kcg. Streams: orders\n');
  });

  it('says so when the port is taken', async () => {
    const port = Number(new URL(local.endpoint).port);
    await expect(startLocalKinesis({ port })).rejects.toMatchObject({
      code: 'Conflict',
      message: expect.stringContaining(`127.0.0.1:${port}`),
    });
  });

  it('survives clients that break off in the middle of a request', async () => {
    const stop = new AbortController();
    const half = new ReadableStream({
      start: (controller) => controller.enqueue(Buffer.from('{"Str')),
    });
    const request = fetch(local.endpoint, {
      method: 'POST',
      body: half,
      duplex: 'half',
      signal: stop.signal,
    });
    stop.abort();
    await expect(request).rejects.toThrow();
    expect((await fetch(local.endpoint)).status).toBe(200);
  });
});
