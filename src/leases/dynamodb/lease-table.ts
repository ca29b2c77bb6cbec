import {
  DeleteItemCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  QueryCommand,
  ScanCommand,
  UpdateItemCommand,
  type AttributeValue as WireValue,
} from '@aws-sdk/client-dynamodb';
import { abortError, withDeadline, type Clock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import { endpointOf, regionOf } from '../../aws/dynamodb-client.ts';
import { translateDynamoDbError } from '../../aws/dynamodb-errors.ts';
import { compileWrite } from './expression.ts';
import { decodeItem, encodeKey } from './item.ts';
import type { LeaseTable, ReadOptions, TableCallOptions } from '../lease-table.ts';
import { WORKER_PREFIX, type Row } from '../row.ts';
import { judgeFailure, type RowWrite, type WriteResult } from '../row-write.ts';

/**
 * `native`: key `group_id` + `shard_id`, many groups share a table. `shard_id`: the key is only `shard_id` (the schema of
 * async-kinesis), the table is one group's, and is listed by Scan.
 */
export type TableLayout = 'native' | 'shard_id';

export interface LeaseTableOptions {
  client: DynamoDBClient;
  /** For writes of worker rows: a beat never waits for a socket that checkpoints hold. Default: `client`. */
  beatClient?: DynamoDBClient;
  clock: Clock;
  tableName: string;
  groupId: string;
  /** Bound of one call, ms; default 2,000. */
  callTimeoutMs?: number;
  /** Whose credentials they are, for error messages. */
  principal?: string;
  /** Told of each request, for metrics and benchmarks. */
  onRequest?: (operation: string) => void;
}

const CALL_TIMEOUT_MS = 2_000;

/**
 * Opens a group's rows in a table, in the layout that the table has; `keySchema`, when known, is not asked for.
 * @throws KcgError `NotFound` when there is no such table, `Conflict` when its key is neither of ours
 */
export async function openLeaseTable(
  { keySchema, ...options }: LeaseTableOptions & { keySchema?: string | undefined },
  signal?: AbortSignal,
): Promise<DynamoDbLeaseTable> {
  const { tableName } = options;
  const keys = keySchema ?? (await keySchemaOf(options, signal));
  if (keys === 'group_id HASH, shard_id RANGE') return new DynamoDbLeaseTable(options, 'native');
  if (keys === 'shard_id HASH') return new DynamoDbLeaseTable(options, 'shard_id');
  throw new KcgError('Conflict', `the key of table ${tableName} is (${keys})`, {
    resource: `table ${tableName}`,
    fix: 'Name a table whose key is group_id + shard_id, or shard_id alone, or let kcg create one.',
  });
}

async function keySchemaOf(options: LeaseTableOptions, signal: AbortSignal | undefined): Promise<string> {
  const { client, tableName: TableName } = options;
  const { Table } = await callsOf(options)('DescribeTable', signal, (abortSignal) =>
    client.send(new DescribeTableCommand({ TableName }), { abortSignal }),
  );
  return (Table?.KeySchema ?? []).map((key) => `${key.AttributeName} ${key.KeyType}`).join(', ');
}

/** The table itself, once its layout is known. */
export class DynamoDbLeaseTable implements LeaseTable {
  readonly layout: TableLayout;
  readonly #options: LeaseTableOptions;
  readonly #call: Call;

  constructor(options: LeaseTableOptions, layout: TableLayout) {
    this.#options = options;
    this.layout = layout;
    this.#call = callsOf(options);
  }

  async query(rows: 'all' | 'workers', { consistent, signal }: ReadOptions): Promise<Row[]> {
    const found: Row[] = [];
    let from: Record<string, WireValue> | undefined;
    do {
      const page = await this.#page(rows, consistent, from, signal);
      for (const item of page.Items ?? []) {
        const row = decodeItem(item);
        if (row) found.push(row);
      }
      from = page.LastEvaluatedKey;
    } while (from);
    return found;
  }

  async get(key: string, { consistent, signal }: ReadOptions): Promise<Row | undefined> {
    const command = new GetItemCommand({ ...this.#at(key), ConsistentRead: consistent });
    const { Item } = await this.#call('GetItem', signal, (abortSignal) =>
      this.#options.client.send(command, { abortSignal }),
    );
    return Item && decodeItem(Item);
  }

  async write(write: RowWrite, { signal }: TableCallOptions = {}): Promise<WriteResult> {
    try {
      return { outcome: 'done', row: await this.#send(write, signal) };
    } catch (thrown) {
      const failed = conditionFailure(thrown);
      if (failed === undefined) throw thrown;
      const row = failed.item
        ? decodeItem(failed.item)
        : await this.get(write.key, { consistent: true, signal });
      return judgeFailure(write, row);
    }
  }

  async #send(write: RowWrite, signal: AbortSignal | undefined): Promise<Row | undefined> {
    const isWorkers = write.key.startsWith(WORKER_PREFIX);
    const client = (isWorkers && this.#options.beatClient) || this.#options.client;
    const compiled = compileWrite(write);
    const common = { ReturnValuesOnConditionCheckFailure: 'ALL_OLD' as const, ...compiled.condition };
    const at = this.#at(write.key);
    if (write.kind === 'delete') {
      const command = new DeleteItemCommand({ ...at, ...common });
      await this.#call('DeleteItem', signal, (abortSignal) => client.send(command, { abortSignal }));
      return undefined;
    }
    if (write.kind === 'put') {
      const Item = { ...compiled.item, ...at.Key };
      const command = new PutItemCommand({ TableName: at.TableName, Item, ...common });
      await this.#call('PutItem', signal, (abortSignal) => client.send(command, { abortSignal }));
      return decodeItem(Item);
    }
    const command = new UpdateItemCommand({ ...at, ...common, ...compiled.update, ReturnValues: 'ALL_NEW' });
    const { Attributes } = await this.#call('UpdateItem', signal, (abortSignal) =>
      client.send(command, { abortSignal }),
    );
    return Attributes && decodeItem(Attributes);
  }

  #page(
    rows: 'all' | 'workers',
    consistent: boolean,
    from: Record<string, WireValue> | undefined,
    signal: AbortSignal | undefined,
  ) {
    const { client, tableName, groupId } = this.#options;
    const base = { TableName: tableName, ConsistentRead: consistent, ExclusiveStartKey: from };
    const onlyWorkers = 'begins_with(shard_id, :prefix)';
    const prefix = { ':prefix': { S: WORKER_PREFIX } };
    if (this.layout === 'shard_id') {
      const filter =
        rows === 'all' ? {} : { FilterExpression: onlyWorkers, ExpressionAttributeValues: prefix };
      const command = new ScanCommand({ ...base, ...filter });
      return this.#call('Scan', signal, (abortSignal) => client.send(command, { abortSignal }));
    }
    const command = new QueryCommand({
      ...base,
      KeyConditionExpression: rows === 'all' ? 'group_id = :group' : `group_id = :group AND ${onlyWorkers}`,
      ExpressionAttributeValues: { ':group': { S: groupId }, ...(rows === 'all' ? {} : prefix) },
    });
    return this.#call('Query', signal, (abortSignal) => client.send(command, { abortSignal }));
  }

  #at(key: string) {
    const { tableName, groupId } = this.#options;
    return { TableName: tableName, Key: encodeKey(key, this.layout === 'native' ? groupId : undefined) };
  }
}

