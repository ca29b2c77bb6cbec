import { KcgError } from '../../lib/errors.ts';
import { positionOf, type UserRecord } from '../../kinesis/record.ts';
import type { FailedResult, HandlerResult } from './handler.ts';
import { shown } from './shown.ts';

/**
 * What named failures mean, by AWS Lambda's rules for `ReportBatchItemFailures`: without any the batch is done, otherwise
 * everything before the first failed record is. An identifier is the record's sequence number; the user records of a KPL
 * aggregate, and the payloads of a record, share it, and it means the first of them in the batch. With the sub-sequence behind a
 * colon it means that one. One identifier that is missing, empty or not of the batch fails the whole batch.
 * Source: AWS Lambda developer guide, "Configuring partial batch response with Kinesis Data Streams and Lambda".
 * @param lists each value of a `batchItemFailures` in the answer
 */
export function resultOfFailures(lists: readonly unknown[], records: readonly UserRecord[]): HandlerResult {
  let firstFailure = Infinity;
  let indexes: ReadonlyMap<string, number> | undefined;
  for (const list of lists) {
    if (list === undefined || list === null) continue;
    if (!Array.isArray(list)) return failed('batchItemFailures is not a list');
    for (const failure of list) {
      const identifier = identifierOf(failure);
      if (typeof identifier !== 'string' || identifier === '') {
        return failed('batchItemFailures has an entry whose itemIdentifier is not a sequence number');
      }
      indexes ??= firstIndexes(records);
      const index = indexes.get(identifier);
      if (index === undefined) {
        return failed(`batchItemFailures names '${shown(identifier)}', which is not in the batch`);
      }
      firstFailure = Math.min(firstFailure, index);
    }
  }
  return firstFailure === Infinity ? { outcome: 'done' } : { outcome: 'partial', firstFailure };
}

/** A failure of the whole batch, as `HandlerFailed`: none of it is acknowledged, and it is delivered again. */
export function failed(message: string, cause?: unknown): FailedResult {
  return { outcome: 'failed', error: new KcgError('HandlerFailed', message, { cause }) };
}

/** In any casing, with and without `_`. */
function identifierOf(failure: unknown): unknown {
  if (typeof failure !== 'object' || failure === null) return undefined;
  const key = Object.keys(failure).find((key) => /^item[_-]?identifier$/i.test(key));
  return key === undefined ? undefined : (failure as Record<string, unknown>)[key];
}

function firstIndexes(records: readonly UserRecord[]): Map<string, number> {
  const indexes = new Map<string, number>();
  for (const [index, record] of records.entries()) {
    for (const identifier of [record.sequence, positionOf(record)])
      if (!indexes.has(identifier)) indexes.set(identifier, index);
  }
  return indexes;
}
