import { unreachable } from '../lib/assert.ts';
import { compareSequence } from './record.ts';
import type { ReadPosition } from './stream-client.ts';

/** How far a shard has been processed. `SHARD_END` is behind every sequence number. */
export type Checkpoint =
  | { at: 'TRIM_HORIZON' }
  | { at: 'AT_TIMESTAMP'; timestampMs: number }
  | { at: 'SEQUENCE'; sequence: string; subSequence?: number }
  | { at: 'SHARD_END' };

/** As `subSequence`: nothing of the record is done, and it is the next. */
export const BEFORE_RECORD = -1;

const RANK = { TRIM_HORIZON: 0, AT_TIMESTAMP: 0, SEQUENCE: 1, SHARD_END: 2 } as const;

/** Order of progress: negative when `a` is before `b`. The two starting positions are equal. */
export function compareCheckpoints(a: Checkpoint, b: Checkpoint): number {
  if (a.at === 'SEQUENCE' && b.at === 'SEQUENCE') {
    // No sub-sequence means the whole Kinesis record is done.
    return (
      compareSequence(a.sequence, b.sequence) ||
      (a.subSequence ?? Infinity) - (b.subSequence ?? Infinity) ||
      0
    );
  }
  return RANK[a.at] - RANK[b.at];
}

/** Where reading goes on. A checkpoint inside a KPL aggregate reads that record again; the reader drops what is done. */
export function readPositionAfter(checkpoint: Exclude<Checkpoint, { at: 'SHARD_END' }>): ReadPosition {
  switch (checkpoint.at) {
    case 'TRIM_HORIZON':
      return { at: 'TRIM_HORIZON' };
    case 'AT_TIMESTAMP':
      return { at: 'AT_TIMESTAMP', timestampMs: checkpoint.timestampMs };
    case 'SEQUENCE':
      return checkpoint.subSequence === undefined
        ? { at: 'AFTER_SEQUENCE_NUMBER', sequence: checkpoint.sequence }
        : { at: 'AT_SEQUENCE_NUMBER', sequence: checkpoint.sequence };
    default:
      return unreachable(checkpoint);
  }
}