export type Call = <T>(
  operation: string,
  signal: AbortSignal | undefined,
  send: (abortSignal: AbortSignal) => Promise<T>,
) => Promise<T>;

/** Bounds each call in time and translates what it throws; a failed condition goes through as it is. */
export function callsOf(options: Omit<LeaseTableOptions, 'groupId'>): Call {
  const {
    clock,
    tableName,
    callTimeoutMs = CALL_TIMEOUT_MS,
    principal = "the worker's role",
    onRequest,
  } = options;
  return async (operation, signal, send) => {
    onRequest?.(operation);
    const action = `dynamodb:${operation}`;
    try {
      return await withDeadline(clock, callTimeoutMs, { what: action, signal }, send);
    } catch (thrown) {
      if (conditionFailure(thrown)) throw thrown;
      if (signal?.aborted) throw abortError(signal);
      const endpoint = await endpointOf(options.client);
      const region = await regionOf(options.client);
      const resource = `table ${tableName}`;
      throw translateDynamoDbError(thrown, { action, resource, principal, endpoint, region });
    }
  };
}

function conditionFailure(thrown: unknown): { item: Record<string, WireValue> | undefined } | undefined {
  const error = thrown as { name?: string; Item?: Record<string, WireValue> };
  return error?.name === 'ConditionalCheckFailedException' ? { item: error.Item } : undefined;
}
