import { describe } from 'vitest';
import { MemoryTables } from '../../../src/table/memory/table-admin.ts';
import { tableAdminContract } from '../../contract/table-admin-contract.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

describe('the memory tables', () => {
  tableAdminContract(async () => {
    const tables = new MemoryTables(new VirtualClock());
    return { admin: tables.admin('t'), other: tables.admin('t') };
  });
});
