import { KcgError } from '../../lib/errors.ts';
import type { UserRecord } from '../../kinesis/record.ts';
import type { HandlerResult } from './handler.ts';

/**
 * What a handler's answer means, by AWS Lambda's rules for `ReportBatchItemFailures`: no answer, or no failures, is
 * done; otherwise everything before the first failed record is. An identifier is the record's sequence number; of a KPL
 * aggregate it means its first user record. An empty or unknown identifier fails the whole batch.
 * Source: AWS Lambda developer guide, "Reporting batch item failures" for Kinesis.
 */
export function resultOf(answer: unknown, records: readonly UserRecord[]): HandlerResult {
  if (answer === undefined || answer === null || answer === '') return { outcome: 'done' };
  const failures = (answer as { batchItemFailures?: unknown }).batchItemFailures;
  if (typeof answer !== 'object' || failures === undefined || failures === null) return { outcome: 'done' };
  if (!Array.isArray(failures)) return failed('batchItemFailures is not a list');
  let first = Infinity;
  for (const failure of failures) {
    const identifier = (failure as { itemIdentifier?: unknown } | null)?.itemIdentifier;
    const index = records.findIndex((record) => record.sequence === identifier);
    if (index < 0)
      return failed(`batchItemFailures names '${String(identifier)}', which is not in the batch`);
    first = Math.min(first, index);
  }
  return first === Infinity ? { outcome: 'done' } : { outcome: 'partial', firstFailure: first };
}

export function failed(message: string, cause?: unknown): HandlerResult {
  return { outcome: 'failed', error: new KcgError('HandlerFailed', message, { cause }) };
}

/** The handler's result, or a failure as soon as `signal` aborts: a handler that ignores it is not waited for. */
export async function unlessAborted(
  signal: AbortSignal,
  work: Promise<HandlerResult>,
): Promise<HandlerResult> {
  let onAbort = () => {};
  const aborted = new Promise<HandlerResult>((resolve) => {
    onAbort = () => resolve({ outcome: 'failed', error: new KcgError('Aborted', 'the batch was given up') });
    if (signal.aborted) onAbort();
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
