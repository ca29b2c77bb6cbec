import { expect, it } from 'vitest';
import { desiredTable, ensureTable } from '../../../src/main/library/ensure-table.ts';
import { requireLibraryOptions } from '../../../src/main/library/library-config.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { MemoryTables } from '../../../src/table/memory/table-admin.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const NAME = 'workers';
const desired = desiredTable(
  NAME,
  requireLibraryOptions({
    groupId: 'shop.orders',
    stream: { name: 'orders' },
    region: 'eu-west-1',
    table: { create: true },
    handler: async () => {},
  }),
);

function aProgram() {
  const clock = new VirtualClock();
  const tables = new MemoryTables(clock);
  const { signal } = new AbortController();
  const ensure = () => ensureTable({ admin: tables.admin(NAME), desired, clock, log: silentLog, signal });
  return { clock, tables, ensure };
}

it('waits for a table that another program is creating, and leaves it as it is', async () => {
  const { clock, tables, ensure } = aProgram();
  const first = ensure();
  await clock.advance(10_000);
  await first;
  const made = tables.tables.get(NAME)!;
  const steps = [...tables.steps];
  tables.tables.set(NAME, { ...made, status: 'CREATING', ttlAttribute: '', tags: {} });
  let isThere = false;
  const second = ensure().then(() => (isThere = true));
  await clock.advance(10_000);
  expect(isThere).toBe(false);
  tables.tables.set(NAME, { ...made, ttlAttribute: '', tags: {} });
  await clock.advance(10_000);
  await second;
  expect(tables.steps).toEqual(steps);
});
