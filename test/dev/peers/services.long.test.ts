import { beforeAll, describe, expect, vi } from 'vitest';
import { startLocalKinesis } from '../../../src/dev/kinesis/server.ts';
import { MemoryKinesis } from '../../../src/kinesis/memory/stream.ts';
import { openLeaseTable } from '../../../src/leases/dynamodb/lease-table.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { leaseRowContract } from '../../contract/lease-row-contract.ts';
import { leaseTableContract } from '../../contract/lease-table-contract.ts';
import { tableAdminContract } from '../../contract/table-admin-contract.ts';
import { emulatorTables } from '../../support/emulator-tables.ts';
import { startDynalite, startKinesalite, startKinesisLocal } from '../../support/emulators.ts';
import { kinesisServiceContract } from '../../contract/kinesis-service-contract.ts';
import { kinesisAt, kinesisInMemory } from '../../support/kinesis-services.ts';

/* One contract for our twin, our server and somebody else's: where they agree, a test on ours says something. */

const PLAIN = {
  billing: { mode: 'OnDemand' },
  tags: {},
  deletionProtection: false,
  key: undefined,
  tableClass: 'Standard',
} as const;
/** Time to live, backups, protection, class and encryption; and tags of a new table are not kept. */
const DYNALITE_LACKS = [
  'makes a plain table with the native key',
  'takes every setting',
  'of two who create one is told that the other was first',
  'turns time to live on, once',
  'says no to time to live on a second attribute',
  'sets, overwrites and removes tags, and leaves the others',
  'turns backups on, and off again',
  'changes class and encryption',
  'sets ceilings of an on-demand table, and takes them away',
  "goes from DynamoDB's own key to the account's, and back",
  'needs the table to be there',
  'a protected table stays until the protection is off',
];

kinesisServiceContract('the memory twin', async () => kinesisInMemory());

kinesisServiceContract('the local server', async () => {
  const kinesis = new MemoryKinesis({ clock: systemClock, region: 'eu-west-1', transitionMs: 100 });
  const { endpoint, close } = await startLocalKinesis({ kinesis });
  return kinesisAt(endpoint, close);
});

kinesisServiceContract(
  'kinesis-local 0.6.2',
  async () => {
    const { endpoint, program } = await startKinesisLocal();
    return kinesisAt(endpoint, () => program.stop());
  },
  // An iterator that is none is answered with 500; events of a subscription over HTTP/2 break its framing.
  ['refuses what makes no sense', 'sends the records of a subscription'],
);

kinesisServiceContract(
  'kinesalite 3.3.3',
  async () => {
    const { endpoint, program } = await startKinesalite();
    return kinesisAt(endpoint, () => program.stop());
  },
  // ListShards takes a filter and does not look at it; an end names no children; there are no stream consumers.
  [
    'lists by filter, with parents and ends of closed shards',
    'names the children at the end of a closed shard',
    'registers a stream consumer, once, finds it, and removes it, also twice',
    'sends the records of a subscription',
  ],
);

/* Tables: our server is dynalite with what it lacks in front of it, so these say what the front is for. */

describe('dynalite 4.0.0', () => {
  const tables = emulatorTables(startDynalite);

  describe('as a lease table', () => {
    let groups = 0;
    let tableName: string;
    beforeAll(async () => {
      tableName = tables.newName();
      const admin = tables.adminOf(tableName);
      await admin.apply({ do: 'create', table: PLAIN });
      await vi.waitFor(async () => expect((await admin.describe())?.status).toBe('ACTIVE'), 120_000);
    });
    const create = () => {
      const groupId = `group-${(groups += 1)}`;
      return openLeaseTable({
        client: tables.client(),
        clock: systemClock,
        tableName,
        groupId,
        callTimeoutMs: 10_000,
      });
    };
    leaseTableContract(create);
    leaseRowContract(create);
  });

  describe('as a table', () => {
    tableAdminContract(tables.setUp, DYNALITE_LACKS);
  });
});
