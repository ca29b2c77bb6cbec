import type { Row } from './row.ts';
import type { RowWrite, WriteResult } from './row-write.ts';

export interface TableCallOptions {
  signal?: AbortSignal | undefined;
}

export interface ReadOptions extends TableCallOptions {
  /**
   * Strongly consistent. Without it, each item may be as it was some time ago, item by item: such reads only say
   * where to look, they never decide.
   */
  consistent: boolean;
}

/**
 * The rows of one consumer group in the checkpoint table.
 *
 * Every method throws `KcgError`: `Throttled`, `Timeout` and `Unavailable` (for a write the effect is unknown: repeat
 * it, `RowWrite.proof` tells whether it had happened), `AccessDenied` (names action and table), `NotFound` (the table
 * is gone). One attempt a call, bounded in time by the implementation; the caller's loop retries.
 */
export interface LeaseTable {
  /** All rows of the group, or only those of its workers. In no order. */
  query(rows: 'all' | 'workers', options: ReadOptions): Promise<Row[]>;
  get(key: string, options: ReadOptions): Promise<Row | undefined>;
  /** A lost race is a value, `{ outcome: 'lost' }`, with the row as it is now. */
  write(write: RowWrite, options?: TableCallOptions): Promise<WriteResult>;
}
