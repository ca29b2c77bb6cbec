import { request, type IncomingHttpHeaders } from 'node:http';
import { crc32 } from 'node:zlib';
import {
  CreateTableCommand,
  DeleteItemCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  GetItemCommand,
  ListTagsOfResourceCommand,
  PutItemCommand,
  ScanCommand,
  UpdateItemCommand,
  UpdateTimeToLiveCommand,
  type AttributeValue,
} from '@aws-sdk/client-dynamodb';
import { AbstractValueIterator } from 'abstract-level';
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import { DynamoDbBackend } from '../../../src/dev/dynamodb/backend.ts';
import {
  startLocalDynamoDb,
  type DynamoDbFault,
  type LocalDynamoDb,
} from '../../../src/dev/dynamodb/server.ts';
import { createDynamoDbClient } from '../../../src/aws/dynamodb-client.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const TableName = 'items';
const NOW_SECONDS = Date.UTC(2026, 0, 1) / 1000;
const DAY = 86_400;
let clock: VirtualClock;
let server: LocalDynamoDb;
let client: ReturnType<typeof createDynamoDbClient>;

beforeEach(async () => {
  vi.stubEnv('AWS_REGION', 'us-west-2');
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  clock = new VirtualClock();
  server = await startLocalDynamoDb({ clock, log: silentLog, accessKeyIds: ['test'] });
  client = createDynamoDbClient({ region: 'eu-west-1', endpoint: server.endpoint });
  const key = { AttributeName: 'id', KeyType: 'HASH' as const };
  const KeySchema = [key];
  const AttributeDefinitions = [{ AttributeName: 'id', AttributeType: 'S' as const }];
  await client.send(
    new CreateTableCommand({ TableName, KeySchema, AttributeDefinitions, BillingMode: 'PAY_PER_REQUEST' }),
  );
  await vi.waitFor(async () => {
    const { Table } = await client.send(new DescribeTableCommand({ TableName }));
    expect(Table?.TableStatus).toBe('ACTIVE');
  }, 120_000);
});
afterEach(async () => {
  client.destroy();
  await server.close();
  vi.unstubAllEnvs();
});

const put = (id: string, more: Record<string, AttributeValue> = {}) =>
  client.send(new PutItemCommand({ TableName, Item: { id: { S: id }, ...more } }));
const ids = async () => {
  const { Items } = await client.send(new ScanCommand({ TableName, ConsistentRead: true }));
  return (Items ?? []).map((item) => item['id']?.S ?? '').toSorted((a, b) => (a < b ? -1 : 1));
};
const N = (value: number) => ({ ttl: { N: String(value) } });

it('names a table in the region that the client is set up for', async () => {
  for (const region of ['eu-west-1', 'ap-southeast-2']) {
    const there = createDynamoDbClient({ region, endpoint: server.endpoint });
    onTestFinished(() => there.destroy());
    const { Table } = await there.send(new DescribeTableCommand({ TableName }));
    expect(Table?.TableArn).toBe(`arn:aws:dynamodb:${region}:000000000000:table/${TableName}`);
    const { Tags } = await there.send(new ListTagsOfResourceCommand({ ResourceArn: Table?.TableArn }));
    expect(Tags).toEqual([]);
  }
});

