import { describe, expect, it } from 'vitest';
import { MemoryLeaseTable } from '../../../src/leases/memory/lease-table.ts';
import { pinStart } from '../../../src/leases/transitions.ts';
import { leaseRowContract } from '../../contract/lease-row-contract.ts';
import { leaseTableContract } from '../../contract/lease-table-contract.ts';

describe('the memory table', () => {
  leaseTableContract(async () => new MemoryLeaseTable());
  leaseRowContract(async () => new MemoryLeaseTable());

  it('shows old versions to reads that are not consistent, as many back as it is told', async () => {
    const table = new MemoryLeaseTable({ staleness: () => 1 });
    await table.write(pinStart(1));
    expect(await table.query('all', { consistent: false })).toEqual([]);
    expect(await table.query('all', { consistent: true })).toHaveLength(1);
  });
});
