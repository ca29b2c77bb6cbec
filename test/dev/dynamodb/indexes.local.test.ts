import {
  CreateTableCommand,
  DescribeTableCommand,
  ListTagsOfResourceCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
  UpdateTableCommand,
  type CreateGlobalSecondaryIndexAction,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { createDynamoDbClient } from '../../../src/aws/dynamodb-client.ts';
import { startLocalDynamoDb, type LocalDynamoDb } from '../../../src/dev/dynamodb/server.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';

const TableName = 'leases';
const IndexName = 'LeaseOwnerToLeaseKeyIndex';
/** As KCL 3 asks for it. */
const byOwner: CreateGlobalSecondaryIndexAction = {
  IndexName,
  KeySchema: [
    { AttributeName: 'leaseOwner', KeyType: 'HASH' },
    { AttributeName: 'leaseKey', KeyType: 'RANGE' },
  ],
  Projection: { ProjectionType: 'KEYS_ONLY' },
};
const AttributeDefinitions = [
  { AttributeName: 'leaseKey', AttributeType: 'S' as const },
  { AttributeName: 'leaseOwner', AttributeType: 'S' as const },
];

let server: LocalDynamoDb;
let client: DynamoDBClient;
beforeEach(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  server = await startLocalDynamoDb({ clock: systemClock, log: silentLog });
  client = createDynamoDbClient({ region: 'eu-west-1', endpoint: server.endpoint });
});
afterEach(async () => {
  client.destroy();
  await server.close();
  vi.unstubAllEnvs();
});

async function createTable(
  billing: Partial<CreateTableCommand['input']> = { BillingMode: 'PAY_PER_REQUEST' },
) {
  await client.send(
    new CreateTableCommand({
      TableName,
      KeySchema: [{ AttributeName: 'leaseKey', KeyType: 'HASH' }],
      AttributeDefinitions: AttributeDefinitions.slice(0, 1),
      Tags: [{ Key: 'team', Value: 'shop' }],
      DeletionProtectionEnabled: true,
      ...billing,
    }),
  );
  await vi.waitFor(async () => expect((await describeTable()).TableStatus).toBe('ACTIVE'), 120_000);
}
const describeTable = async () => (await client.send(new DescribeTableCommand({ TableName }))).Table!;
const put = (leaseKey: string, leaseOwner?: string) =>
  client.send(
    new PutItemCommand({
      TableName,
      Item: {
        leaseKey: { S: leaseKey },
        n: { N: '1' },
        ...(leaseOwner ? { leaseOwner: { S: leaseOwner } } : {}),
      },
    }),
  );
const createIndex = (index: Partial<CreateGlobalSecondaryIndexAction> = {}) =>
  client.send(
    new UpdateTableCommand({
      TableName,
      AttributeDefinitions,
      GlobalSecondaryIndexUpdates: [{ Create: { ...byOwner, ...index } }],
    }),
  );
const ownedBy = async (owner: string) => {
  const { Items } = await client.send(
    new QueryCommand({
      TableName,
      IndexName,
      KeyConditionExpression: 'leaseOwner = :owner',
      ExpressionAttributeValues: { ':owner': { S: owner } },
    }),
  );
  return Items?.map(({ leaseKey, n }) => [leaseKey?.S, n]);
};

