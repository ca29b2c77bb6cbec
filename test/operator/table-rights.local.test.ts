import { GetResourcePolicyCommand, PutResourcePolicyCommand } from '@aws-sdk/client-dynamodb';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createDynamoDbClient } from '../../src/aws/dynamodb-client.ts';
import { startLocalDynamoDb, type LocalDynamoDb } from '../../src/dev/dynamodb/server.ts';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { dynamoDbTableAdmin } from '../../src/table/dynamodb/table-admin.ts';
import { Harness } from './reconcile-harness.ts';

/* The rights that docs/install.md names for tables: each is missed when it is taken away, and no other is used. */

const [operator] = [...readFileSync('docs/install.md', 'utf8').matchAll(/```json\n(.*?)```/gs)].map(
  ([, json = '']) => JSON.parse(json) as { Statement: { Sid: string; Action: string[] }[] },
);
const RIGHTS = operator!.Statement.find(({ Sid }) => Sid === 'Tables')!.Action;
const TABLE = 'kinesis-checkpoints-shop-orders';
const PLAIN = { tags: { team: 'a' }, pointInTimeRecovery: false, deletionProtection: false };

let h: Harness;
let server: LocalDynamoDb;
let client: ReturnType<typeof createDynamoDbClient>;
let denied: string | undefined;

beforeEach(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  server = await startLocalDynamoDb({ clock: systemClock, log: silentLog });
  client = createDynamoDbClient({ region: 'eu-west-1', endpoint: server.endpoint, purpose: 'tables' });
  server.fail((operation) =>
    `dynamodb:${operation}` === denied
      ? { do: 'fail', type: 'AccessDeniedException', message: `not authorized to perform: ${denied}` }
      : undefined,
  );
  h = new Harness();
  const { endpoint } = server;
  h.tables.admin = (tableName) => dynamoDbTableAdmin({ client, clock: systemClock, tableName, endpoint });
  h.kinesis.createStream({ name: 'orders', shardCount: 1 });
  denied = undefined;
});
afterEach(async () => {
  h.close();
  client.destroy();
  await server.close();
  vi.unstubAllEnvs();
});

const create = (table: Record<string, unknown> = PLAIN, deletionPolicy = 'Retain') =>
  h.create({ checkpoints: { table, deletionPolicy } });
const ask = (table: Record<string, unknown>) =>
  h.setGroup((spec) => (spec['checkpoints'] = { table: { ...PLAIN, ...table } }));
const told = async () => {
  const group = await h.cluster.get(KINDS.consumerGroup, { namespace: 'shop', name: 'orders' });
  const { conditions = [] } = (group?.status ?? {}) as { conditions?: { message: string }[] };
  return conditions.map(({ message }) => message).join('\n');
};

/** Looks as the operator does, and faster, until it holds. */
const lookUntil = (holds: () => Promise<void>) =>
  vi.waitFor(
    async () => {
      await h.reconcile().catch(() => {});
      await h.clock.advance(60_000);
      await holds();
    },
    { timeout: 300_000, interval: 50 },
  );
const active = () => lookUntil(async () => expect(await h.condition('TableReady')).toBe('True TableActive'));
const missed = (right: string) =>
  lookUntil(async () => expect(await told()).toMatch(new RegExp(`Allow ${right} on|perform: ${right}`)));

/** What a group does that needs the right, once it runs; without `later` it needs it from its first moment on. */
const NEEDS: Record<string, { later?: () => unknown; table?: Record<string, unknown> }> = {
  CreateTable: {},
  DescribeTable: {},
  DescribeTimeToLive: {},
  ListTagsOfResource: {},
  DescribeContinuousBackups: { table: { ...PLAIN, pointInTimeRecovery: true } },
  UpdateTimeToLive: {},
  TagResource: { later: () => ask({ tags: { team: 'b' } }) },
  UntagResource: { later: () => ask({ tags: {} }) },
  UpdateContinuousBackups: { later: () => ask({ pointInTimeRecovery: true }) },
  UpdateTable: { later: () => ask({ tableClass: 'StandardInfrequentAccess' }) },
};

test.each(Object.entries(NEEDS))(
  'dynamodb:%s is missed, and is enough again',
  async (name, { later, table }) => {
    const right = `dynamodb:${name}`;
    if (!later) denied = right;
    create(table);
    if (later) {
      await active();
      denied = right;
      later();
    }
    await missed(right);
    denied = undefined;
    await active();
    await lookUntil(async () => expect(await told()).not.toContain(right));
  },
);

test('dynamodb:DeleteTable is missed by a group that takes its table along', async () => {
  create({ name: TABLE }, 'Delete');
  await active();
  denied = 'dynamodb:DeleteTable';
  await h.cluster.delete(KINDS.consumerGroup, { namespace: 'shop', name: 'orders' });
  await missed(denied);
  denied = undefined;
  await lookUntil(async () => expect(await h.tables.admin(TABLE).describe()).toBeUndefined());
});

test('they are all that is named, and all that is used; a resource policy stays as it is', async () => {
  expect([...Object.keys(NEEDS), 'DeleteTable'].map((name) => `dynamodb:${name}`).sort()).toEqual(RIGHTS);
  create();
  await active();
  const ResourceArn = (await h.status()).table?.arn;
  await client.send(new PutResourcePolicyCommand({ ResourceArn, Policy: '{"Version":"2012-10-17"}' }));
  ask({
    tags: {},
    deletionProtection: true,
    pointInTimeRecovery: true,
    tableClass: 'StandardInfrequentAccess',
    billing: { mode: 'OnDemand', maxReadRequestUnits: 9 },
    encryption: { awsKey: 'Managed' },
  });
  await active();
  expect(await h.tables.admin(TABLE).describe()).toMatchObject({
    deletionProtection: true,
    pointInTimeRecovery: true,
    tableClass: 'StandardInfrequentAccess',
    billing: { maxReadRequestUnits: 9 },
    kmsKeyArn: expect.stringMatching(/^arn:/),
  });
  const used = [...server.counts.keys()].filter((name) => name !== 'PutResourcePolicy');
  expect(RIGHTS).toEqual(expect.arrayContaining(used.map((name) => `dynamodb:${name}`)));
  const { Policy } = await client.send(new GetResourcePolicyCommand({ ResourceArn }));
  expect(Policy).toBe('{"Version":"2012-10-17"}');
});
