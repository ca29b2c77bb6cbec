/*
 * Where a record is cut into payloads, each has a sub-sequence of its own: behind any position in a KPL aggregate, and the same
 * whichever of the aggregate's user records are read. A reader that cuts otherwise, or not at all, sees that it is no
 * position of its own, and delivers the record again.
 */

/** Below it a sub-sequence is an index in a KPL aggregate. */
const FIRST = 1_000_000_000;
/** Payloads of one user record. */
export const MAX_PAYLOADS = 1_000_000;

/** Of the payload `index` of the user record `aggregateIndex`, or of a plain record. */
export function payloadPosition(aggregateIndex: number | undefined, index: number): number {
  return FIRST + (aggregateIndex ?? 0) * MAX_PAYLOADS + index;
}

export function isPayloadPosition(subSequence: number | undefined): boolean {
  return subSequence !== undefined && subSequence >= FIRST;
}
