import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { startLocalDynamoDb, type LocalDynamoDb } from '../../../src/dev/dynamodb/server.ts';
import { createDynamoDbClient } from '../../../src/aws/dynamodb-client.ts';
import { systemClock as clock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { dynamoDbTableAdmin } from '../../../src/table/dynamodb/table-admin.ts';
import { planTable } from '../../../src/table/plan-table.ts';
import type { TableAdmin, TableStep } from '../../../src/table/table-admin.ts';
import { tableAdminContract } from '../../contract/table-admin-contract.ts';

let server: LocalDynamoDb;
let client: ReturnType<typeof createDynamoDbClient>;
let tables = 0;

beforeAll(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  server = await startLocalDynamoDb({ clock, log: silentLog });
  client = createDynamoDbClient({ region: 'eu-west-1', endpoint: server.endpoint, purpose: 'tables' });
});
afterEach(() => server.fail());
afterAll(async () => {
  client.destroy();
  await server.close();
  vi.unstubAllEnvs();
});

const adminOf = (tableName: string): TableAdmin =>
  dynamoDbTableAdmin({ client, clock, tableName, endpoint: server.endpoint });

describe('DynamoDB tables', () => {
  tableAdminContract(async () => {
    const name = `table-${++tables}`;
    return { admin: adminOf(name), other: adminOf(name) };
  });
});

const desired = (name: string) => ({
  name,
  management: 'Managed' as const,
  adoption: 'IfOurs' as const,
  ownershipTags: { 'kcg.dev/created-by': 'kcg', 'kcg.dev/group-id': 'g' },
  tags: { team: 'shop' },
  billing: { mode: 'OnDemand' as const },
  deletionProtection: true,
  defaultDeletionProtection: true,
  pointInTimeRecovery: true,
  key: undefined,
  tableClass: undefined,
});

describe('a plan over DynamoDB tables', () => {
  it('comes to an end, and then makes no more calls that change anything', async () => {
    const name = `table-${++tables}`;
    const admin = adminOf(name);
    const steps: string[] = [];
    await vi.waitFor(
      async () => {
        const plan = planTable(desired(name), await admin.describe());
        for (const step of plan.steps) {
          steps.push(step.do);
          await admin.apply(step);
        }
        expect(plan).toEqual({ steps: [], problem: undefined, isBusy: false, notes: [], inVain: [] });
      },
      { timeout: 120_000, interval: 20 },
    );
    expect(steps).toEqual(['create', 'enable ttl', 'set point-in-time recovery']);
  });
});

const STEPS: TableStep[] = [
  { do: 'enable ttl', attribute: 'ttl' },
  { do: 'tag', tags: { team: 'shop' } },
  { do: 'untag', keys: ['team'] },
  { do: 'set point-in-time recovery', enabled: true },
  { do: 'set deletion protection', enabled: true },
  { do: 'set billing', billing: { mode: 'OnDemand' } },
  { do: 'set table class', tableClass: 'Standard' },
  { do: 'set encryption', key: { kmsKeyArn: 'arn:aws:kms:eu-west-1:000000000000:key/k' } },
  { do: 'delete' },
];

it('every call goes to the endpoint, and fails with its name once nobody listens there', async () => {
  const gone = await startLocalDynamoDb({ clock, log: silentLog });
  const { endpoint } = gone;
  const toIt = createDynamoDbClient({ region: 'eu-west-1', endpoint, purpose: 'tables' });
  const admin = dynamoDbTableAdmin({ client: toIt, clock, tableName: 'gone', endpoint });
  const { billing, ownershipTags: tags } = desired('gone');
  const table = { billing, tags, deletionProtection: false, key: undefined };
  const create: TableStep = { do: 'create', table: { ...table, tableClass: 'Standard' } };
  await admin.apply(create);
  await vi.waitFor(async () => expect((await admin.describe())?.status).toBe('ACTIVE'), 120_000);
  await gone.close();
  const named = { code: 'Unavailable', message: expect.stringContaining(new URL(endpoint).host) };
  await expect(admin.describe()).rejects.toMatchObject(named);
  for (const step of [create, ...STEPS])
    await expect(admin.apply(step), step.do).rejects.toMatchObject(named);
  toIt.destroy();
});

describe('trouble with a table', () => {
  let admin: TableAdmin;
  beforeAll(async () => {
    const name = `table-${++tables}`;
    admin = adminOf(name);
    const { billing, ownershipTags: tags, deletionProtection } = desired(name);
    const table = {
      billing,
      tags,
      deletionProtection,
      key: undefined,
      tableClass: 'Standard' as const,
    };
    await admin.apply({ do: 'create', table });
    await vi.waitFor(async () => expect((await admin.describe())?.status).toBe('ACTIVE'), 120_000);
  });
  const failOn = (operation: string, type: string) =>
    server.fail((name) => (name === operation ? { do: 'fail', type, message: 'no' } : undefined));

  it.each([
    ['ListTagsOfResource', 'AccessDeniedException', 'tags'],
    ['DescribeTimeToLive', 'AccessDeniedException', 'ttl'],
    ['DescribeContinuousBackups', 'AccessDeniedException', 'pointInTimeRecovery'],
    ['DescribeContinuousBackups', 'UnknownOperationException', 'pointInTimeRecovery'],
  ])('%s with %s: the rest is read all the same', async (operation, type, setting) => {
    failOn(operation, type);
    const table = await admin.describe();
    expect(table).toMatchObject({ status: 'ACTIVE', deletionProtection: true });
    expect(table?.unread).toEqual({ [setting]: expect.stringContaining(`dynamodb:${operation}`) });
  });

  it('what is only out of reach for now fails the look: nothing is planned on half of it', async () => {
    failOn('ListTagsOfResource', 'ThrottlingException');
    await expect(admin.describe()).rejects.toMatchObject({ code: 'Throttled' });
  });

  it('a denied change names the action, the table and the role', async () => {
    failOn('UpdateTable', 'AccessDeniedException');
    await expect(admin.apply({ do: 'set deletion protection', enabled: false })).rejects.toMatchObject({
      code: 'AccessDenied',
      fix: expect.stringMatching(/^Allow dynamodb:UpdateTable on table table-\d+ for the operator's role\.$/),
    });
  });

  it.each([
    ['set billing', 'UpdateTable', 'ResourceInUseException', 'Conflict'],
    ['set billing', 'UpdateTable', 'LimitExceededException', 'LimitExceeded'],
    ['backups', 'UpdateContinuousBackups', 'ContinuousBackupsUnavailableException', 'Conflict'],
  ])('%s: %s with %s is %s', async (what, operation, type, code) => {
    failOn(operation, type);
    const step =
      what === 'backups'
        ? ({ do: 'set point-in-time recovery', enabled: true } as const)
        : ({ do: 'set billing', billing: { mode: 'OnDemand' } } as const);
    await expect(admin.apply(step)).rejects.toMatchObject({ code });
  });

  it('a create whose answer got lost is seen by the next look', async () => {
    const name = `table-${++tables}`;
    const fresh = adminOf(name);
    server.fail((operation) => (operation === 'CreateTable' ? { do: 'drop answer' } : undefined));
    const [create] = planTable(desired(name), undefined).steps;
    await expect(fresh.apply(create!)).rejects.toMatchObject({ code: 'Unavailable' });
    server.fail();
    expect(await fresh.apply(create!)).toBe('raced');
    expect((await fresh.describe())?.tags).toMatchObject({ 'kcg.dev/group-id': 'g' });
  });
});
