import {
  CreateTableCommand,
  DynamoDBClient,
  ListTablesCommand,
  ListTagsOfResourceCommand,
  PutItemCommand,
  ScanCommand,
} from '@aws-sdk/client-dynamodb';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { GroupStatus } from '../../src/api/group-status.ts';
import { startLocalDynamoDb } from '../../src/dev/dynamodb/server.ts';
import { startLocalKinesis } from '../../src/dev/kinesis/server.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { systemRandom } from '../../src/lib/random.ts';
import { sdkAwsAccount } from '../../src/main/operator/aws-account.ts';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import { MemoryCluster } from '../../src/kubernetes/memory/cluster.ts';
import { runOperator } from '../../src/operator/operator.ts';
import { until } from '../support/until.ts';

/*
 * Groups that any schema takes and that cannot work where they are: only the operator meets that. Each is told in one
 * message, which Ready and its cause share, and leaves no table, no row and no Deployment.
 */

type Server = Awaited<ReturnType<typeof startLocalKinesis>> | Awaited<ReturnType<typeof startLocalDynamoDb>>;

const clock = systemClock;
const cluster = new MemoryCluster({ clock, random: systemRandom });
const stop = new AbortController();
const endpoints = { kinesis: '', dynamodb: '', strictKinesis: '', strictDynamoDb: '' };
let servers: Server[];
let client: DynamoDBClient;
let running: Promise<void>;
let writes: string[];

