import type { LeaseTable } from '../leases/lease-table.ts';
import type { RowWrite } from '../leases/row-write.ts';

const WRITES_AT_ONCE = 20;

/** All of them, some at a time, in no order. @throws KcgError as `LeaseTable` does */
export async function writeRows(
  table: LeaseTable,
  writes: readonly RowWrite[],
  signal: AbortSignal,
): Promise<void> {
  for (let from = 0; from < writes.length; from += WRITES_AT_ONCE) {
    const some = writes.slice(from, from + WRITES_AT_ONCE);
    await Promise.all(some.map((write) => table.write(write, { signal })));
  }
}
