import type { RecordPosition } from '../kinesis/record.ts';
import { number, text, type Row } from './row.ts';

/*
 * What an owner of a shard leaves behind when it ends in the middle of it, and who gets on with the shard takes away. Owners
 * that end are counted within the write that takes their shard, and the rest is written only of a shard whose owners end one
 * after the other: who is in no trouble pays nothing.
 */

export interface Unfinished {
  /** Owners in a row that ended without handing the shard over, and before they had got on with it for a while; 0 = none. */
  endings: number;
  /** What the last one had begun, and nothing of the shard beside it: that has failed, or its owner has ended on it. */
  begun?: BegunBatch | undefined;
}

/** The position is that of its first record. */
export interface BegunBatch extends RecordPosition {
  records: number;
  /** Sequence number of its last record: where records are parted otherwise now, none behind it was at work. */
  last?: string | undefined;
  /** Calls before that failed and count against `maxAttempts`. */
  failures: number;
  /** Calls of the handler before. */
  calls: number;
  /** This call was made: who ends between saying that it begins and making it leaves the same row. */
  isMade?: boolean;
}

/** Added to the row by who takes a shard whose owner has ended. */
export const ONE_MORE_ENDING: Readonly<Record<string, number>> = { endings: 1 };

/** Attributes of a shard's row. */
export const OF_UNFINISHED = [
  'endings',
  'begun',
  'begun_sub',
  'begun_records',
  'begun_last',
  'begun_failures',
  'begun_calls',
  'begun_made',
];

/** Undefined: nothing. */
export function decodeUnfinished(row: Row): Unfinished | undefined {
  const endings = number(row, 'endings') ?? 0;
  const sequence = text(row, 'begun');
  if (sequence === undefined) return endings === 0 ? undefined : { endings };
  const subSequence = number(row, 'begun_sub');
  const last = text(row, 'begun_last');
  const begun = {
    sequence,
    ...(subSequence === undefined ? {} : { subSequence }),
    records: number(row, 'begun_records') ?? 1,
    ...(last === undefined ? {} : { last }),
    failures: number(row, 'begun_failures') ?? 0,
    calls: number(row, 'begun_calls') ?? 0,
    ...(number(row, 'begun_made') === 1 ? { isMade: true } : {}),
  };
  return { endings, begun };
}

/** What to set and what to remove. Undefined: it stays as it is. */
export function encodeUnfinished(unfinished: Unfinished | undefined): {
  set: Record<string, string | number>;
  remove: string[];
} {
  if (unfinished === undefined) return { set: {}, remove: [] };
  const set = attributesOf(unfinished);
  return { set, remove: OF_UNFINISHED.filter((name) => !(name in set)) };
}

function attributesOf({ endings, begun }: Unfinished): Record<string, string | number> {
  return {
    ...(endings === 0 ? {} : { endings }),
    ...(begun && {
      begun: begun.sequence,
      ...(begun.subSequence === undefined ? {} : { begun_sub: begun.subSequence }),
      begun_records: begun.records,
      ...(begun.last === undefined ? {} : { begun_last: begun.last }),
      begun_failures: begun.failures,
      begun_calls: begun.calls,
      ...(begun.isMade ? { begun_made: 1 } : {}),
    }),
  };
}
