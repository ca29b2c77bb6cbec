import {
  CreateTableCommand,
  DeleteTableCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateContinuousBackupsCommand,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
  type DynamoDBClient,
} from '@aws-sdk/client-dynamodb';
import { regionOf } from '../../aws/dynamodb-client.ts';
import { translateDynamoDbError } from '../../aws/dynamodb-errors.ts';
import { assert } from '../../lib/assert.ts';
import { abortError, withDeadline, type Clock } from '../../lib/clock.ts';
import { describeError, hasCode } from '../../lib/errors.ts';
import { describeTable, settingsOf, type TableCall } from './table-description.ts';
import type { NewTable, TableAdmin, TableBilling, TableClass, TableKey, TableStep } from '../table-admin.ts';

export interface TableAdminOptions {
  client: DynamoDBClient;
  clock: Clock;
  tableName: string;
  endpoint?: string | undefined;
  /** Whose credentials they are, for error messages; default: the operator's role. */
  principal?: string;
  /** Awaited before each call, outside of its time limit. */
  beforeCall?: (operation: string, signal: AbortSignal | undefined) => Promise<void>;
}

const CALL_TIMEOUT_MS = 5_000;

/** The port over the AWS SDK. The client is the caller's to close. */
export function dynamoDbTableAdmin(options: TableAdminOptions): TableAdmin {
  const { client, tableName } = options;
  let arn: string | undefined;

  const call = callsOf(options);

  return {
    async describe({ signal, sides } = {}) {
      const table = await describeTable({ client, tableName, call, signal, sides });
      if (table) arn = table.arn;
      return table;
    },

    async apply(step, { signal, onMade } = {}) {
      const isTagging = step.do === 'tag' || step.do === 'untag';
      assert(arn !== undefined || !isTagging, 'tags go by ARN: describe the table first');
      const [operation, command] = commandOf(step, tableName, arn ?? '');
      try {
        const answer = await call(operation, signal, (abortSignal) =>
          client.send(command as CreateTableCommand, { abortSignal }),
        );
        const { TableDescription: made } = answer;
        if (step.do !== 'create' || !made) return 'done';
        arn = made.TableArn;
        onMade?.(settingsOf(made));
        return 'done';
      } catch (thrown) {
        // The table is there, or gone, already: somebody else was first, and the next look shows what they did.
        if (step.do === 'create' && hasCode(thrown, 'Conflict')) return 'raced';
        if (step.do === 'delete' && hasCode(thrown, 'NotFound')) return 'raced';
        if (step.do === 'enable ttl' && /already enabled/.test(describeError(thrown))) return 'raced';
        if (step.do === 'disable ttl' && /already disabled/.test(describeError(thrown))) return 'raced';
        if (hasCode(thrown, 'Unsupported') && step.do !== 'create' && step.do !== 'delete') return 'unknown';
        throw thrown;
      }
    },
  };
}

/** Bounds each call in time and translates what it throws. */
function callsOf({
  client,
  clock,
  tableName,
  endpoint,
  principal = "the operator's role",
  beforeCall,
}: TableAdminOptions): TableCall {
  return async (operation, signal, send) => {
    const action = `dynamodb:${operation}`;
    try {
      await beforeCall?.(operation, signal);
      return await withDeadline(clock, CALL_TIMEOUT_MS, { what: action, signal }, send);
    } catch (thrown) {
      if (signal?.aborted) throw abortError(signal);
      throw translateDynamoDbError(thrown, {
        action,
        resource: `table ${tableName}`,
        principal,
        endpoint,
        region: await regionOf(client),
      });
    }
  };
}

function commandOf(
  step: TableStep,
  TableName: string,
  ResourceArn: string,
): [operation: string, command: object] {
  switch (step.do) {
    case 'create':
      return ['CreateTable', createCommand(TableName, step.table)];
    case 'enable ttl':
    case 'disable ttl': {
      const TimeToLiveSpecification = { Enabled: step.do === 'enable ttl', AttributeName: step.attribute };
      return ['UpdateTimeToLive', new UpdateTimeToLiveCommand({ TableName, TimeToLiveSpecification })];
    }
    case 'tag':
      return ['TagResource', new TagResourceCommand({ ResourceArn, Tags: tagList(step.tags) })];
    case 'untag':
      return ['UntagResource', new UntagResourceCommand({ ResourceArn, TagKeys: [...step.keys] })];
    case 'set point-in-time recovery': {
      const PointInTimeRecoverySpecification = { PointInTimeRecoveryEnabled: step.enabled };
      const command = new UpdateContinuousBackupsCommand({ TableName, PointInTimeRecoverySpecification });
      return ['UpdateContinuousBackups', command];
    }
    case 'set deletion protection':
      return ['UpdateTable', new UpdateTableCommand({ TableName, DeletionProtectionEnabled: step.enabled })];
    case 'set billing':
      return ['UpdateTable', new UpdateTableCommand({ TableName, ...billing(step.billing) })];
    case 'set table class':
      return ['UpdateTable', new UpdateTableCommand({ TableName, TableClass: wireClass(step.tableClass) })];
    case 'set encryption':
      return ['UpdateTable', new UpdateTableCommand({ TableName, SSESpecification: encryption(step.key) })];
    case 'delete':
      return ['DeleteTable', new DeleteTableCommand({ TableName })];
  }
}

function createCommand(TableName: string, table: NewTable): CreateTableCommand {
  return new CreateTableCommand({
    TableName,
    KeySchema: [
      { AttributeName: 'group_id', KeyType: 'HASH' },
      { AttributeName: 'shard_id', KeyType: 'RANGE' },
    ],
    AttributeDefinitions: [
      { AttributeName: 'group_id', AttributeType: 'S' },
      { AttributeName: 'shard_id', AttributeType: 'S' },
    ],
    ...billing(table.billing),
    Tags: tagList(table.tags),
    DeletionProtectionEnabled: table.deletionProtection,
    TableClass: wireClass(table.tableClass),
    ...(table.key ? { SSESpecification: encryption(table.key) } : {}),
  });
}

function billing(wanted: TableBilling) {
  if (wanted.mode === 'OnDemand') {
    const { maxReadRequestUnits: MaxReadRequestUnits, maxWriteRequestUnits: MaxWriteRequestUnits } = wanted;
    // DynamoDB answers an empty one with a failure of its own.
    const isEmpty = MaxReadRequestUnits === undefined && MaxWriteRequestUnits === undefined;
    const OnDemandThroughput = { MaxReadRequestUnits, MaxWriteRequestUnits };
    return { BillingMode: 'PAY_PER_REQUEST' as const, ...(isEmpty ? {} : { OnDemandThroughput }) };
  }
  const { readCapacityUnits: ReadCapacityUnits, writeCapacityUnits: WriteCapacityUnits } = wanted;
  return {
    BillingMode: 'PROVISIONED' as const,
    ProvisionedThroughput: { ReadCapacityUnits, WriteCapacityUnits },
  };
}

function wireClass(tableClass: TableClass) {
  return tableClass === 'Standard' ? ('STANDARD' as const) : ('STANDARD_INFREQUENT_ACCESS' as const);
}

function encryption(key: TableKey) {
  const on = { Enabled: true, SSEType: 'KMS' as const };
  if ('kmsKeyArn' in key) return { ...on, KMSMasterKeyId: key.kmsKeyArn };
  return key.awsKey === 'Managed' ? on : { Enabled: false };
}

function tagList(tags: Readonly<Record<string, string>>) {
  return Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));
}
