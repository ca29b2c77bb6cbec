import {
  CreateTableCommand,
  DeleteTableCommand,
  DescribeTableCommand,
  GetResourcePolicyCommand,
  PutResourcePolicyCommand,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
  type CreateTableCommandInput,
  type UpdateTableCommandInput,
} from '@aws-sdk/client-dynamodb';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createDynamoDbClient } from '../../../src/aws/dynamodb-client.ts';
import { startLocalDynamoDb, type LocalDynamoDb } from '../../../src/dev/dynamodb/server.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';

/* What the service says to UpdateTable, as far as it was seen or is written down; dynalite says yes to most of it. */

const KEY = 'arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab';
const HOUR_MS = 3_600_000;
let aheadMs = 0;
let stoppedMs: number | undefined;
/** Real, and can be put ahead, and stopped. */
const clock = {
  now: () => systemClock.now() + aheadMs,
  monotonic: () => stoppedMs ?? systemClock.monotonic() + aheadMs,
  sleep: systemClock.sleep.bind(systemClock),
};
let server: LocalDynamoDb;
let client: ReturnType<typeof createDynamoDbClient>;
let tables = 0;

beforeAll(async () => {
  vi.stubEnv('AWS_ACCESS_KEY_ID', 'test');
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', 'test');
  server = await startLocalDynamoDb({ clock, log: silentLog });
  client = createDynamoDbClient({ region: 'eu-west-1', endpoint: server.endpoint });
});
afterAll(async () => {
  client.destroy();
  await server.close();
  vi.unstubAllEnvs();
});

const describeTable = async (TableName: string) =>
  (await client.send(new DescribeTableCommand({ TableName }))).Table!;

async function quiet(TableName: string): Promise<void> {
  await vi.waitFor(
    async () => {
      const { TableStatus, SSEDescription } = await describeTable(TableName);
      expect([TableStatus, SSEDescription?.Status ?? 'ENABLED']).toEqual(['ACTIVE', 'ENABLED']);
    },
    { timeout: 120_000, interval: 20 },
  );
}

async function aTable(input: Partial<CreateTableCommandInput> = {}): Promise<string> {
  const TableName = `table-${(tables += 1)}`;
  await client.send(
    new CreateTableCommand({
      TableName,
      KeySchema: [{ AttributeName: 'id', KeyType: 'HASH' }],
      AttributeDefinitions: [{ AttributeName: 'id', AttributeType: 'S' }],
      BillingMode: 'PAY_PER_REQUEST',
      ...input,
    }),
  );
  await quiet(TableName);
  return TableName;
}

type Update = Omit<UpdateTableCommandInput, 'TableName'>;
const update = (TableName: string, input: Update) =>
  client.send(new UpdateTableCommand({ TableName, ...input }));
const provisioned = (units: number): Update => ({
  BillingMode: 'PROVISIONED',
  ProvisionedThroughput: { ReadCapacityUnits: units, WriteCapacityUnits: units },
});
const PROVISIONED = { ...provisioned(10) } as Partial<CreateTableCommandInput>;
const SSE = { Enabled: true, SSEType: 'KMS' as const };

describe('one kind of change at a time', () => {
  it.each<[string, Update, string]>([
    [
      'class and protection',
      { TableClass: 'STANDARD_INFREQUENT_ACCESS', DeletionProtectionEnabled: true },
      'TableClass modification must be the only operation in the request',
    ],
    [
      'protection and billing',
      { DeletionProtectionEnabled: true, ...provisioned(1) },
      'DeletionProtection modification must be the only operation in the request',
    ],
    [
      'key and billing',
      { SSESpecification: SSE, BillingMode: 'PAY_PER_REQUEST' },
      'Server-Side Encryption modification must be the only operation in the request',
    ],
    [
      'ceilings and capacity',
      { OnDemandThroughput: { MaxReadRequestUnits: 5 }, ...provisioned(1) },
      'OnDemandThroughput can only be combined with BillingMode in an UpdateTable request',
    ],
    [
      'a ceiling of nothing',
      { OnDemandThroughput: { MaxReadRequestUnits: 0 } },
      'Requested MaxReadRequestUnits for OnDemandThroughput for table is outside of valid range',
    ],
    [
      'no key and its type',
      { SSESpecification: { Enabled: false, SSEType: 'KMS' } },
      'SSEType can not be specified if Enabled is false',
    ],
    [
      'the key that is there',
      { SSESpecification: { Enabled: false } },
      'Table is already encrypted by default',
    ],
    ['nothing', {}, 'At least one of'],
  ])('%s is refused, and changes nothing', async (_, input, message) => {
    const name = await aTable();
    const before = await describeTable(name);
    await expect(update(name, input)).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringContaining(message),
    });
    expect(await describeTable(name)).toEqual(before);
  });

  it('ceilings are for on-demand tables alone', async () => {
    const name = await aTable(PROVISIONED);
    await expect(update(name, { OnDemandThroughput: { MaxWriteRequestUnits: 5 } })).rejects.toThrow(
      'MaxWriteRequestUnits for OnDemandThroughput cannot be specified when the table BillingMode is PROVISIONED',
    );
  });
});

