import { deaggregate } from '../../kinesis/kpl/deaggregate.ts';
import { isPayloadPosition } from '../../kinesis/payload-position.ts';
import { compareSequence, type RecordList, type UserRecord } from '../../kinesis/record.ts';
import type { GetRecordsResult, StreamClient } from '../../kinesis/stream-client.ts';
import { abortError, type Clock } from '../../lib/clock.ts';
import { hasCode } from '../../lib/errors.ts';
import { patiently } from '../../lib/patiently.ts';
import type { Random } from '../../lib/random.ts';
import { laneOf } from '../delivery/lane-of.ts';
import type { OpenPayloads } from '../payload/open-payloads.ts';
import { endOfRecord } from '../payload/payload-reader.ts';
import type { Payloads } from '../payload/payloads.ts';
import type { StoredBatch } from './stored-batch.ts';

export interface FetchOptions {
  stream: StreamClient;
  clock: Clock;
  random: Random;
  signal: AbortSignal;
  /** Whether the group's filters let a record through. */
  passes: (record: UserRecord, shardId: string) => boolean;
  /** Undefined: data is bytes, whatever they are. */
  payloads?: Payloads | undefined;
}

/** A shard serves five reads a second to all its readers together. */
const READ_EVERY_MS = 250;
const MOST_RECORDS = 10_000;

export interface Fetched {
  /** Those of the batch that the stream still has and the filters let through, in order. */
  records: UserRecord[];
  /** None is gone: the oldest go first, so the first and the last are there. */
  isWhole: boolean;
}

export async function fetchAgain(batch: StoredBatch, options: FetchOptions): Promise<Fetched> {
  const { stream, clock, signal, passes, payloads } = options;
  const { shardId, first, last, batchSize, payload } = batch;
  // Between them may lie others, which the filters dropped then and let through now.
  const kept = payload && new Set(payload.map(({ sequence }) => sequence));
  let limit = Math.min(MOST_RECORDS, Math.max(batchSize, batch.lanes === 1 ? 1 : 1_000));
  const records: UserRecord[] = [];
  let hasFirst = false;
  let hasLast = false;
  let iterator: string | undefined;
  try {
    const from = { at: 'AT_SEQUENCE_NUMBER', sequence: first.sequence } as const;
    iterator = await patiently(options, () => stream.getIterator(shardId, from, { signal }));
  } catch (thrown) {
    // A shard leaves the stream with its last record, and a number that no shard has is refused.
    if (hasCode(thrown, 'NotFound', 'InvalidInput')) return { records, isWhole: false };
    throw thrown;
  }
  while (iterator !== undefined) {
    const at: string = iterator;
    const most = limit;
    const page: GetRecordsResult = await patiently(options, () => stream.getRecords(at, most, { signal }));
    const opened = deaggregate(page.records, { placement: { own: undefined, parents: [] } });
    for (const record of payloadsOf(opened.records, payloads?.open))
      if (isOf(batch, record) && kept?.has(record.sequence) !== false && passes(record, shardId))
        records.push(record);
    hasFirst ||= page.records.some((record) => record.sequence === first.sequence);
    hasLast ||= page.records.some((record) => record.sequence === last.sequence);
    const read = page.records.at(-1);
    if (read && compareSequence(read.sequence, last.sequence) >= 0) break;
    if (!read && page.millisBehindLatest === 0) break;
    iterator = page.nextIterator;
    // Between records that passed the filters lie those that did not, however many.
    limit = Math.min(MOST_RECORDS, limit * 2);
    await clock.sleep(READ_EVERY_MS, { signal });
    if (signal.aborted) throw abortError(signal);
  }
  return { records, isWhole: hasFirst && hasLast };
}

/** Of one Kinesis record after the other: what may come out is bounded for each. */
function* payloadsOf(records: RecordList, open: OpenPayloads | undefined): Generator<UserRecord> {
  if (open === undefined) return yield* records;
  for (let at = 0, end = 0; at < records.length; at = end) {
    end = endOfRecord(records, at);
    yield* open(records.slice(at, end));
  }
}

function isOf({ first, last, lane, lanes }: StoredBatch, record: UserRecord): boolean {
  const { sequence, subSequence, partitionKey } = record;
  const fromFirst = compareSequence(sequence, first.sequence) || stepInside(subSequence, first.subSequence);
  const fromLast = compareSequence(sequence, last.sequence) || stepInside(subSequence, last.subSequence);
  return fromFirst >= 0 && fromLast <= 0 && laneOf(partitionKey, lanes) === lane;
}

/** The record is there in full at a bound of the batch that lies inside it: `isOf` cannot tell what of it the batch had. */
export function isCutOtherwise({ first, last }: StoredBatch, { sequence, subSequence }: UserRecord): boolean {
  return [first, last].some(
    (bound) => bound.sequence === sequence && differs(bound.subSequence, subSequence),
  );
}

function differs(bound: number | undefined, subSequence: number | undefined): boolean {
  return bound !== undefined && isPayloadPosition(bound) !== isPayloadPosition(subSequence);
}

/** 0 as well where it is not known: `format` has been corrected since, and what was a part is there as a whole, or the other way. */
function stepInside(subSequence: number | undefined, bound: number | undefined): number {
  if (bound === undefined || differs(bound, subSequence)) return 0;
  return (subSequence ?? 0) - bound;
}
