import {
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  ListTagsOfResourceCommand,
  type DynamoDBClient,
  type TableDescription,
} from '@aws-sdk/client-dynamodb';
import { describeError, hasCode } from '../../lib/errors.ts';
import {
  TABLE_STATUSES,
  type ObservedTable,
  type SideSetting,
  type TableItself,
  type TableSides,
} from '../table-admin.ts';

export type TableCall = <T>(
  operation: string,
  signal: AbortSignal | undefined,
  send: (abortSignal: AbortSignal) => Promise<T>,
) => Promise<T>;

interface Look {
  client: DynamoDBClient;
  tableName: string;
  call: TableCall;
  signal: AbortSignal | undefined;
  /** Known, and not read. */
  sides?: TableSides | undefined;
}

/** Four reads: the table, its time to live, its tags and its backups. Undefined when there is no such table. */
export async function describeTable(look: Look): Promise<ObservedTable | undefined> {
  const table = await readTable(look);
  if (!table) return undefined;
  if (look.sides) return { ...settingsOf(table), ...sidesOf(look.sides) };
  const unread: Partial<Record<SideSetting, string>> = {};
  const side = async <T>(setting: SideSetting, unknown: T, reading: Promise<T>): Promise<T> => {
    try {
      return await reading;
    } catch (thrown) {
      if (!cannotBeRead(thrown)) throw thrown;
      unread[setting] = describeError(thrown);
      return unknown;
    }
  };
  const [ttl, tags, pointInTimeRecovery] = await Promise.all([
    side('ttl', { ttlAttribute: '' }, readTtl(look)),
    side('tags', {}, readTags(look, table.TableArn ?? '')),
    side('pointInTimeRecovery', false, readBackups(look)),
  ]);
  const observed = { ...settingsOf(table), ...ttl, tags, pointInTimeRecovery };
  return Object.keys(unread).length > 0 ? { ...observed, unread } : observed;
}

function sidesOf({ ttlAttribute, isTtlEnding, tags, pointInTimeRecovery }: TableSides): TableSides {
  return { ttlAttribute, ...(isTtlEnding ? { isTtlEnding } : {}), tags, pointInTimeRecovery };
}

async function readTable({ client, tableName, call, signal }: Look): Promise<TableDescription | undefined> {
  const command = new DescribeTableCommand({ TableName: tableName });
  try {
    const answer = await call('DescribeTable', signal, (abortSignal) =>
      client.send(command, { abortSignal }),
    );
    return answer.Table;
  } catch (thrown) {
    if (hasCode(thrown, 'NotFound')) return undefined;
    throw thrown;
  }
}

async function readTtl({
  client,
  tableName,
  call,
  signal,
}: Look): Promise<Pick<ObservedTable, 'ttlAttribute' | 'isTtlEnding'>> {
  const command = new DescribeTimeToLiveCommand({ TableName: tableName });
  const answer = await call('DescribeTimeToLive', signal, (abortSignal) =>
    client.send(command, { abortSignal }),
  );
  const ttl = answer.TimeToLiveDescription;
  // While it is being switched off, for up to an hour, it can be set to nothing else.
  const isOff = ttl?.TimeToLiveStatus === undefined || ttl.TimeToLiveStatus === 'DISABLED';
  if (isOff) return { ttlAttribute: '' };
  const isTtlEnding = ttl.TimeToLiveStatus === 'DISABLING';
  return { ttlAttribute: ttl.AttributeName ?? '', ...(isTtlEnding ? { isTtlEnding } : {}) };
}

async function readTags({ client, call, signal }: Look, ResourceArn: string) {
  const tags: Record<string, string> = {};
  let NextToken: string | undefined;
  do {
    const command = new ListTagsOfResourceCommand({ ResourceArn, ...(NextToken ? { NextToken } : {}) });
    const page = await call('ListTagsOfResource', signal, (abortSignal) =>
      client.send(command, { abortSignal }),
    );
    for (const { Key = '', Value = '' } of page.Tags ?? []) tags[Key] = Value;
    NextToken = page.NextToken;
  } while (NextToken);
  return tags;
}

async function readBackups({ client, tableName, call, signal }: Look): Promise<boolean> {
  const command = new DescribeContinuousBackupsCommand({ TableName: tableName });
  const answer = await call('DescribeContinuousBackups', signal, (abortSignal) =>
    client.send(command, { abortSignal }),
  );
  const recovery = answer.ContinuousBackupsDescription?.PointInTimeRecoveryDescription;
  return recovery?.PointInTimeRecoveryStatus === 'ENABLED';
}

/**
 * Forbidden, or an emulator does not have it, or the table is too new or too old for it. What is merely out of reach for
 * now fails the whole look instead.
 */
function cannotBeRead(thrown: unknown): boolean {
  return hasCode(thrown, 'AccessDenied', 'NotFound', 'Unsupported');
}

/** What a description of a table says of it. */
export function settingsOf(table: TableDescription): TableItself {
  const capacity = table.ProvisionedThroughput;
  const replicas = replicasOf(table);
  const onDemand = table.BillingModeSummary?.BillingMode === 'PAY_PER_REQUEST';
  return {
    name: table.TableName ?? '',
    arn: table.TableArn ?? '',
    status: TABLE_STATUSES.find((status) => status === table.TableStatus) ?? 'OTHER',
    keySchema: (table.KeySchema ?? []).map((key) => `${key.AttributeName} ${key.KeyType}`).join(', '),
    createdAt: table.CreationDateTime?.getTime() ?? 0,
    billing: onDemand
      ? { mode: 'OnDemand', ...ceilings(table) }
      : {
          mode: 'Provisioned',
          readCapacityUnits: capacity?.ReadCapacityUnits ?? 0,
          writeCapacityUnits: capacity?.WriteCapacityUnits ?? 0,
        },
    deletionProtection: table.DeletionProtectionEnabled ?? false,
    kmsKeyArn: table.SSEDescription?.KMSMasterKeyArn,
    ...(isReencrypting(table) ? { isReencrypting: true } : {}),
    ...(replicas.length > 0 ? { replicas } : {}),
    tableClass:
      table.TableClassSummary?.TableClass === 'STANDARD_INFREQUENT_ACCESS'
        ? 'StandardInfrequentAccess'
        : 'Standard',
  };
}

/** One that was taken away is shown as -1 for a moment. */
function ceilings({ OnDemandThroughput: most }: TableDescription) {
  const of = (units: number | undefined) => (units === undefined || units < 0 ? undefined : units);
  const [maxReadRequestUnits, maxWriteRequestUnits] = [
    of(most?.MaxReadRequestUnits),
    of(most?.MaxWriteRequestUnits),
  ];
  return {
    ...(maxReadRequestUnits === undefined ? {} : { maxReadRequestUnits }),
    ...(maxWriteRequestUnits === undefined ? {} : { maxWriteRequestUnits }),
  };
}

function isReencrypting({ SSEDescription }: TableDescription): boolean {
  return ['ENABLING', 'DISABLING', 'UPDATING'].includes(SSEDescription?.Status ?? '');
}

/** Of the first version of global tables a table tells its version alone. */
function replicasOf({ Replicas = [], GlobalTableVersion }: TableDescription): string[] {
  const regions = Replicas.map(({ RegionName }) => RegionName ?? 'a region without a name');
  return regions.length === 0 && GlobalTableVersion === '2017.11.29' ? ['other regions'] : regions;
}
