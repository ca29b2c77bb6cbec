import type { Answer, Json } from './backend.ts';
import { DynamoDbFailure } from './failure.ts';

type Call = (operation: string, input: Json) => Promise<Answer>;
type Item = Record<string, Record<string, unknown>>;
interface Index {
  IndexName: string;
  KeySchema: Key[];
  Projection: unknown;
  ProvisionedThroughput?: Json;
}
interface Key {
  AttributeName: string;
}
interface Attribute {
  AttributeName: string;
  AttributeType: string;
}
interface Table extends Json {
  TableName: string;
  TableStatus: string;
  TableId: string;
  CreationDateTime: number;
  BillingModeSummary?: { BillingMode: string };
  AttributeDefinitions: Attribute[];
  KeySchema: Key[];
  ProvisionedThroughput: Json;
  GlobalSecondaryIndexes?: Index[];
  LocalSecondaryIndexes?: Index[];
}
interface Update {
  Create?: Index;
  Delete?: { IndexName: string };
}

/** Whether an UpdateTable makes or removes indexes, which dynalite checks and then does not do. */
export function changesIndexes(request: Json): boolean {
  return updatesOf(request).some((update) => update.Create ?? update.Delete);
}

/**
 * Makes and removes global secondary indexes of a table that is there: dynalite knows them only at creation, so the
 * table is made again, with its items, while nobody else may call. Returns what is left to update, and the table's old
 * identity.
 * @throws DynamoDbFailure as the service words it; the table is untouched then
 */
export async function changeIndexes(
  call: Call,
  request: Json,
): Promise<{ rest: Json; identity: Pick<Table, 'TableId' | 'CreationDateTime'> }> {
  const { TableName } = request;
  const table = succeeded(await call('DescribeTable', { TableName }))['Table'] as Table;
  if (table.TableStatus !== 'ACTIVE') {
    const message = `Attempt to change a resource which is still in use: Table is being updated: ${table.TableName}`;
    throw new DynamoDbFailure('ResourceInUseException', message);
  }
  const definition = definitionWith(table, request);
  // With a table of this name in place it is only checked.
  const check = await call('CreateTable', definition);
  if (!String(check.body['__type']).endsWith('#ResourceInUseException')) succeeded(check);
  const items = await itemsOf(call, TableName);
  requireTypes(items, definition['AttributeDefinitions'] as Attribute[]);

  succeeded(await call('DeleteTable', { TableName }));
  await until(call, TableName, (found) => found === undefined);
  succeeded(await call('CreateTable', definition));
  await until(call, TableName, (found) => found?.TableStatus === 'ACTIVE');
  await putAll(call, table.TableName, items);
  const others = updatesOf(request).filter((update) => !update.Create && !update.Delete);
  const { GlobalSecondaryIndexUpdates: _, AttributeDefinitions: __, ...rest } = request;
  return {
    rest: others.length > 0 ? { ...rest, GlobalSecondaryIndexUpdates: others } : rest,
    identity: { TableId: table.TableId, CreationDateTime: table.CreationDateTime },
  };
}

const updatesOf = (request: Json): Update[] =>
  (request['GlobalSecondaryIndexUpdates'] as Update[] | undefined) ?? [];

/** CreateTable's input for the table as it is to be. */
function definitionWith(table: Table, request: Json): Json {
  const onDemand = table.BillingModeSummary?.BillingMode === 'PAY_PER_REQUEST';
  const indexes = new Map(
    (table.GlobalSecondaryIndexes ?? []).map((index) => [index.IndexName, plain(index)]),
  );
  for (const { Create, Delete } of updatesOf(request)) {
    if (Create && indexes.has(Create.IndexName)) {
      const message = `Attempting to create an index which already exists: ${Create.IndexName}`;
      throw new DynamoDbFailure('ValidationException', message);
    }
    if (Create) indexes.set(Create.IndexName, Create);
    if (Delete && !indexes.delete(Delete.IndexName)) {
      const message = `Requested resource not found: Index: ${Delete.IndexName}`;
      throw new DynamoDbFailure('ResourceNotFoundException', message);
    }
  }
  const local = table.LocalSecondaryIndexes ?? [];
  const keys = [table.KeySchema, ...[...indexes.values(), ...local].map((index) => index.KeySchema)].flat();
  const used = new Set(keys.map(({ AttributeName }) => AttributeName));
  const given = (request['AttributeDefinitions'] ?? []) as Attribute[];
  const types = new Map([...table.AttributeDefinitions, ...given].map((each) => [each.AttributeName, each]));
  return {
    TableName: table.TableName,
    KeySchema: table.KeySchema,
    AttributeDefinitions: [...types.values()].filter(({ AttributeName }) => used.has(AttributeName)),
    ...(onDemand
      ? { BillingMode: 'PAY_PER_REQUEST' }
      : { ProvisionedThroughput: throughput(table.ProvisionedThroughput) }),
    ...(indexes.size > 0 ? { GlobalSecondaryIndexes: [...indexes.values()] } : {}),
    ...(local.length > 0
      ? {
          LocalSecondaryIndexes: local.map(({ IndexName, KeySchema, Projection }) => ({
            IndexName,
            KeySchema,
            Projection,
          })),
        }
      : {}),
  };
}

/** An index without what the service adds to its description. */
function plain({ IndexName, KeySchema, Projection, ProvisionedThroughput }: Index): Index {
  const provisioned = ProvisionedThroughput?.['ReadCapacityUnits'] !== 0;
  return {
    IndexName,
    KeySchema,
    Projection,
    ...(provisioned && ProvisionedThroughput
      ? { ProvisionedThroughput: throughput(ProvisionedThroughput) }
      : {}),
  };
}

const throughput = ({ ReadCapacityUnits, WriteCapacityUnits }: Json): Json => ({
  ReadCapacityUnits,
  WriteCapacityUnits,
});

/** The service leaves items whose attribute has another type out of the index; dynalite would not take them back. */
function requireTypes(items: readonly Item[], attributes: readonly Attribute[]): void {
  for (const { AttributeName, AttributeType } of attributes) {
    const other = items.find((item) => item[AttributeName] && !(AttributeType in item[AttributeName]));
    if (!other) continue;
    const message = `An item has a ${AttributeName} that is not of type ${AttributeType}: this local server cannot make the index. Correct or delete the item.`;
    throw new DynamoDbFailure('ValidationException', message);
  }
}

async function itemsOf(call: Call, TableName: unknown): Promise<Item[]> {
  const items: Item[] = [];
  let ExclusiveStartKey: unknown;
  do {
    const page = succeeded(
      await call('Scan', {
        TableName,
        ConsistentRead: true,
        ...(ExclusiveStartKey ? { ExclusiveStartKey } : {}),
      }),
    );
    items.push(...(page['Items'] as Item[]));
    ExclusiveStartKey = page['LastEvaluatedKey'];
  } while (ExclusiveStartKey);
  return items;
}

async function putAll(call: Call, TableName: string, items: readonly Item[]): Promise<void> {
  for (const Item of items) succeeded(await call('PutItem', { TableName, Item }));
}

/** Asks again and again: each answer takes a turn of the server, and the state changes within 100 ms. */
async function until(
  call: Call,
  TableName: unknown,
  is: (table: Table | undefined) => boolean,
): Promise<void> {
  for (;;) {
    const { body } = await call('DescribeTable', { TableName });
    if (is(body['Table'] as Table | undefined)) return;
  }
}

function succeeded({ status, body }: Answer): Json {
  if (status === 200) return body;
  throw new DynamoDbFailure(String(body['__type']).split('#').at(-1) ?? '', String(body['message']), status);
}
