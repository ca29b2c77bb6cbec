import { hashKeyOf, MAX_HASH_KEY, parseHashRange, type HashRange } from '../hash-key.ts';
import { decodeAggregate, type KplRecord } from './codec.ts';
import { compareSequence, type KinesisRecord, type UserRecord } from '../record.ts';

export interface DeaggregateOptions {
  /** The shard's range, decimal, both ends inclusive; when it is not known, all records belong to it. */
  hashStart: string | undefined;
  hashEnd: string | undefined;
  /** The checkpoint: records at it or before it are done. Without `subSequence` the whole Kinesis record is. */
  after?: { sequence: string; subSequence?: number | undefined } | undefined;
}

/** The KPL gives each of its aggregates this key, and an explicit hash key. Source: its kinesis_record.cc. */
const KPL_PARTITION_KEY = 'a';

export interface Deaggregated {
  records: UserRecord[];
  /** User records that were dropped because they lie outside of the shard's range. */
  outside: number;
}

/**
 * What handlers see of `records`: aggregates opened, records at or below the checkpoint dropped.
 *
 * After a reshard the KPL may still aggregate by the old shards for a while; user records that lie outside of this shard's
 * range are dropped, because it sends them again to where they belong. (KCL drops the whole aggregate when one is outside,
 * which loses the others when the producer re-sends only what was refused.) Other producers aggregate whatever their keys
 * and send nothing again: of theirs all is kept. Plain records are in range by definition.
 */
export function deaggregate(records: readonly KinesisRecord[], options: DeaggregateOptions): Deaggregated {
  const { hashStart = '0', hashEnd = String(MAX_HASH_KEY), after } = options;
  const range = parseHashRange({ hashStart, hashEnd });
  const result: Deaggregated = { records: [], outside: 0 };
  for (const record of records) {
    const order = after ? compareSequence(record.sequence, after.sequence) : 1;
    if (order < 0 || (order === 0 && after?.subSequence === undefined)) continue;
    const doneBelow = order === 0 ? (after?.subSequence ?? -1) : -1;
    const parts = decodeAggregate(record.data);
    if (parts) pushParts(result, record, parts, range, doneBelow);
    // A plain record with a sub-sequence checkpoint on it was delivered as a whole.
    else if (order > 0) result.records.push(record);
  }
  return result;
}

function pushParts(
  result: Deaggregated,
  record: KinesisRecord,
  parts: readonly KplRecord[],
  range: HashRange,
  doneUpTo: number,
): void {
  const isKpl = record.partitionKey === KPL_PARTITION_KEY;
  const isWhole = range.start === 0n && range.end === MAX_HASH_KEY;
  for (const [subSequence, part] of parts.entries()) {
    if (subSequence <= doneUpTo) continue;
    if (isWhole || !isKpl || covers(range, part)) result.records.push({ ...record, ...part, subSequence });
    else result.outside += 1;
  }
}

function covers(range: HashRange, { partitionKey, explicitHashKey }: KplRecord): boolean {
  const hashKey = hashKeyOf(partitionKey, explicitHashKey);
  return range.start <= hashKey && hashKey <= range.end;
}
