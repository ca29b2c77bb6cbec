import { decodeAggregate, mayBeAggregate } from './aggregate.ts';
import { misplacedIn, type Placement } from './misplaced.ts';
import { isPayloadPosition } from '../payload-position.ts';
import { BEFORE_RECORD } from '../position.ts';
import { compareSequence, type KinesisRecord, type RecordList } from '../record.ts';
import { OpenedRecords } from './opened-records.ts';

export interface DeaggregateOptions {
  placement: Placement;
  /** The checkpoint: records at it or before it are done. Without `subSequence` the whole Kinesis record is. */
  after?: { sequence: string; subSequence?: number | undefined } | undefined;
}

export interface Deaggregated {
  records: RecordList;
  /** User records that were left out because they come in another shard. */
  leftOut: number;
}

/**
 * What handlers see of `records`: aggregates opened, records at or below the checkpoint dropped. User records of which it
 * is certain that they come in another shard are left out, and only they. (KCL drops the whole aggregate when one is
 * outside, which loses the others when the producer re-sends only what was refused.)
 */
export function deaggregate(
  records: readonly KinesisRecord[],
  { placement, after }: DeaggregateOptions,
): Deaggregated {
  const plain: KinesisRecord[] = [];
  let opened: OpenedRecords | undefined;
  let leftOut = 0;
  let order = after ? -1 : 1;
  for (const record of records) {
    // They come in order: behind the first that is new, all are.
    if (after && order <= 0) order = compareSequence(record.sequence, after.sequence);
    if (order < 0 || (order === 0 && after?.subSequence === undefined)) continue;
    const parts = mayBeAggregate(record) ? decodeAggregate(record.data) : undefined;
    // Which of its payloads are done, its reader knows, if that still cuts it.
    const isCut = order === 0 && isPayloadPosition(after?.subSequence);
    if (parts === undefined) {
      // A plain record with a sub-sequence checkpoint on it was delivered as a whole.
      if (order <= 0 && !isCut && after?.subSequence !== BEFORE_RECORD) continue;
      if (opened) opened.add(record);
      else plain.push(record);
      continue;
    }
    opened ??= new OpenedRecords(plain);
    const doneUpTo = order === 0 && !isCut ? (after?.subSequence ?? -1) : -1;
    const misplaced = placement.parents.length === 0 ? [] : misplacedIn(record, parts.records(), placement);
    const { sequence, arrivedAt, encryptionType } = record;
    const outer = { sequence, arrivedAt, encryptionType, parts };
    let from = doneUpTo + 1;
    for (const index of misplaced) {
      if (index < from) continue;
      opened.addRun(outer, from, index);
      leftOut += 1;
      from = index + 1;
    }
    opened.addRun(outer, from, parts.length);
  }
  return { records: opened ?? plain, leftOut };
}
