import { dataSizeOf } from '../../kinesis/record.ts';
import type { Handler } from './handler.ts';

/** Counts and logs each batch, never its data: for a first try without any code. */
export const logHandler: Handler = {
  kind: 'log',
  start: async () => {},
  handle: async ({ records, millisBehindLatest }, { log }) => {
    const bytes = records.reduce((sum, record) => sum + dataSizeOf(record), 0);
    // The context's log carries the shardId on every line.
    log.info('batch', { records: records.length, bytes, millisBehindLatest });
    return { outcome: 'done' };
  },
  close: async () => {},
};
