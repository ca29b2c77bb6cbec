import { regionOfArn } from '../api/arn.ts';
import {
  groupIdOf,
  SHADOW_SUFFIX,
  streamNameOf,
  tableNameOf,
  type KinesisConsumerGroup,
} from '../api/group.ts';

export interface Statement {
  Sid: string;
  Effect: 'Allow';
  Action: string[];
  Resource: string | string[];
  Condition?: Record<string, Record<string, string | string[]>>;
}

export interface Policy {
  Version: '2012-10-17';
  Statement: Statement[];
}

/** Whose account, where nothing of the group says it. */
export interface AwsScope {
  partition: string;
  account: string;
  /** Of groups that name none. */
  region: string;
}

export interface GroupArns {
  stream: string;
  table: string;
}

/** By the group's spec and status, and by `scope` where these say nothing. */
export function arnsOf(group: KinesisConsumerGroup, scope: AwsScope): GroupArns {
  const { spec, status } = group;
  const stream = spec.stream.arn ?? realArn(status?.stream?.arn);
  const region = spec.region ?? regionOfArn(stream) ?? scope.region;
  // The table is in the account of the role, as is a stream that is named without an account.
  const [, partition = scope.partition, , , account = scope.account] = spec.aws?.roleArn.split(':') ?? [];
  return {
    stream: stream ?? `arn:${partition}:kinesis:${region}:${account}:stream/${streamNameOf(group)}`,
    table:
      realArn(status?.table?.arn) ??
      `arn:${partition}:dynamodb:${region}:${account}:table/${tableNameOf(group)}`,
  };
}

/** Undefined of an emulator's, which answers with an account of zeros. */
export function realArn(arn: string | undefined): string | undefined {
  return arn?.includes(':000000000000:') ? undefined : arn;
}

const STREAM_ACTIONS = ['DescribeStreamSummary', 'GetRecords', 'GetShardIterator', 'ListShards'].map(
  (action) => `kinesis:${action}`,
);

const ITEM_ACTIONS = ['DeleteItem', 'DescribeTable', 'GetItem', 'PutItem', 'Query', 'Scan', 'UpdateItem'];

/**
 * What the workers of one group need, and no more.
 * @param sharesTable other groups have rows in its table, so that it has the key of kcg's own tables
 */
export function workerPolicy(
  group: KinesisConsumerGroup,
  scope: AwsScope,
  { sharesTable = false }: { sharesTable?: boolean } = {},
): Policy {
  const { stream, table } = arnsOf(group, scope);
  const { spec } = group;
  const isFanOut = spec.consumer.type === 'EnhancedFanOut';
  // A consumer's ARN ends in when it was made.
  const consumer = `${stream}/consumer/${spec.consumer.name ?? groupIdOf(group)}:*`;
  const statements: Statement[] = [
    allow('Stream', STREAM_ACTIONS, stream),
    ...(isFanOut ? [allow('StreamConsumer', ['kinesis:SubscribeToShard'], consumer)] : []),
    sharesTable ? ownRows(group, table) : allow('Rows', ITEM_ACTIONS.map(inTable), table),
    ...destinationStatements(spec.handler.onFailure),
  ];
  const key = spec.checkpoints.table.encryption?.kmsKeyArn;
  if (key !== undefined) statements.push(...ofKeys('TableKey', ['Decrypt', 'DescribeKey'], [{ key, table }]));
  return { Version: '2012-10-17', Statement: statements };
}

/** A Scan has no leading key, and would show the rows of all; workers need none of such a table. */
function ownRows(group: KinesisConsumerGroup, table: string): Statement {
  const actions = ITEM_ACTIONS.filter((action) => action !== 'Scan').map(inTable);
  const id = groupIdOf(group);
  const Condition = {
    'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': [id, `${id}${SHADOW_SUFFIX}`] },
  };
  return { ...allow('Rows', actions, table), Condition };
}

function inTable(action: string): string {
  return `dynamodb:${action}`;
}

/** A key of the user's own, or an alias of one, and the table that has it. */
interface Keyed {
  key: string;
  table: string;
}

/** Keys used by way of DynamoDB alone, where the tables are. As a resource an alias stands for itself, not for its key. */
function ofKeys(sid: string, actions: readonly string[], keyed: readonly Keyed[]): Statement[] {
  const of = (suffix: string, some: readonly Keyed[], condition: Statement['Condition'] = {}) => {
    const kms = actions.map((action) => `kms:${action}`);
    const keys = some.map(({ key }) => key.replace(/:alias\/.*/, ':key/*'));
    const allowed = statement(`${sid}${suffix}`, kms, keys);
    const hosts = oneOrMany(some.map(dynamoDbOf));
    const Condition = { StringEquals: { 'kms:ViaService': hosts }, ...condition };
    return allowed ? [{ ...allowed, Condition }] : [];
  };
  const aliased = keyed.filter(({ key }) => key.includes(':alias/'));
  const aliases = oneOrMany(aliased.map(({ key }) => key.slice(key.indexOf('alias/'))));
  return [
    ...of(
      '',
      keyed.filter((each) => !aliased.includes(each)),
    ),
    ...of('ByAlias', aliased, { 'ForAnyValue:StringEquals': { 'kms:ResourceAliases': aliases } }),
  ];
}

function dynamoDbOf({ table }: Keyed): string {
  const [, partition, , region] = table.split(':');
  return `dynamodb.${region}.amazonaws.com${partition === 'aws-cn' ? '.cn' : ''}`;
}