describe('while a table changes', () => {
  /** It stays so until `go`. */
  const stop = () => (stoppedMs = clock.monotonic());
  const go = () => (stoppedMs = undefined);
  afterEach(go);

  it('its class: other changes are refused, and protection is not', async () => {
    const name = await aTable();
    stop();
    await update(name, { TableClass: 'STANDARD_INFREQUENT_ACCESS' });
    expect((await describeTable(name)).TableStatus).toBe('UPDATING');
    for (const input of [{ TableClass: 'STANDARD' as const }, provisioned(1)])
      await expect(update(name, input)).rejects.toMatchObject({ name: 'ResourceInUseException' });
    const gone = client.send(new DeleteTableCommand({ TableName: name }));
    await expect(gone).rejects.toMatchObject({ name: 'ResourceInUseException' });
    await update(name, { DeletionProtectionEnabled: true });
    go();
    await quiet(name);
    expect((await describeTable(name)).TableClassSummary?.TableClass).toBe('STANDARD_INFREQUENT_ACCESS');
  });

  it('its billing: another change is refused', async () => {
    const name = await aTable();
    stop();
    await update(name, provisioned(5));
    await expect(update(name, { BillingMode: 'PAY_PER_REQUEST' })).rejects.toMatchObject({
      name: 'ResourceInUseException',
    });
  });

  it('its key: it stays ACTIVE and shows the key before, until it is done', async () => {
    const name = await aTable();
    stop();
    await update(name, { SSESpecification: { ...SSE, KMSMasterKeyId: KEY } });
    const during = await describeTable(name);
    expect([during.TableStatus, during.SSEDescription]).toEqual(['ACTIVE', { Status: 'UPDATING' }]);
    await expect(update(name, { SSESpecification: SSE })).rejects.toMatchObject({
      name: 'ResourceInUseException',
    });
    go();
    await quiet(name);
    const done = { Status: 'ENABLED', SSEType: 'KMS', KMSMasterKeyArn: KEY };
    expect((await describeTable(name)).SSEDescription).toEqual(done);
  });
});

describe('how often a table may change', () => {
  const inHours = (hours: number) => (aheadMs += hours * HOUR_MS);
  const limited = (change: Promise<unknown>, message: string) =>
    expect(change).rejects.toMatchObject({
      name: 'LimitExceededException',
      message: expect.stringContaining(message),
    });

  it('its class: twice in 30 days', async () => {
    const name = await aTable();
    const set = async (TableClass: 'STANDARD' | 'STANDARD_INFREQUENT_ACCESS') => {
      await update(name, { TableClass });
      await quiet(name);
    };
    await set('STANDARD_INFREQUENT_ACCESS');
    await set('STANDARD_INFREQUENT_ACCESS');
    await set('STANDARD');
    const third = () => update(name, { TableClass: 'STANDARD_INFREQUENT_ACCESS' });
    await limited(third(), 'Updates to TableClass are limited to 2 times in 30 day(s).');
    inHours(29 * 24);
    await limited(third(), 'Updates to TableClass are limited');
    inHours(25);
    await set('STANDARD_INFREQUENT_ACCESS');
  });

  it('its key: four times a day, then once in six hours; a refused one does not count', async () => {
    const name = await aTable();
    const set = async (Enabled: boolean) => {
      await update(name, { SSESpecification: Enabled ? SSE : { Enabled } });
      await quiet(name);
    };
    for (const on of [true, false, true, false]) await set(on);
    for (const _ of [1, 2]) await limited(set(true), 'Number of updates today: 4');
    inHours(6);
    await set(true);
    await limited(set(true), 'Number of updates today: 5');
  });

  it('to on-demand four times a day, and to provisioned at any time', async () => {
    const name = await aTable(PROVISIONED);
    for (let time = 1; time <= 4; time += 1) {
      await update(name, { BillingMode: 'PAY_PER_REQUEST' });
      await quiet(name);
      await update(name, provisioned(10));
      await quiet(name);
    }
    await limited(update(name, { BillingMode: 'PAY_PER_REQUEST' }), 'Update to PayPerRequest mode');
    inHours(24);
    await update(name, { BillingMode: 'PAY_PER_REQUEST' });
    await quiet(name);
  });

  it('to less capacity four times a day, then once an hour; to more at any time', async () => {
    aheadMs += 24 * HOUR_MS - (clock.now() % (24 * HOUR_MS));
    const name = await aTable(PROVISIONED);
    for (const units of [9, 8, 7, 6]) {
      await update(name, provisioned(units));
      await quiet(name);
    }
    await limited(update(name, provisioned(5)), 'Number of decreases today: 4');
    await update(name, provisioned(20));
    await quiet(name);
    inHours(1);
    await update(name, provisioned(5));
    await quiet(name);
  });

  it('its time to live: not twice within half an hour', async () => {
    const TableName = await aTable();
    const set = (Enabled: boolean) =>
      client.send(
        new UpdateTimeToLiveCommand({
          TableName,
          TimeToLiveSpecification: { Enabled, AttributeName: 'ttl' },
        }),
      );
    await set(true);
    await expect(set(false)).rejects.toThrow('modified multiple times within a fixed interval');
    await expect(set(true)).rejects.toThrow('TimeToLive is already enabled');
    inHours(1);
    await set(false);
  });
});

it('a resource policy is kept until it is deleted', async () => {
  const ResourceArn = (await describeTable(await aTable())).TableArn!;
  const get = () => client.send(new GetResourcePolicyCommand({ ResourceArn }));
  await expect(get()).rejects.toMatchObject({ name: 'PolicyNotFoundException' });
  await client.send(new PutResourcePolicyCommand({ ResourceArn, Policy: '{"Version":"2012-10-17"}' }));
  expect((await get()).Policy).toBe('{"Version":"2012-10-17"}');
});

it('a table with a replica is shown as a global table', async () => {
  const name = await aTable();
  await update(name, { ReplicaUpdates: [{ Create: { RegionName: 'us-east-1' } }] });
  expect((await describeTable(name)).Replicas).toEqual([
    { RegionName: 'us-east-1', ReplicaStatus: 'ACTIVE' },
  ]);
  await update(name, { ReplicaUpdates: [{ Delete: { RegionName: 'us-east-1' } }] });
  expect((await describeTable(name)).Replicas).toBeUndefined();
});
