import { ageOf, type UserRecord } from '../../kinesis/record.ts';
import type { GiveUpCondition } from '../failure/failure-destination.ts';
import type { HandlerResult } from '../handlers/handler.ts';

/*
 * What becomes of a batch, by AWS Lambda's rules for streams. Each call of the handler that fails counts as an attempt,
 * and the first is no retry: a batch is given up when it has failed 1 + maxAttempts times. What does not count:
 *
 * - a call that never reached the handler (nobody listens), as a function that is throttled: only age ends that
 * - a request that the application finds too large: it comes again in parts
 * - splitting: with bisectOnError a failed batch comes again in two, each half with the attempts of the whole, so that only
 *   a single record uses them up
 *
 * A reported record splits the batch where it is: everything before it is done, the rest is a batch that has failed once;
 * with bisectOnError it has not, as splitting is free. When it is the first of the batch, bisecting sets it apart alone.
 * Records that are too old are not delivered, whether they have been or not.
 * Sources: AWS Lambda developer guide, "Retain discarded batch records for a Kinesis Data Streams event source" and
 * "Configuring partial batch response with Kinesis Data Streams and Lambda"; API reference, CreateEventSourceMapping.
 */
export interface RetryPolicy {
  /** How often a failed batch is tried again, 0–10,000; -1 = until it works. */
  maxAttempts: number;
  /** Records older than this are given up, ms; -1 = no limit. */
  maxRecordAgeMs: number;
  bisectOnError: boolean;
}

/** Consecutive records of a lane that are delivered together. */
export interface Part {
  records: readonly UserRecord[];
  /** Failed calls that count against `maxAttempts`. */
  failures: number;
  /** Calls of the handler with its first record. */
  calls: number;
  /** Tries in a row that did not reach the handler. */
  misses: number;
  /** The last call failed without naming records. */
  isError: boolean;
}

export interface Verdict {
  /** How many of the part's records, from the first on, are done. */
  done: number;
  /** What the handler does not get again; it comes before `rest`. */
  giveUp: { part: Part; condition: GiveUpCondition } | undefined;
  /** What comes next, in this order. */
  rest: readonly Part[];
  /** The number of failures in a row to back off by before `rest` is tried; 0 = at once. */
  backoff: number;
}

export function newPart(records: readonly UserRecord[]): Part {
  return { records, failures: 0, calls: 0, misses: 0, isError: false };
}

/** The first `count` records for themselves, when the handler takes no more at once. */
export function cut(part: Part, count: number): Part[] {
  if (count >= part.records.length) return [part];
  return [
    { ...part, records: part.records.slice(0, count) },
    { ...part, records: part.records.slice(count) },
  ];
}

/** What is too old, from the first record on; undefined when the first is not. `nowMs`: since the epoch. */
export function beforeCall(part: Part, { maxRecordAgeMs }: RetryPolicy, nowMs: number): Verdict | undefined {
  if (maxRecordAgeMs < 0) return undefined;
  const young = part.records.findIndex((record) => ageOf(record, nowMs) <= maxRecordAgeMs);
  if (young === 0) return undefined;
  const [old, ...rest] = cut(part, young < 0 ? part.records.length : young);
  return { done: 0, giveUp: { part: old!, condition: 'RecordAgeExceeded' }, rest, backoff: 0 };
}

export function afterCall(part: Part, result: HandlerResult, policy: RetryPolicy): Verdict {
  const { length } = part.records;
  if (result.outcome === 'done') return { done: length, giveUp: undefined, rest: [], backoff: 0 };
  if (result.outcome === 'failed') {
    if (result.isTooLarge) return comesAgain([part], 0);
    if (result.isUndecodable && policy.maxAttempts >= 0) return givenUp(part);
    if (result.isMissed || result.isUndecodable) {
      const missed = { ...part, misses: part.misses + 1 };
      return comesAgain([missed], part.failures + missed.misses);
    }
  }
  const called = { ...part, calls: part.calls + 1, misses: 0, isError: result.outcome === 'failed' };
  const done = result.outcome === 'partial' ? Math.min(result.firstFailure, length - 1) : 0;
  if (done > 0) {
    const records = part.records.slice(done);
    if (policy.bisectOnError) return { ...comesAgain([{ ...called, records }], 1), done };
    return { ...tryAgain({ ...called, records, failures: 1 }, policy), done };
  }
  if (policy.bisectOnError && length > 1) {
    return comesAgain(cut(called, result.outcome === 'partial' ? 1 : Math.ceil(length / 2)), 1);
  }
  return tryAgain({ ...called, failures: part.failures + 1 }, policy);
}

function tryAgain(part: Part, { maxAttempts }: RetryPolicy): Verdict {
  if (maxAttempts < 0 || part.failures <= maxAttempts) return comesAgain([part], part.failures);
  return givenUp(part);
}

function givenUp(part: Part): Verdict {
  const giveUp = { part, condition: 'RetryAttemptsExhausted' as const };
  return { done: 0, giveUp, rest: [], backoff: 0 };
}

function comesAgain(rest: readonly Part[], backoff: number): Verdict {
  return { done: 0, giveUp: undefined, rest, backoff };
}