describe('an index made on a table that is there', () => {
  it('holds what was in the table before, and follows what is written after', async () => {
    await createTable();
    for (const key of ['c', 'a']) await put(key, 'me');
    await put('free');
    const answer = await createIndex();
    expect(answer.TableDescription?.GlobalSecondaryIndexes).toMatchObject([{ IndexName }]);
    const { GlobalSecondaryIndexes, BillingModeSummary } = await describeTable();
    expect(GlobalSecondaryIndexes).toMatchObject([{ ...byOwner, IndexStatus: 'ACTIVE' }]);
    expect(BillingModeSummary?.BillingMode).toBe('PAY_PER_REQUEST');
    await put('b', 'me');
    expect(await ownedBy('me')).toEqual([
      ['a', undefined],
      ['b', undefined],
      ['c', undefined],
    ]);
    const { Count } = await client.send(new ScanCommand({ TableName }));
    expect(Count).toBe(4);
  });

  it('leaves the table itself as it was: id, age, tags, protection', async () => {
    await createTable();
    const before = await describeTable();
    await createIndex();
    const after = await describeTable();
    for (const field of [
      'TableId',
      'CreationDateTime',
      'TableArn',
      'DeletionProtectionEnabled',
      'KeySchema',
    ] as const)
      expect(after[field]).toEqual(before[field]);
    const { Tags } = await client.send(new ListTagsOfResourceCommand({ ResourceArn: after.TableArn }));
    expect(Tags).toEqual([{ Key: 'team', Value: 'shop' }]);
  });

  it('loses no write that comes while it is made', async () => {
    await createTable();
    await put('counted', 'me');
    const add = () =>
      client.send(
        new UpdateItemCommand({
          TableName,
          Key: { leaseKey: { S: 'counted' } },
          UpdateExpression: 'ADD n :one',
          ExpressionAttributeValues: { ':one': { N: '1' } },
          ReturnValues: 'UPDATED_NEW',
        }),
      );
    const adds = Array.from({ length: 20 }, add);
    const making = createIndex();
    adds.push(...Array.from({ length: 20 }, add));
    await Promise.all([making, ...adds]);
    expect((await add()).Attributes).toEqual({ n: { N: '42' } });
  });

  it('is removed again, and can be made on a table with provisioned throughput', async () => {
    const ProvisionedThroughput = { ReadCapacityUnits: 3, WriteCapacityUnits: 4 };
    await createTable({ ProvisionedThroughput });
    await createIndex({ ProvisionedThroughput });
    expect(await describeTable()).toMatchObject({
      ProvisionedThroughput,
      GlobalSecondaryIndexes: [{ ProvisionedThroughput }],
    });
    await client.send(
      new UpdateTableCommand({ TableName, GlobalSecondaryIndexUpdates: [{ Delete: { IndexName } }] }),
    );
    const after = await describeTable();
    expect(after.GlobalSecondaryIndexes).toBeUndefined();
    expect(after.AttributeDefinitions).toEqual(AttributeDefinitions.slice(0, 1));
  });

  it("is refused with the service's words, and the table stays", async () => {
    await createTable();
    await put('a', 'me');
    const refusals: [() => Promise<unknown>, string, RegExp][] = [
      [
        () => createIndex({ KeySchema: [{ AttributeName: 'other', KeyType: 'HASH' }] }),
        'ValidationException',
        /other/,
      ],
      [
        () => createIndex({ ProvisionedThroughput: { ReadCapacityUnits: 1, WriteCapacityUnits: 1 } }),
        'ValidationException',
        /BillingMode is PAY_PER_REQUEST/,
      ],
      [
        () =>
          client.send(
            new UpdateTableCommand({ TableName, GlobalSecondaryIndexUpdates: [{ Delete: { IndexName } }] }),
          ),
        'ResourceNotFoundException',
        /Index: LeaseOwner/,
      ],
      [
        () =>
          client.send(
            new UpdateTableCommand({
              TableName: 'none',
              AttributeDefinitions,
              GlobalSecondaryIndexUpdates: [{ Create: byOwner }],
            }),
          ),
        'ResourceNotFoundException',
        /none/,
      ],
    ];
    for (const [call, name, message] of refusals)
      await expect(call()).rejects.toMatchObject({ name, message: expect.stringMatching(message) });
    await createIndex();
    await expect(createIndex()).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringContaining('already exists'),
    });
    expect(await ownedBy('me')).toEqual([['a', undefined]]);
  });

  it('says which attribute of an item keeps this server from making it', async () => {
    await createTable();
    await client.send(
      new PutItemCommand({ TableName, Item: { leaseKey: { S: 'a' }, leaseOwner: { N: '1' } } }),
    );
    await expect(createIndex()).rejects.toMatchObject({
      message: expect.stringContaining('leaseOwner that is not of type S'),
    });
    expect((await client.send(new ScanCommand({ TableName }))).Count).toBe(1);
  });
});
