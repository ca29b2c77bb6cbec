import { streamNameOf, tableNameOf, type KinesisConsumerGroup } from '../api/group.ts';

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
  const stream = spec.stream.arn ?? real(status?.stream?.arn);
  const region = spec.region ?? stream?.split(':')[3] ?? scope.region;
  const { partition, account } = scope;
  return {
    stream: stream ?? `arn:${partition}:kinesis:${region}:${account}:stream/${streamNameOf(group)}`,
    table:
      real(status?.table?.arn) ??
      `arn:${partition}:dynamodb:${region}:${account}:table/${tableNameOf(group)}`,
  };
}

/** Emulators answer with an account of zeros. */
function real(arn: string | undefined): string | undefined {
  return arn?.includes(':000000000000:') ? undefined : arn;
}

const STREAM_ACTIONS = ['DescribeStreamSummary', 'GetRecords', 'GetShardIterator', 'ListShards'].map(
  (action) => `kinesis:${action}`,
);

/** What the workers of one group need, and no more. */
export function workerPolicy(group: KinesisConsumerGroup, scope: AwsScope): Policy {
  const { stream, table } = arnsOf(group, scope);
  const { spec } = group;
  const isFanOut = spec.consumer.type === 'EnhancedFanOut';
  const statements: Statement[] = [
    allow('Stream', STREAM_ACTIONS, stream),
    ...(isFanOut ? [allow('StreamConsumer', ['kinesis:SubscribeToShard'], `${stream}/consumer/*`)] : []),
    allow(
      'Rows',
      ['DeleteItem', 'DescribeTable', 'GetItem', 'PutItem', 'Query', 'Scan', 'UpdateItem'].map(inTable),
      table,
    ),
    ...destinationStatements(spec.handler.onFailure),
  ];
  const key = spec.checkpoints.table.encryption?.kmsKeyArn;
  if (key !== undefined) statements.push(tableKey(key, stream));
  return { Version: '2012-10-17', Statement: statements };
}

function inTable(action: string): string {
  return `dynamodb:${action}`;
}

/** A key of the user's own, used by way of DynamoDB alone. */
function tableKey(key: string, stream: string): Statement {
  const [, partition = 'aws', , region = ''] = stream.split(':');
  const host = `dynamodb.${region}.amazonaws.com${partition === 'aws-cn' ? '.cn' : ''}`;
  return {
    ...allow('TableKey', ['kms:Decrypt', 'kms:DescribeKey'], key),
    Condition: { StringEquals: { 'kms:ViaService': host } },
  };
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
  const importing = groups.flatMap(({ spec }) => {
    const from = spec.checkpoints.importFrom as { table?: string } | undefined;
    return from?.table === undefined ? [] : [from.table];
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
      'StreamConsumers',
      consumers.map((action) => `kinesis:${action}`),
      fanOut.flatMap(({ stream }) => [stream, `${stream}/consumer/*`]),
    ),
    statement('TablesRead', READ_TABLE.map(inTable), arns.map(tables)),
    statement('Tables', WRITE_TABLE.map(inTable), managed.map(tables)),
    statement('TablesDelete', ['dynamodb:DeleteTable'], deleting.map(tables)),
    statement('Rows', ROW_ACTIONS.map(inTable), arns.map(tables)),
    statement(
      'ImportSources',
      ['dynamodb:DescribeTable', 'dynamodb:Scan'],
      importing.map(
        (table) => `arn:${scope.partition}:dynamodb:${scope.region}:${scope.account}:table/${table}`,
      ),
    ),
  ];
  return { Version: '2012-10-17', Statement: statements.filter((each) => each !== undefined) };
}

/** Undefined: of nothing. */
function statement(sid: string, actions: string[], resources: readonly string[]): Statement | undefined {
  const distinct = [...new Set(resources)].toSorted();
  if (distinct.length === 0) return undefined;
  return allow(sid, actions, distinct.length === 1 ? distinct[0]! : distinct);
}

function allow(Sid: string, Action: string[], Resource: string | string[]): Statement {
  return { Sid, Effect: 'Allow', Action, Resource };
}
