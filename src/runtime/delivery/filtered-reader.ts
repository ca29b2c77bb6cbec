import type { UserRecord } from '../../kinesis/record.ts';
import type { ReadResult, ShardReader } from '../../kinesis/shard-reader.ts';

/**
 * `reader` without the records that do not pass. They are processed with that: nothing waits for them, and
 * `ReadResult.lastSequence` counts them.
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
      for (const record of read.records) (passes(record) ? records : filtered).push(record);
      if (filtered.length > 0) onFiltered(filtered);
      return { ...read, records };
    },
  };
}
