import { once } from 'node:events';
import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2';
import { connect } from 'node:net';
import { DescribeTableCommand, DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb';
import {
  CreateStreamCommand,
  KinesisClient,
  ListShardsCommand,
  ListStreamsCommand,
  PutRecordCommand,
  PutRecordsCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type _Record,
} from '@aws-sdk/client-kinesis';
import { NodeHttp2Handler } from '@smithy/node-http-handler';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { startLocalDynamoDb } from '../../src/dev/dynamodb/server.ts';
import { startLocalKinesis, type LocalKinesis } from '../../src/dev/kinesis/server.ts';
import { MemoryKinesis } from '../../src/kinesis/memory/stream.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog, type Log } from '../../src/lib/log.ts';
import { sdkClient } from './sdk-client.ts';

const StreamName = 'orders';
const options = {
  region: 'eu-west-1',
  credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  maxAttempts: 1,
};

const warnings: { message: string; fields: unknown }[] = [];
const log: Log = {
  ...silentLog,
  warn: (message, fields) => void warnings.push({ message, fields }),
};

/** The server says so once it has noticed, which the client may do before. */
const warned = (fields: object) => vi.waitFor(() => expect(warnings).toMatchObject([{ fields }]), 120_000);

let local: LocalKinesis;
let client: KinesisClient;
beforeEach(async () => {
  warnings.length = 0;
  local = await startLocalKinesis({
    log,
    kinesis: new MemoryKinesis({ clock: systemClock, transitionMs: 0 }),
  });
  // As a user makes it: the handler is the SDK's own, which speaks HTTP/2 to Kinesis.
  client = new KinesisClient({ ...options, endpoint: local.endpoint });
});
afterEach(async () => {
  client.destroy();
  await local.close();
});

async function readAll(ShardId: string): Promise<_Record[]> {
  const start = new GetShardIteratorCommand({ StreamName, ShardId, ShardIteratorType: 'TRIM_HORIZON' });
  const { ShardIterator } = await client.send(start);
  const page = await client.send(new GetRecordsCommand({ ShardIterator }));
  expect(page.MillisBehindLatest).toBe(0);
  return page.Records!;
}

describe('a local server', () => {
  it('serves the AWS SDK for JavaScript as it comes, over HTTP/2, beside HTTP/1.1 on the same port', async () => {
    expect(client.config.requestHandler).toBeInstanceOf(NodeHttp2Handler);
    await client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
    const http1 = sdkClient(local.endpoint, { region: 'eu-west-1' });
    await expect(http1.send(new ListStreamsCommand({}))).resolves.toMatchObject({
      StreamNames: [StreamName],
    });
    http1.destroy();
    await expect(
      client.send(new PutRecordCommand({ StreamName: 'none', PartitionKey: 'a', Data: Buffer.of(1) })),
    ).rejects.toMatchObject({ name: 'ResourceNotFoundException', $metadata: { httpStatusCode: 400 } });
  });

  it('serves many HTTP/2 requests at once, and large ones', async () => {
    await client.send(new CreateStreamCommand({ StreamName, ShardCount: 9 }));
    const one = (i: number) =>
      new PutRecordCommand({ StreamName, PartitionKey: `${i}`, Data: Buffer.alloc(1000, i) });
    await Promise.all(Array.from({ length: 500 }, (_, i) => client.send(one(i))));
    const shards = (await client.send(new ListShardsCommand({ StreamName }))).Shards!;
    const Records = shards.map(({ HashKeyRange }, i) => ({
      PartitionKey: 'large',
      ExplicitHashKey: HashKeyRange!.StartingHashKey,
      // With the small ones, not more than a shard takes in a second.
      Data: new Uint8Array(900_000).fill(i),
    }));
    const { FailedRecordCount } = await client.send(new PutRecordsCommand({ StreamName, Records }));
    expect(FailedRecordCount).toBe(0);
    const pages = await Promise.all(shards.map(({ ShardId }) => readAll(ShardId!)));
    const lengths = pages.flat().map(({ Data }) => Data!.length);
    expect(lengths.filter((length) => length === 1_000)).toHaveLength(500);
    expect(lengths.filter((length) => length === 900_000)).toHaveLength(9);
  });

  it('takes calls over an HTTP/2 connection whose large answers are still on their way', async () => {
    local.kinesis.limits = false;
    local.kinesis.createStream({ name: StreamName });
    for (let i = 0; i < 10; i += 1)
      local.kinesis.putRecord(StreamName, { partitionKey: 'a', data: new Uint8Array(1_000_000) });
    const ShardIterator = local.kinesis.getIterator(StreamName, 'shardId-000000000000', {
      at: 'TRIM_HORIZON',
    });
    const session = connectHttp2(local.endpoint);
    const statusOf = async (operation: string, body: object) => {
      const stream = session.request({
        ':method': 'POST',
        'x-amz-target': `Kinesis_20131202.${operation}`,
        authorization: 'AWS4-HMAC-SHA256 Credential=a/20260101/eu-west-1/kinesis/aws4_request',
      });
      stream.end(JSON.stringify(body));
      const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders];
      return headers[':status'];
    };
    // 13 MB, which nobody reads.
    expect(await statusOf('GetRecords', { ShardIterator })).toBe(200);
    expect(await statusOf('ListStreams', {})).toBe(200);
    session.destroy();
  });

  it('goes on when a client breaks off in the middle of an HTTP/2 request', async () => {
    const session = connectHttp2(local.endpoint);
    const stream = session.request({ ':method': 'POST', 'content-length': 100 });
    stream.on('error', () => {});
    stream.write('{"Str');
    await once(session, 'remoteSettings');
    stream.close(8);
    await once(stream, 'close');
    session.close();
    await expect(client.send(new ListStreamsCommand({}))).resolves.toMatchObject({ StreamNames: [] });
    await warned({ error: 'Premature close' });
  });

  it('hears a method of HTTP/1.1 that comes letter by letter', async () => {
    const socket = connect(Number(new URL(local.endpoint).port), '127.0.0.1');
    socket.setNoDelay(true);
    await once(socket, 'connect');
    for (const letter of 'GET / HTTP/1.1\r\nhost: a\r\n\r\n')
      await new Promise<void>((sent) => socket.write(letter, () => sent()));
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString()).toContain('200 OK');
    socket.destroy();
  });

  it('ends with connections open that said nothing, or half a request', async () => {
    const silent = connect(Number(new URL(local.endpoint).port), '127.0.0.1').on('error', () => {});
    await once(silent, 'connect');
    await client.send(new ListStreamsCommand({}));
    await local.close();
    local = await startLocalKinesis();
  });

  it('tells a client of TLS where TLS is off how to go on', async () => {
    await expect(fetch(local.endpoint.replace('http:', 'https:'))).rejects.toThrow();
    await warned({ fix: 'Use http:// in the endpoint, or start with --tls.' });
  });

  it('serves DynamoDB over HTTP/2 as well', async () => {
    const server = await startLocalDynamoDb({ clock: systemClock, log: silentLog });
    const dynamodb = new DynamoDBClient({
      ...options,
      endpoint: server.endpoint,
      requestHandler: new NodeHttp2Handler(),
    });
    await expect(
      dynamodb.send(new PutItemCommand({ TableName: 'none', Item: { id: { S: 'a' } } })),
    ).rejects.toMatchObject({ name: 'ResourceNotFoundException' });
    await expect(dynamodb.send(new DescribeTableCommand({ TableName: 'none' }))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
    });
    dynamodb.destroy();
    await server.close();
  });
});
