import { CreateStreamCommand } from '@aws-sdk/client-kinesis';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { assumedRole } from '../../../src/aws/assumed-role.ts';
import { awsCredentials } from '../../../src/aws/credentials.ts';
import { systemClock as clock } from '../../../src/lib/clock.ts';
import { sdkAwsAccount } from '../../../src/main/operator/aws-account.ts';
import type { GroupTarget } from '../../../src/operator/group-target.ts';
import type { NewTable } from '../../../src/table/table-admin.ts';
import { kinesisServiceContract } from '../../contract/kinesis-service-contract.ts';
import { tableAdminContract } from '../../contract/table-admin-contract.ts';
import { emulatorTables } from '../../support/emulator-tables.ts';
import { kinesisAt } from '../../support/kinesis-services.ts';
import { sdkClient } from '../sdk-client.ts';
import { startMoto } from '../../support/moto.ts';

/* The contracts of streams and tables on somebody else's server: where it agrees with ours, ours says something. */

/** Class, key and ceilings of an UpdateTable are answered and dropped; another time to live replaces the one before. */
const MOTO_LACKS = [
  'takes every setting',
  'turns time to live on, once',
  'says no to time to live on a second attribute',
  'sets ceilings of an on-demand table, and takes them away',
  "goes from DynamoDB's own key to the account's, and back",
  'changes class and encryption',
  'needs the table to be there',
];

const aNewTable: NewTable = {
  billing: { mode: 'OnDemand' },
  tags: {},
  deletionProtection: false,
  key: undefined,
  tableClass: 'Standard',
};

describe('moto 5.2.5', () => {
  const tables = emulatorTables(startMoto);
  tableAdminContract(tables.setUp, MOTO_LACKS);

  it('has stream and table of a group with a role in the account of the role, and in no other', async () => {
    const endpoint = tables.endpoint();
    vi.stubEnv('AWS_ENDPOINT_URL_STS', endpoint);
    const region = 'eu-west-1';
    const arn = 'arn:aws:iam::222222222222:role/kcg-shop';
    const role = { arn, externalId: 'kcg/test/shop', sessionName: 'kcg-shop' };
    const owner = assumedRole({ clock, region, role, credentials: awsCredentials(), principal: 'the test' });
    const { accessKeyId } = await owner.credentials();
    const kinesis = sdkClient(endpoint, { region, accessKeyId });
    const aws = sdkAwsAccount(clock);
    onTestFinished(() => {
      for (const client of [owner, aws]) client.close();
      kinesis.destroy();
    });
    await kinesis.send(new CreateStreamCommand({ StreamName: 'theirs', ShardCount: 1 }));
    const theirs: GroupTarget = {
      groupId: 'shop.theirs',
      region,
      stream: { name: 'theirs' },
      endpoints: { kinesis: endpoint, dynamodb: endpoint },
      table: tables.newName(),
      role,
    };
    const ours = { ...theirs, role: undefined };
    const stream = await aws.streamClient(theirs).describe();
    expect(stream.arn).toBe('arn:aws:kinesis:eu-west-1:222222222222:stream/theirs');
    await expect(aws.streamClient(ours).describe()).rejects.toMatchObject({ code: 'NotFound' });
    await aws.tableAdmin(theirs).apply({ do: 'create', table: aNewTable });
    expect((await aws.tableAdmin(theirs).describe())?.arn).toContain(':222222222222:table/');
    expect(await aws.tableAdmin(ours).describe()).toBeUndefined();
  });
});

kinesisServiceContract(
  'moto 5.2.5',
  async () => {
    const { endpoint, program } = await startMoto();
    return kinesisAt(endpoint, () => program.stop());
  },
  [
    // ListShards takes a filter and does not look at it.
    'lists by filter, with parents and ends of closed shards',
    // The largest hash key is in no shard: a put with it is answered with 500.
    'tells shards apart',
    // A closed shard never comes to its end.
    'names the children at the end of a closed shard',
    // An iterator that is none is answered with 500.
    'refuses what makes no sense',
    // Two stream consumers of one name are registered, and there is no HTTP/2.
    'registers a stream consumer, once, finds it, and removes it, also twice',
    'sends the records of a subscription',
  ],
);
