import { PutItemCommand, ScanCommand, type AttributeValue } from '@aws-sdk/client-dynamodb';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { createDynamoDbClient } from '../../../src/aws/dynamodb-client.ts';
import { startLocalDynamoDb, type LocalDynamoDb } from '../../../src/dev/dynamodb/server.ts';
import { ForeignTable } from '../../../src/import/dynamodb/foreign-table.ts';
import { systemClock as clock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { createTable } from '../../support/local-table.ts';

let server: LocalDynamoDb;
let client: ReturnType<typeof createDynamoDbClient>;

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

async function aTable(
  TableName: string,
  keys: string[],
  items: Record<string, AttributeValue>[],
): Promise<void> {
  await createTable(client, TableName, keys);
  for (const Item of items) await client.send(new PutItemCommand({ TableName, Item }));
}

it('brings all attributes of a row but binary ones, and the key of the table', async () => {
  const attributes: Record<string, AttributeValue> = {
    S: { S: 'x' },
    N: { N: '1.0E-6' },
    large: { N: '12345678901234567890' },
    BOOL: { BOOL: false },
    NULL: { NULL: true },
    SS: { SS: ['b', 'a'] },
    L: { L: [{ S: 'x' }, { N: '2' }] },
    M: { M: { cv: { S: '3X' } } },
    B: { B: Buffer.of(1) },
  };
  await aTable(
    'kinds',
    ['StreamID', 'ShardID'],
    [{ StreamID: { S: 's' }, ShardID: { S: '0' }, ...attributes }],
  );
  const { key, rows, source } = await new ForeignTable({ client, clock, tableName: 'kinds' }).read();
  expect({ key, source }).toEqual({ key: { hash: 'StreamID', range: 'ShardID' }, source: 'table kinds' });
  expect(rows).toEqual([
    {
      StreamID: 's',
      ShardID: '0',
      S: 'x',
      N: 1e-6,
      large: '12345678901234567890',
      BOOL: false,
      NULL: null,
      SS: ['a', 'b'],
      L: ['x', 2],
      M: { cv: '3X' },
    },
  ]);
});

it('brings all pages, strongly consistent, with reads alone', async () => {
  const filler = { S: 'x'.repeat(300_000) };
  const items = [0, 1, 2, 3, 4, 5, 6, 7].map((n) => ({ leaseKey: { S: `shardId-00000000000${n}` }, filler }));
  await aTable('pages', ['leaseKey'], items);
  const requests: string[] = [];
  const table = new ForeignTable({
    client,
    clock,
    tableName: 'pages',
    onRequest: (operation) => requests.push(operation),
  });
  expect((await table.read()).rows).toHaveLength(8);
  expect(requests).toEqual(['DescribeTable', 'Scan', 'Scan', 'Scan']);
});

it("reads nothing of a table whose key is nobody's, and no more of another than positions need", async () => {
  const requests: string[] = [];
  const onRequest = (operation: string) => requests.push(operation);
  await aTable('nobodys', ['pk'], [{ pk: { S: 'x' } }]);
  const table = new ForeignTable({ client, clock, tableName: 'nobodys', onRequest });
  expect(await table.read()).toMatchObject({ key: { hash: 'pk' }, rows: [] });
  expect(requests).toEqual(['DescribeTable']);
  const endless = { LastEvaluatedKey: { leaseKey: { S: 'x' } } };
  const Table = { KeySchema: [{ AttributeName: 'leaseKey', KeyType: 'HASH' }] };
  const send = async (command: object) => (command instanceof ScanCommand ? endless : { Table });
  const large = new ForeignTable({ client: { send } as never, clock, tableName: 'large' });
  await expect(large.read()).rejects.toMatchObject({ code: 'InvalidInput', resource: 'table large' });
});

it('says that there is no such table', async () => {
  const read = new ForeignTable({ client, clock, tableName: 'none' }).read();
  await expect(read).rejects.toMatchObject({ code: 'NotFound', resource: 'table none' });
});
