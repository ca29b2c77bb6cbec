import { CreateTableCommand, DescribeTableCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { startLocalDynamoDb, type LocalDynamoDb } from '../../src/dev/local-dynamodb-server.ts';
import { createDynamoDbClient, openLeaseTable } from '../../src/leases/dynamodb-lease-table.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { pinStart } from '../../src/leases/transitions.ts';
import { leaseTableContract } from '../contract/lease-table-contract.ts';

let server: LocalDynamoDb;
let client: ReturnType<typeof createDynamoDbClient>;
let tables = 0;

beforeAll(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  server = await startLocalDynamoDb({ clock, log: silentLog, accessKeyIds: ['test'] });
  client = createDynamoDbClient({ region: 'eu-west-1', endpoint: server.endpoint });
});
afterAll(async () => {
  client.destroy();
  await server.close();
  vi.unstubAllEnvs();
});

async function createTable(...keys: string[]): Promise<string> {
  const TableName = `table-${++tables}`;
  await client.send(
    new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: keys.map((AttributeName, i) => ({ AttributeName, KeyType: i === 0 ? 'HASH' : 'RANGE' })),
      AttributeDefinitions: keys.map((AttributeName) => ({ AttributeName, AttributeType: 'S' })),
    }),
  );
  await vi.waitFor(async () => {
    const { Table } = await client.send(new DescribeTableCommand({ TableName }));
    expect(Table?.TableStatus).toBe('ACTIVE');
  }, 10_000);
  return TableName;
}

describe('a DynamoDB table with the native key', () => {
  let tableName: string;
  beforeAll(async () => {
    tableName = await createTable('group_id', 'shard_id');
  });

  let groups = 0;
  // Each test has a group of its own in one table: a group never sees another's rows.
  leaseTableContract(() => openLeaseTable({ client, clock, tableName, groupId: `group-${++groups}` }));

  it('keeps groups apart', async () => {
    const a = await openLeaseTable({ client, clock, tableName, groupId: 'a' });
    const b = await openLeaseTable({ client, clock, tableName, groupId: 'b' });
    await a.write(pinStart(1));
    expect(await b.query('all', { consistent: true })).toEqual([]);
    expect((await b.write(pinStart(2))).outcome).toBe('done');
  });
});

describe('a DynamoDB table with shard_id alone, as async-kinesis makes it', () => {
  leaseTableContract(async () => {
    const tableName = await createTable('shard_id');
    return openLeaseTable({ client, clock, tableName, groupId: 'any' });
  });
});

describe('trouble with the table', () => {
  it('a missing table is NotFound and named', async () => {
    const opening = openLeaseTable({ client, clock, tableName: 'nowhere', groupId: 'g' });
    await expect(opening).rejects.toMatchObject({ code: 'NotFound', resource: 'table nowhere' });
  });

  it('a table with another key is refused with what is needed', async () => {
    const tableName = await createTable('leaseKey');
    const opening = openLeaseTable({ client, clock, tableName, groupId: 'g' });
    await expect(opening).rejects.toThrow('the key of table');
  });

  it('an endpoint nobody listens on is Unavailable and named', async () => {
    const nowhere = createDynamoDbClient({ region: 'eu-west-1', endpoint: 'http://127.0.0.1:9' });
    const opening = openLeaseTable({ client: nowhere, clock, tableName: 't', groupId: 'g' });
    await expect(opening).rejects.toMatchObject({
      code: 'Unavailable',
      message: expect.stringContaining('127.0.0.1:9'),
    });
    nowhere.destroy();
  });

  it('wrong credentials are Credentials', async () => {
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'stranger');
    const stranger = createDynamoDbClient({ region: 'eu-west-1', endpoint: server.endpoint });
    const opening = openLeaseTable({ client: stranger, clock, tableName: 't', groupId: 'g' });
    await expect(opening).rejects.toMatchObject({ code: 'Credentials' });
    stranger.destroy();
    vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  });
});
