import { GetItemCommand, PutItemCommand } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { startLocalDynamoDb, type LocalDynamoDb } from '../../../src/dev/dynamodb/server.ts';
import { createDynamoDbClient } from '../../../src/aws/dynamodb-client.ts';
import { openLeaseTable } from '../../../src/leases/dynamodb/lease-table.ts';
import { systemClock as clock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { decodeRows } from '../../../src/leases/group-rows.ts';
import type { LeaseTable } from '../../../src/leases/lease-table.ts';
import { pinStart, takeShard } from '../../../src/leases/transitions.ts';
import { leaseRowContract } from '../../contract/lease-row-contract.ts';
import { leaseTableContract } from '../../contract/lease-table-contract.ts';
import { createTable as createLocalTable } from '../../support/local-table.ts';

const region = 'eu-west-1';
let server: LocalDynamoDb;
let client: ReturnType<typeof createDynamoDbClient>;
let tables = 0;
/** A busy machine may need more than the two seconds that a worker gives a call. */
const place = () => ({ client, clock, callTimeoutMs: 10_000 });

beforeAll(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  server = await startLocalDynamoDb({ clock, log: silentLog, accessKeyIds: ['test'] });
  client = createDynamoDbClient({ region, endpoint: server.endpoint });
});
afterAll(async () => {
  client.destroy();
  await server.close();
  vi.unstubAllEnvs();
});

async function createTable(...keys: string[]): Promise<string> {
  const TableName = `table-${++tables}`;
  await createLocalTable(client, TableName, keys);
  return TableName;
}

describe('a DynamoDB table with the native key', () => {
  let tableName: string;
  beforeAll(async () => {
    tableName = await createTable('group_id', 'shard_id');
  });

  let groups = 0;
  // Each test has a group of its own in one table: a group never sees another's rows.
  const create = () => openLeaseTable({ ...place(), tableName, groupId: `group-${++groups}` });
  leaseTableContract(create);
  leaseRowContract(create);

  it('keeps groups apart', async () => {
    const a = await openLeaseTable({ ...place(), tableName, groupId: 'a' });
    const b = await openLeaseTable({ ...place(), tableName, groupId: 'b' });
    await a.write(pinStart(1));
    expect(await b.query('all', { consistent: true })).toEqual([]);
    expect((await b.write(pinStart(2))).outcome).toBe('done');
  });
});

describe('a DynamoDB table with shard_id alone, as async-kinesis makes it', () => {
  leaseTableContract(async () => {
    const tableName = await createTable('shard_id');
    return openLeaseTable({ ...place(), tableName, groupId: 'any' });
  });

  it('lists by Scan, and opens the table once', async () => {
    const tableName = await createTable('shard_id');
    const operations: string[] = [];
    const onRequest = (operation: string) => operations.push(operation);
    const table = await openLeaseTable({ ...place(), tableName, groupId: 'any', onRequest });
    await table.query('workers', { consistent: false });
    await table.get('shardId-1', { consistent: true });
    await table.write(pinStart(1));
    expect(operations).toEqual(['DescribeTable', 'Scan', 'GetItem', 'UpdateItem']);
  });
});

describe('a table that async-kinesis has written', () => {
  const S = (value: string) => ({ S: value });
  let tableName: string;
  let table: LeaseTable;
  beforeEach(async () => {
    tableName = await createTable('shard_id');
    table = await openLeaseTable({ ...place(), tableName, groupId: 'any' });
  });

  it('a released shard, whose owner is NULL, is free and can be taken', async () => {
    const none = { NULL: true };
    const Item = {
      shard_id: S('shardId-1'),
      ref: none,
      ts: none,
      sequence: S('77'),
      ttl: { N: '1767225600' },
    };
    await client.send(new PutItemCommand({ TableName: tableName, Item }));
    const [lease] = decodeRows(await table.query('all', { consistent: true })).leases;
    expect(lease).toMatchObject({ owner: undefined, epoch: 0, checkpoint: { sequence: '77' } });
    const taken = await table.write(
      takeShard(lease!, { worker: 'pod-1', incarnation: 'a' }, 1_767_225_600_000),
    );
    expect(taken).toMatchObject({ outcome: 'done', row: { ref: 'pod-1/a', sequence: '77' } });
    expect(taken.row).not.toHaveProperty('ttl');
  });

  it('attributes of kinds that leases do not have are not read, and survive a write', async () => {
    const theirs = {
      flag: { BOOL: true },
      list: { L: [S('a')] },
      bytes: { B: Uint8Array.of(1, 2) },
      numbers: { NS: ['1', '2'] },
      mixed: { M: { a: { N: '1' }, b: S('text') } },
    };
    const Item = { shard_id: S('shardId-1'), sequence: S('77'), ...theirs };
    await client.send(new PutItemCommand({ TableName: tableName, Item }));
    const row = await table.get('shardId-1', { consistent: true });
    expect(row).toEqual({ shard_id: 'shardId-1', sequence: '77', mixed: { a: 1 } });
    const lease = { shardId: 'shardId-1', owner: undefined, epoch: 0 };
    await table.write(takeShard(lease, { worker: 'pod-1', incarnation: 'a' }, 0));
    const Key = { shard_id: S('shardId-1') };
    const reading = new GetItemCommand({ TableName: tableName, Key, ConsistentRead: true });
    const bySdk = createDynamoDbClient({ region, endpoint: server.endpoint, hasMiddleware: true });
    const stored = await bySdk.send(reading).finally(() => bySdk.destroy());
    expect(stored.Item).toMatchObject(theirs);
  });
});