beforeAll(async () => {
  for (const name of ['AWS_SESSION_TOKEN', 'AWS_PROFILE']) delete process.env[name];
  Object.assign(process.env, { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' });
  const kinesis = await startLocalKinesis({ clock });
  const dynamodb = await startLocalDynamoDb({ clock, log: silentLog });
  const accessKeyIds = ['of-somebody-else'];
  const strictKinesis = await startLocalKinesis({ clock, kinesis: kinesis.kinesis, accessKeyIds });
  const strictDynamoDb = await startLocalDynamoDb({ clock, log: silentLog, accessKeyIds });
  servers = [kinesis, dynamodb, strictKinesis, strictDynamoDb];
  endpoints.kinesis = kinesis.endpoint;
  endpoints.dynamodb = dynamodb.endpoint;
  endpoints.strictKinesis = strictKinesis.endpoint;
  endpoints.strictDynamoDb = strictDynamoDb.endpoint;
  kinesis.kinesis.createStream({ name: 'orders', shardCount: 1 });
  await kinesis.kinesis.whenCreated('orders');
  client = new DynamoDBClient({ region: 'eu-west-1', endpoint: dynamodb.endpoint });
  await createTables();
  writes = [];
  dynamodb.fail((operation) => {
    if (!/^(Describe|List|Query|Scan|GetItem)/.test(operation)) writes.push(operation);
    return undefined;
  });
  running = runOperator(
    {
      cluster,
      aws: sdkAwsAccount(clock),
      clock,
      random: systemRandom,
      log: silentLog,
      options: {
        workerImage: 'kcg:test',
        kinesisEndpoint: kinesis.endpoint,
        dynamodbEndpoint: dynamodb.endpoint,
        pollMs: 200,
      },
    },
    stop.signal,
  );
});

afterAll(async () => {
  stop.abort();
  await running;
  client?.destroy();
  await Promise.all((servers ?? []).map((server) => server.close()));
});

/** One with our key and a row, made by hand; one of another program. */
async function createTables(): Promise<void> {
  const BillingMode = 'PAY_PER_REQUEST';
  const text = (AttributeName: string) => ({ AttributeName, AttributeType: 'S' as const });
  await client.send(
    new CreateTableCommand({
      TableName: 'theirs',
      BillingMode,
      KeySchema: [
        { AttributeName: 'group_id', KeyType: 'HASH' },
        { AttributeName: 'shard_id', KeyType: 'RANGE' },
      ],
      AttributeDefinitions: [text('group_id'), text('shard_id')],
    }),
  );
  await client.send(
    new CreateTableCommand({
      TableName: 'users',
      BillingMode,
      KeySchema: [{ AttributeName: 'user_id', KeyType: 'HASH' }],
      AttributeDefinitions: [text('user_id')],
    }),
  );
  const Item = { group_id: { S: 'shop.theirs' }, shard_id: { S: 'mine' } };
  const put = () => client.send(new PutItemCommand({ TableName: 'theirs', Item })).then(() => true);
  while (!(await put().catch(() => false))) await setTimeout(50);
}

async function apply(name: string, change: Record<string, unknown>): Promise<void> {
  const spec = { stream: { name: 'orders' }, region: 'eu-west-1', handler: { log: {} }, ...change };
  const metadata = { name, namespace: 'shop' };
  const object = { apiVersion: 'kcg.dev/v1alpha1', kind: 'KinesisConsumerGroup', metadata, spec };
  await cluster.apply(KINDS.consumerGroup, object, { fieldManager: 'kubectl', force: true });
}

/** `True reason: message` by type, once there is something to tell. */
async function told(name: string): Promise<Record<string, string>> {
  for (;;) {
    const object = await cluster.get(KINDS.consumerGroup, { namespace: 'shop', name });
    const { conditions = [] } = (object?.status ?? {}) as GroupStatus;
    const lines = conditions.map(({ type, status, reason, message }) => [
      type,
      `${status} ${reason}: ${message}`,
    ]);
    const isTold = conditions.some(
      ({ type, reason }) => type === 'Ready' && !/Unknown$|Creating$/.test(reason),
    );
    const isRegion = conditions.some(({ reason }) => reason === 'RegionUnknown');
    if (isTold || isRegion) return Object.fromEntries(lines) as Record<string, string>;
    await setTimeout(50);
  }
}

const CLOSED = 'http://127.0.0.1:1';
const TABLE = 'kinesis-checkpoints-shop-NAME';
const REACH =
  'Check the endpoint, and that 127.0.0.1:1 can be reached from the pod: network policy, VPC endpoint, proxy.';
const KEYS = "Check the access key, secret and session token of the operator's role.";
const TOKEN = 'The security token included in the request is invalid';

interface Case {
  name: string;
  spec: () => Record<string, unknown>;
  cause: 'StreamReady' | 'TableReady';
  says: string;
  stalled?: boolean;
}

// oxfmt-ignore
const CASES: Case[] = [
  { name: 'a-table-made-by-hand', spec: () => ({ checkpoints: { table: { name: 'theirs' } } }), cause: 'TableReady', stalled: true,
    says: 'False TableNotAdopted: table theirs exists and was not created by kcg: set checkpoints.table.adoption to Always to use it, or delete this KinesisConsumerGroup and apply it again with another checkpoints.table.name' },
  { name: 'a-table-of-another-program', spec: () => ({ checkpoints: { table: { name: 'users', adoption: 'Always' } } }), cause: 'TableReady', stalled: true,
    says: 'False TableSchemaMismatch: table users has the key user_id HASH; leases need group_id HASH, shard_id RANGE (or shard_id HASH): delete this KinesisConsumerGroup and apply it again with another checkpoints.table.name' },
  { name: 'an-external-table-that-is-not-there', spec: () => ({ checkpoints: { table: { name: 'nowhere', management: 'External' } } }), cause: 'TableReady',
    says: 'False TableNotFound: table nowhere does not exist, and checkpoints.table.management is External: create it with the key group_id HASH, shard_id RANGE, or set management to Managed' },
  { name: 'no-region', spec: () => ({ region: undefined }), cause: 'StreamReady', stalled: true,
    says: "False RegionUnknown: no region is known. Set spec.region, use stream.arn, or set the operator's --default-region (KCG_DEFAULT_REGION)." },
  { name: 'a-stream-that-is-not-there', spec: () => ({ stream: { name: 'nowhere' } }), cause: 'StreamReady',
    says: 'False StreamNotFound: Stream nowhere under account 000000000000 not found (stream nowhere in eu-west-1). Create it, which is waited for, or correct spec.stream or spec.region in a new group.' },
  { name: 'kinesis-not-reachable', spec: () => ({ endpoints: { kinesis: CLOSED } }), cause: 'StreamReady',
    says: `Unknown StreamUnreachable: 127.0.0.1:1 cannot be reached (ECONNREFUSED) (stream orders in eu-west-1). ${REACH}` },
  { name: 'dynamodb-not-reachable', spec: () => ({ endpoints: { dynamodb: CLOSED } }), cause: 'TableReady',
    says: `Unknown TableUnreachable: 127.0.0.1:1 cannot be reached (ECONNREFUSED) (table ${TABLE}). ${REACH}` },
  { name: 'wrong-keys-for-kinesis', spec: () => ({ endpoints: { kinesis: endpoints.strictKinesis } }), cause: 'StreamReady',
    says: `Unknown StreamCredentials: kinesis:DescribeStreamSummary was turned away for its credentials: ${TOKEN} (stream orders in eu-west-1). ${KEYS}` },
  { name: 'wrong-keys-for-dynamodb', spec: () => ({ endpoints: { dynamodb: endpoints.strictDynamoDb } }), cause: 'TableReady',
    says: `Unknown TableCredentials: dynamodb:DescribeTable was turned away for its credentials: ${TOKEN} (table ${TABLE}). ${KEYS}` },
];

describe('the operator tells in one message', () => {
  test.concurrent.each(CASES)('$name', async ({ name, spec, cause, says, stalled = false }) => {
    await apply(name, spec());
    const line = says.replace(TABLE, TABLE.replace('NAME', name));
    // A machine that stands still may be told of a call that took too long first.
    const conditions = await until(
      line,
      async () => {
        const all = await told(name);
        return all['Ready'] === line && all;
      },
      300,
      () => told(name),
    );
    expect(conditions[cause]).toBe(line);
    const sentence = line.replace(/^\w+ \w+: /, '');
    // One of the two says whether a person or time is needed, with the same sentence.
    expect(conditions['Stalled']).toContain(stalled ? `True` : 'False NotStalled');
    expect(conditions[stalled ? 'Stalled' : 'Reconciling']).toContain(sentence);
    expect(conditions['Reconciling']).toContain(stalled ? 'False Blocked' : 'True Retrying');
  });
});

test('none of them has left a Deployment, a table, a tag or a row', async () => {
  await setTimeout(1_000);
  expect(await cluster.list(KINDS.deployment)).toEqual([]);
  expect((await client.send(new ListTablesCommand({}))).TableNames).toEqual(['theirs', 'users']);
  expect(writes).toEqual([]);
  const { Items } = await client.send(new ScanCommand({ TableName: 'theirs' }));
  expect(Items).toEqual([{ group_id: { S: 'shop.theirs' }, shard_id: { S: 'mine' } }]);
  const ResourceArn = 'arn:aws:dynamodb:us-east-1:000000000000:table/theirs';
  expect((await client.send(new ListTagsOfResourceCommand({ ResourceArn }))).Tags).toEqual([]);
});

test('a group id that another group has is refused without a row or a Deployment of its own', async () => {
  await apply('first', { groupId: 'shared', checkpoints: { table: { name: 'shared' } } });
  await until('a claim', async () => (await told('first'))['GroupClaimed']?.startsWith('True'));
  const rows = async () => (await client.send(new ScanCommand({ TableName: 'shared' }))).Items;
  const before = await rows();
  await apply('second', { groupId: 'shared', checkpoints: { table: { name: 'shared' } } });
  const conditions = await until('a refusal', async () => {
    const all = await told('second');
    return all['GroupClaimed']?.startsWith('False') && all;
  });
  expect(conditions['Ready']).toBe(
    'False ClaimedByOtherResource: KinesisConsumerGroup shop/first uses this groupId and table. Delete one of them; it can be applied again with another groupId.',
  );
  expect(await rows()).toEqual(before);
  const deployments = await until('a Deployment', async () => {
    const found = await cluster.list(KINDS.deployment);
    return found.length > 0 && found;
  });
  expect(deployments.map(({ metadata }) => metadata.name)).toEqual(['first-worker']);
});
