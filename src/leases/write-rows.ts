import type { LeaseTable } from './lease-table.ts';
import type { RowWrite } from './row-write.ts';

/** Of one group, by one process. */
export const WRITES_AT_ONCE = 16;

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
