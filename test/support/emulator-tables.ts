import { afterAll, beforeAll, vi } from 'vitest';
import { createDynamoDbClient } from '../../src/aws/dynamodb-client.ts';
import { LOCAL_CREDENTIALS } from '../../src/dev/local-mode.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { dynamoDbTableAdmin } from '../../src/table/dynamodb/table-admin.ts';
import type { TableAdmin } from '../../src/table/table-admin.ts';
import type { Emulator } from './moto.ts';

/** Tables on somebody else's server, which runs for the tests of this `describe`. */
export function emulatorTables(start: () => Promise<Emulator>) {
  let emulator: Emulator;
  let client: ReturnType<typeof createDynamoDbClient>;
  let tables = 0;
  beforeAll(async () => {
    for (const [name, value] of Object.entries(LOCAL_CREDENTIALS)) vi.stubEnv(name, value);
    emulator = await start();
    client = createDynamoDbClient({ region: 'eu-west-1', endpoint: emulator.endpoint, purpose: 'tables' });
  });
  afterAll(async () => {
    client?.destroy();
    await emulator?.program.stop();
    vi.unstubAllEnvs();
  });
  const adminOf = (tableName: string): TableAdmin =>
    dynamoDbTableAdmin({ client, clock: systemClock, tableName, endpoint: emulator.endpoint });
  /** That no table has had. */
  const newName = () => `table-${(tables += 1)}`;
  return {
    client: () => client,
    endpoint: () => emulator.endpoint,
    newName,
    adminOf,
    /** For the contract of tables. */
    setUp: async () => {
      const name = newName();
      return { admin: adminOf(name), other: adminOf(name) };
    },
  };
}
