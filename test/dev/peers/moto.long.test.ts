import { describe } from 'vitest';
import { kinesisServiceContract } from '../../contract/kinesis-service-contract.ts';
import { tableAdminContract } from '../../contract/table-admin-contract.ts';
import { emulatorTables } from '../../support/emulator-tables.ts';
import { kinesisAt } from '../../support/kinesis-services.ts';
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

describe('moto 5.2.5', () => {
  const tables = emulatorTables(startMoto);
  tableAdminContract(tables.setUp, MOTO_LACKS);
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