function destinationStatements({
  sqs,
  sns,
  s3,
}: KinesisConsumerGroup['spec']['handler']['onFailure']): Statement[] {
  return [
    ...(sqs ? [allow('GivenUpToSqs', ['sqs:SendMessage'], sqs.queueArn)] : []),
    ...(sns ? [allow('GivenUpToSns', ['sns:Publish'], sns.topicArn)] : []),
    ...(s3 ? [allow('GivenUpToS3', ['s3:PutObject'], `${s3.bucketArn}/${s3.prefix ?? ''}*`)] : []),
  ];
}

const ROW_ACTIONS = ['DeleteItem', 'GetItem', 'Query', 'Scan', 'UpdateItem'];
const READ_TABLE = ['DescribeContinuousBackups', 'DescribeTable', 'DescribeTimeToLive', 'ListTagsOfResource'];
const WRITE_TABLE = [
  'CreateTable',
  'TagResource',
  'UntagResource',
  'UpdateContinuousBackups',
  'UpdateTable',
  'UpdateTimeToLive',
];
/** Of who sets a key on a table. */
const KEY_ACTIONS = ['CreateGrant', 'Decrypt', 'DescribeKey', 'Encrypt', 'GenerateDataKey*', 'ReEncrypt*'];

/**
 * What the operator needs for these groups, and for no others: with each new group it is to be made anew. For groups that name a
 * role it needs to assume that; what the role may is `rolePolicy`.
 */
export function operatorPolicy(groups: readonly KinesisConsumerGroup[], scope: AwsScope): Policy {
  const roles = groups.flatMap(({ spec }) => spec.aws?.roleArn ?? []);
  const assumed = statement('Roles', ['sts:AssumeRole'], roles);
  const own = rolePolicy(
    groups.filter(({ spec }) => spec.aws === undefined),
    scope,
  );
  return { ...own, Statement: [...own.Statement, ...(assumed ? [assumed] : [])] };
}

/** What the operator does for these groups, as itself or in a role. */
export function rolePolicy(groups: readonly KinesisConsumerGroup[], scope: AwsScope): Policy {
  const arns = groups.map((group) => ({ group, ...arnsOf(group, scope) }));
  const fanOut = arns.filter(({ group }) => group.spec.consumer.type === 'EnhancedFanOut');
  const managed = arns.filter(({ group }) => group.spec.checkpoints.table.management !== 'External');
  const deleting = managed.filter(({ group }) => group.spec.checkpoints.deletionPolicy === 'Delete');
  const keyed = managed.flatMap(({ group, table }) => {
    const key = group.spec.checkpoints.table.encryption?.kmsKeyArn;
    return key === undefined ? [] : [{ key, table }];
  });
  const consumers = ['DeregisterStreamConsumer', 'DescribeStreamConsumer', 'RegisterStreamConsumer'];
  const tables = ({ table }: GroupArns) => table;
  const statements = [
    statement(
      'Streams',
      ['kinesis:DescribeStreamSummary', 'kinesis:ListShards'],
      arns.map(({ stream }) => stream),
    ),
    statement(
      'StreamsRead',
      ['kinesis:GetRecords', 'kinesis:GetShardIterator'],
      arns.filter(({ group }) => scalesToZero(group)).map(({ stream }) => stream),
    ),
    statement(
      'StreamConsumers',
      consumers.map((action) => `kinesis:${action}`),
      fanOut.flatMap(({ stream }) => [stream, `${stream}/consumer/*`]),
    ),
    statement('TablesRead', READ_TABLE.map(inTable), arns.map(tables)),
    statement('Tables', WRITE_TABLE.map(inTable), managed.map(tables)),
    statement('TablesDelete', ['dynamodb:DeleteTable'], deleting.map(tables)),
    ...ofKeys('TableKeys', KEY_ACTIONS, keyed),
    statement('Rows', ROW_ACTIONS.map(inTable), arns.map(tables)),
    statement('ImportSources', ['dynamodb:DescribeTable', 'dynamodb:Scan'], arns.flatMap(importSource)),
  ];
  return { Version: '2012-10-17', Statement: statements.filter((each) => each !== undefined) };
}

/** Nobody but the operator then looks for records that wait. */
function scalesToZero({ spec: { scaling } }: KinesisConsumerGroup): boolean {
  const { targetLagSeconds, schedules = [] } = scaling;
  return targetLagSeconds !== undefined && [scaling, ...schedules].some((each) => each.minReplicas === 0);
}

/** In the account and region of the group. */
function importSource({ group, table }: GroupArns & { group: KinesisConsumerGroup }): string[] {
  const { importFrom } = group.spec.checkpoints;
  if (importFrom?.table === undefined) return [];
  return [`${table.slice(0, table.indexOf('/'))}/${importFrom.table}`];
}

/** Undefined: of nothing. */
function statement(sid: string, actions: string[], resources: readonly string[]): Statement | undefined {
  return resources.length === 0 ? undefined : allow(sid, actions, oneOrMany(resources));
}

function oneOrMany(values: readonly string[]): string | string[] {
  const distinct = [...new Set(values)].toSorted();
  return distinct.length === 1 ? distinct[0]! : distinct;
}

function allow(Sid: string, Action: string[], Resource: string | string[]): Statement {
  return { Sid, Effect: 'Allow', Action, Resource };
}
