/** A read that takes longer asks for too much at once: it delays all that is behind it, ms. */
const SLOW_READ_MS = 5_000;
/** While it is not known what the shard's records weigh: as if each had a KiB, and no more than these. */
const UNKNOWN_BYTES = 1024;
const UNKNOWN_RECORDS = 1_000;

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

/** Memory for what a read may bring, shared by the shards of a worker. */
export interface ReadRoom {
  /** Bytes that the next read may bring. They count until they are settled. */
  ask(): number;
  /** What was asked for has come, or will not. */
  settle(): void;
}

/** What a record costs beside its data and its key, bytes: about that of the object it becomes. */
const RECORD_BYTES = 150;

/** The bound of `limit` where a read may bring `bytes`; `recordBytes` is what the shard's records weigh on average, data and key. */
export function limitWithin(bytes: number, limit: number, recordBytes: number | undefined): number {
  const fits =
    recordBytes === undefined
      ? Math.min(UNKNOWN_RECORDS, bytes / UNKNOWN_BYTES)
      : bytes / (recordBytes + RECORD_BYTES);
  return Math.max(1, Math.min(limit, Math.floor(fits)));
}
