import {
  CreateTableCommand,
  DescribeTableCommand,
  UpdateItemCommand,
  UpdateTimeToLiveCommand,
  type AttributeValue,
} from '@aws-sdk/client-dynamodb';
import { callsOf, type Call } from '../../leases/dynamodb/lease-table.ts';
import { KcgError } from '../../lib/errors.ts';
import type { ExportProgram, ExportRow, ExportValue } from '../export/export-plan.ts';
import type { ForeignTableOptions } from './foreign-table.ts';

/** The one key of the program's table. */
export const EXPORT_KEYS: Record<ExportProgram, string> = { kcl: 'leaseKey', 'async-kinesis': 'shard_id' };
const ACTIVE_TIMEOUT_MS = 120_000;
const LOOK_MS = 500;

/** Another consumer's table, to write positions into; `client` stays the caller's. */
export class ExportTable {
  readonly #options: ForeignTableOptions;
  readonly #program: ExportProgram;
  readonly #call: Call;

  constructor(program: ExportProgram, options: ForeignTableOptions) {
    this.#program = program;
    this.#options = options;
    this.#call = callsOf(options);
  }

  /**
   * As the program makes it, on demand; with TTL where it has that. Resolves when it is active.
   * @throws KcgError `Conflict` when somebody made it meanwhile
   */
  async create(signal: AbortSignal): Promise<void> {
    const { client, tableName: TableName, clock } = this.#options;
    const AttributeName = EXPORT_KEYS[this.#program];
    const create = new CreateTableCommand({
      TableName,
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [{ AttributeName, KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName, AttributeType: 'S' }],
    });
    await this.#call('CreateTable', signal, (abortSignal) => client.send(create, { abortSignal }));
    const until = clock.monotonic() + ACTIVE_TIMEOUT_MS;
    for (;;) {
      const { Table } = await this.#call('DescribeTable', signal, (abortSignal) =>
        client.send(new DescribeTableCommand({ TableName }), { abortSignal }),
      );
      if (Table?.TableStatus === 'ACTIVE') break;
      if (clock.monotonic() > until) {
        throw new KcgError('Timeout', `table ${TableName} is not active after two minutes`, {
          fix: 'Export again when it is.',
        });
      }
      await clock.sleep(LOOK_MS, { signal });
    }
    if (this.#program !== 'async-kinesis') return;
    const ttl = new UpdateTimeToLiveCommand({
      TableName,
      TimeToLiveSpecification: { Enabled: true, AttributeName: 'ttl' },
    });
    await this.#call('UpdateTimeToLive', signal, (abortSignal) => client.send(ttl, { abortSignal }));
  }

  /** @throws KcgError `Conflict` when the row is not as it was read: the other program runs */
  async write({ key, set, remove, add = {}, before }: ExportRow, signal: AbortSignal): Promise<void> {
    const { client, tableName: TableName } = this.#options;
    const names: Record<string, string> = {};
    const values: Record<string, AttributeValue> = {};
    const name = (attribute: string) => {
      names[`#${attribute}`] = attribute;
      return `#${attribute}`;
    };
    const value = (of: ExportValue) => {
      const placeholder = `:v${Object.keys(values).length}`;
      values[placeholder] = encode(of);
      return placeholder;
    };
    const clauses = [
      `SET ${Object.entries(set)
        .map(([attribute, of]) => `${name(attribute)} = ${value(of)}`)
        .join(', ')}`,
      ...(remove.length === 0 ? [] : [`REMOVE ${remove.map(name).join(', ')}`]),
      ...Object.entries(add).map(([attribute, of]) => `ADD ${name(attribute)} ${value(of)}`),
    ];
    const conditions = before
      ? Object.entries(before).map(([attribute, of]) => `${name(attribute)} = ${value(of)}`)
      : [`attribute_not_exists(${name(EXPORT_KEYS[this.#program])})`];
    const command = new UpdateItemCommand({
      TableName,
      Key: { [EXPORT_KEYS[this.#program]]: { S: key } },
      UpdateExpression: clauses.join(' '),
      ConditionExpression: conditions.join(' AND '),
      ExpressionAttributeNames: names,
      ExpressionAttributeValues: values,
    });
    try {
      await this.#call('UpdateItem', signal, (abortSignal) => client.send(command, { abortSignal }));
    } catch (thrown) {
      if (!(thrown instanceof Error) || thrown.name !== 'ConditionalCheckFailedException') throw thrown;
      throw new KcgError('Conflict', `the row ${key} of table ${TableName} was changed meanwhile`, {
        cause: thrown,
        resource: `table ${TableName}`,
        fix: 'Stop the other consumer, and export again.',
      });
    }
  }
}

function encode(value: ExportValue): AttributeValue {
  if (value === null) return { NULL: true };
  if (typeof value === 'string') return { S: value };
  if (typeof value === 'number') return { N: String(value) };
  return { SS: [...value] };
}