describe('items that expire', () => {
  const enableTtl = () =>
    client.send(
      new UpdateTimeToLiveCommand({
        TableName,
        TimeToLiveSpecification: { Enabled: true, AttributeName: 'ttl' },
      }),
    );

  beforeEach(async () => {
    await put('past', N(NOW_SECONDS - 1));
    await put('now', N(NOW_SECONDS));
    await put('future', N(NOW_SECONDS + 1));
    await put('in ms', N(NOW_SECONDS * 1000));
    await put('long ago', N(NOW_SECONDS - 6 * 365 * DAY));
    await put('as text', { ttl: { S: String(NOW_SECONDS - 1) } });
    await put('without');
  });

  it('go when their time has passed, and only those', async () => {
    await enableTtl();
    expect(await server.sweep()).toBe(1);
    expect(await ids()).toEqual(['as text', 'future', 'in ms', 'long ago', 'now', 'without']);
  });

  it('stay in a table that has no time to live', async () => {
    expect(await server.sweep()).toBe(0);
    expect(await ids()).toHaveLength(7);
  });

  it('go by themselves after a while', async () => {
    await enableTtl();
    await clock.advance(60_000);
    await vi.waitFor(async () => expect(await ids()).not.toContain('past'), 120_000);
  });

  it('go at the next sweep when one has failed', async () => {
    await enableTtl();
    const call = vi.spyOn(DynamoDbBackend.prototype, 'call').mockRejectedValueOnce(new Error('broken'));
    onTestFinished(() => call.mockRestore());
    await clock.advance(60_000);
    await vi.waitFor(() => expect(call).toHaveBeenCalled(), 120_000);
    expect(await ids()).toContain('past');
    await clock.advance(60_000);
    await vi.waitFor(async () => expect(await ids()).not.toContain('past'), 120_000);
  });

  it('go from every page of a large table', async () => {
    await enableTtl();
    const filler = { S: 'x'.repeat(300_000) };
    for (let i = 0; i < 8; i += 1) await put(`large ${i}`, { ...N(NOW_SECONDS - 1), filler });
    expect(await server.sweep()).toBe(9);
  });
});

describe('a condition that fails', () => {
  const failing = {
    TableName,
    ConditionExpression: '#a = :a',
    ExpressionAttributeNames: { '#a': 'a' },
    ExpressionAttributeValues: { ':a': { S: 'other' } },
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const,
  };
  const id = { S: 'x' };
  const commands = {
    put: () => client.send(new PutItemCommand({ ...failing, Item: { id } })),
    update: () =>
      client.send(new UpdateItemCommand({ ...failing, Key: { id }, UpdateExpression: 'SET b = :a' })),
    delete: () => client.send(new DeleteItemCommand({ ...failing, Key: { id } })),
  };

  it.each(['put', 'update', 'delete'] as const)('returns the item as it is: %s', async (kind) => {
    await put('x', { a: { S: 'mine' } });
    await expect(commands[kind]()).rejects.toMatchObject({
      name: 'ConditionalCheckFailedException',
      Item: { id, a: { S: 'mine' } },
    });
  });

  it.each(['put', 'update', 'delete'] as const)('returns none when there is none: %s', async (kind) => {
    const thrown: { name: string; Item?: unknown } = await commands[kind]().then(
      () => expect.fail('it passed'),
      (error: Error) => error,
    );
    expect(thrown.name).toBe('ConditionalCheckFailedException');
    expect(thrown.Item).toBeUndefined();
  });
});

describe('faults', () => {
  const faults = (fault: DynamoDbFault) =>
    server.fail((operation) => (operation === 'PutItem' ? fault : undefined));

  it('a failure has no effect', async () => {
    faults({ do: 'fail', type: 'ThrottlingException', message: 'slow down' });
    await expect(put('x')).rejects.toMatchObject({ name: 'ThrottlingException', message: 'slow down' });
    expect(await ids()).toEqual([]);
  });

  it('a dropped answer has one', async () => {
    faults({ do: 'drop answer' });
    await expect(put('x')).rejects.toThrow();
    expect(await ids()).toEqual(['x']);
  });

  it('a call that hangs does not keep the server from closing', async () => {
    faults({ do: 'hang' });
    const hanging = put('x');
    hanging.catch(() => {});
    await vi.waitFor(() => expect(server.counts.get('PutItem')).toBe(1), 120_000);
    await server.close();
    await expect(hanging).rejects.toThrow();
  });

  it('end when they are told to', async () => {
    faults({ do: 'fail', type: 'InternalServerError', status: 500 });
    await expect(put('x')).rejects.toThrow();
    server.fail();
    await put('x');
    expect(await ids()).toEqual(['x']);
  });
});

