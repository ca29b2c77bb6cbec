import { KcgError } from '../../lib/errors.ts';
import type { UserRecord } from '../../kinesis/record.ts';
import type { HandlerResult } from './handler.ts';

const DONE: HandlerResult = { outcome: 'done' };
const SHOWN_CHARACTERS = 100;

/**
 * What a handler's answer means, by AWS Lambda's rules for `ReportBatchItemFailures`: no answer, or no failures, is
 * done; otherwise everything before the first failed record is. An identifier is the record's sequence number; the user
 * records of a KPL aggregate share it, and it means the first of them in the batch. One identifier that is missing,
 * empty or not of the batch fails the whole batch.
 * Source: AWS Lambda developer guide, "Configuring partial batch response with Kinesis Data Streams and Lambda".
 */
export function resultOf(answer: unknown, records: readonly UserRecord[]): HandlerResult {
  if (typeof answer !== 'object' || answer === null) return DONE;
  // Not a rule of Lambda, which takes it for done: somebody names failures, so nothing may be acknowledged.
  if (Array.isArray(answer) && answer.some((item) => identifierOf(item) !== undefined)) {
    return failed('the handler answered a bare list; answer {"batchItemFailures": [...]}');
  }
  const { batchItemFailures: failures } = answer as { batchItemFailures?: unknown };
  if (failures === undefined || failures === null) return DONE;
  if (!Array.isArray(failures)) return failed('batchItemFailures is not a list');
  if (failures.length === 0) return DONE;
  const indexes = firstIndexes(records);
  let firstFailure = Infinity;
  for (const failure of failures) {
    const identifier = identifierOf(failure);
    if (typeof identifier !== 'string' || identifier === '') {
      return failed('batchItemFailures has an entry whose itemIdentifier is not a sequence number');
    }
    const index = indexes.get(identifier);
    if (index === undefined) {
      const shown = identifier.slice(0, SHOWN_CHARACTERS);
      return failed(`batchItemFailures names '${shown}', which is not in the batch`);
    }
    firstFailure = Math.min(firstFailure, index);
  }
  return { outcome: 'partial', firstFailure };
}

/** A failure of the whole batch, as `HandlerFailed`: none of it is acknowledged, and it is delivered again. */
export function failed(message: string, cause?: unknown): HandlerResult {
  return { outcome: 'failed', error: new KcgError('HandlerFailed', message, { cause }) };
}

function identifierOf(failure: unknown): unknown {
  return (failure as { itemIdentifier?: unknown } | null | undefined)?.itemIdentifier;
}

function firstIndexes(records: readonly UserRecord[]): Map<string, number> {
  const indexes = new Map<string, number>();
  for (const [index, { sequence }] of records.entries()) {
    if (!indexes.has(sequence)) indexes.set(sequence, index);
  }
  return indexes;
}
