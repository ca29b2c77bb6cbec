import { describe } from 'vitest';
import { tableAdminContract } from '../../contract/table-admin-contract.ts';
import { emulatorTables } from '../../support/emulator-tables.ts';
import { startMoto } from '../../support/moto.ts';

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
  const tables = emulatorTables(startMoto);
  tableAdminContract(tables.setUp, MOTO_LACKS);
});
