import { copyOf, sizeOf, type UserRecord } from '../../kinesis/record.ts';
import type { ReadResult, ShardReader } from '../../kinesis/shard-reader.ts';
import { takeOut } from '../../lib/take-out.ts';

/**
 * `reader` without the records that do not pass. They are processed with that: nothing waits for them, and
 * `ReadResult.lastSequence` counts them. Where few pass, they are copied: each is a view that keeps the whole answer in
 * memory, of which only what passed counts against the worker's budget.
 */
export function filteredReader(
  reader: ShardReader,
  passes: (record: UserRecord) => boolean,
  onFiltered: (records: readonly UserRecord[]) => void,
): ShardReader {
  return {
    unreadForMs: () => reader.unreadForMs(),
    next: async (signal): Promise<ReadResult> => {
      const read = await reader.next(signal);
      const records: UserRecord[] = [];
      const filtered: UserRecord[] = [];
      for (const record of takeOut(read, 'records', [])) (passes(record) ? records : filtered).push(record);
      if (filtered.length > 0) onFiltered(filtered);
      const kept = records.reduce((bytes, record) => bytes + sizeOf(record), 0);
      return { ...read, records: kept < read.bytes * WORTH_A_COPY ? records.map(onItsOwn) : records };
    },
  };
}

/** The share of an answer below which its records are copied. */
const WORTH_A_COPY = 0.5;

function onItsOwn(record: UserRecord): UserRecord {
  return { ...copyOf(record), data: Buffer.from(record.data) };
}
