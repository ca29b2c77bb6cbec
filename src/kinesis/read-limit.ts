/** A read that takes longer asks for too much at once: it delays all that is behind it, ms. */
const SLOW_READ_MS = 5_000;
/** What a read brings at most while memory is short; a shard serves no more than two of these a second. */
const SPARING_BYTES = 1024 * 1024;
/** Asked for sparingly while the size of the shard's records is not known. */
const SPARING_RECORDS = 100;

export interface FinishedRead {
  records: number;
  tookMs: number;
}

/**
 * How many records to ask for next, after a read of `limit`. A read that failed on its way may have been too large for the
 * line, or for something in between that cuts long answers: the next one is much smaller. One that was slow leads to
 * the size that the line carries in time, and full ones let it grow again.
 */
export function nextReadLimit(limit: number, max: number, read: FinishedRead | 'failed'): number {
  if (read === 'failed') return Math.max(1, Math.floor(limit / 8));
  const { records, tookMs } = read;
  const inTime = Math.max(1, Math.floor(records * Math.max(0.5, SLOW_READ_MS / tookMs)));
  if (records > 0 && tookMs > SLOW_READ_MS) return Math.min(limit, inTime);
  return records < limit ? limit : Math.min(max, Math.ceil(limit * 1.5));
}

/** The bound of `limit` while memory is short; `recordBytes` is what the shard's records have on average. */
export function sparingLimit(limit: number, recordBytes: number | undefined): number {
  const fits = recordBytes === undefined ? SPARING_RECORDS : Math.floor(SPARING_BYTES / recordBytes);
  return Math.max(1, Math.min(limit, fits));
}