describe('the server', () => {
  it('lets go of what it has read', async () => {
    const close = vi.spyOn(AbstractValueIterator.prototype, 'close');
    onTestFinished(() => close.mockRestore());
    await put('x');
    expect(await ids()).toEqual(['x']);
    await vi.waitFor(() => expect(close).toHaveBeenCalledTimes(1), 120_000);
  });

  it('closes under many calls without harm', async () => {
    const outcomes = Promise.allSettled(Array.from({ length: 50 }, (_, i) => put(`x${i}`)));
    await vi.waitFor(() => expect(server.counts.get('PutItem')).toBeGreaterThan(10), 120_000);
    await server.close();
    expect(await outcomes).toHaveLength(50);
  });

  it('listens on loopback and says so', () => {
    expect(server.endpoint).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
  });

  it('refuses a port that is taken', async () => {
    const port = Number(new URL(server.endpoint).port);
    await expect(startLocalDynamoDb({ clock, log: silentLog, port })).rejects.toThrow('the port is in use');
  });

  it('counts requests by operation', async () => {
    await put('x');
    await put('y');
    await client.send(new GetItemCommand({ TableName, Key: { id: { S: 'x' } } }));
    expect(server.counts.get('PutItem')).toBe(2);
    expect(server.counts.get('GetItem')).toBe(1);
  });

  it('forgets the settings of a deleted table', async () => {
    await client.send(
      new UpdateTimeToLiveCommand({
        TableName,
        TimeToLiveSpecification: { Enabled: true, AttributeName: 'ttl' },
      }),
    );
    await client.send(new DeleteTableCommand({ TableName }));
    expect(await server.sweep()).toBe(0);
  });

  const signed =
    'AWS4-HMAC-SHA256 Credential=test/20260101/x/dynamodb/aws4_request, SignedHeaders=host, Signature=0';
  it.each([
    ['no signature', 'ListTables', '{}', '', 'MissingAuthenticationTokenException'],
    ['another key', 'ListTables', '{}', signed.replace('test', 'who'), 'UnrecognizedClientException'],
    ['no JSON', 'ListTables', '{', signed, 'SerializationException'],
    ['no such operation', 'TransactWriteItems', '{}', signed, 'UnknownOperationException'],
    ['no operation', '', '{}', signed, 'UnknownOperationException'],
    ['no table', 'UpdateTimeToLive', '{"TableName":"nowhere"}', signed, 'ResourceNotFoundException'],
    ['no specification', 'UpdateTimeToLive', '{"TableName":"items"}', signed, 'ValidationException'],
    ['no specification', 'UpdateContinuousBackups', '{"TableName":"items"}', signed, 'ValidationException'],
    [
      'no tags',
      'TagResource',
      '{"ResourceArn":"arn:aws:dynamodb:x:1:table/items"}',
      signed,
      'ValidationException',
    ],
  ])('%s: %s is refused', async (_, operation, body, authorization, type) => {
    const answer = await post(operation, body, authorization);
    expect(answer.status).toBe(400);
    expect(answer.body).toContain(type);
  });

  it.each([
    ['an answer', signed, 200],
    ['a refusal', signed.replace('test', 'who'), 400],
  ])('sends %s with its id and checksum', async (_, authorization, status) => {
    const answer = await post('ListTables', '{}', authorization);
    expect(answer.status).toBe(status);
    expect(answer.headers['x-amzn-requestid']).toMatch(/^[0-9a-f-]{36}$/);
    expect(answer.headers['x-amz-crc32']).toBe(String(crc32(answer.body)));
  });

  it('gives each answer another id, which the SDK passes on', async () => {
    const ids = [await put('x'), await put('ü')].map(({ $metadata }) => $metadata.requestId);
    expect(new Set(ids.filter((id) => id !== undefined)).size).toBe(2);
  });

  function post(operation: string, body: string, authorization: string) {
    const headers = {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': `DynamoDB_20120810.${operation}`,
      ...(authorization ? { authorization } : {}),
    };
    type Reply = { status: number | undefined; headers: IncomingHttpHeaders; body: string };
    return new Promise<Reply>((resolve, reject) => {
      const call = request(server.endpoint, { method: 'POST', headers }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () =>
          resolve({ status: response.statusCode, headers: response.headers, body: text }),
        );
      });
      call.on('error', reject).end(body);
    });
  }
});
