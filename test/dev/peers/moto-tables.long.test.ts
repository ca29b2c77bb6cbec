import { afterAll, beforeAll, describe, vi } from 'vitest';
import { createDynamoDbClient } from '../../../src/aws/dynamodb-client.ts';
import { LOCAL_CREDENTIALS } from '../../../src/dev/local-mode.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { dynamoDbTableAdmin } from '../../../src/table/dynamodb/table-admin.ts';
import { tableAdminContract } from '../../contract/table-admin-contract.ts';
import { startMoto, type Emulator } from '../../support/moto.ts';

/* The contract of tables on somebody else's server: where it agrees with ours, ours says something. */

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

describe('moto 5.2.5', () => {
  let emulator: Emulator;
  let client: ReturnType<typeof createDynamoDbClient>;
  let tables = 0;
  beforeAll(async () => {
    for (const [name, value] of Object.entries(LOCAL_CREDENTIALS)) vi.stubEnv(name, value);
    emulator = await startMoto();
    client = createDynamoDbClient({ region: 'eu-west-1', endpoint: emulator.endpoint, purpose: 'tables' });
  });
  afterAll(async () => {
    client?.destroy();
    await emulator?.program.stop();
    vi.unstubAllEnvs();
  });
  const adminOf = (tableName: string) =>
    dynamoDbTableAdmin({ client, clock: systemClock, tableName, endpoint: emulator.endpoint });

  tableAdminContract(async () => {
    const name = `table-${(tables += 1)}`;
    return { admin: adminOf(name), other: adminOf(name) };
  }, MOTO_LACKS);
});
