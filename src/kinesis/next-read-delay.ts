/** A shard serves 5 GetRecords a second to all groups together, so one group never asks faster than that. */
const MIN_READ_GAP_MS = 200;
/** Bytes a shard serves in a second: 2 MB, told to us only by throttling. */
const READ_BYTES_PER_SECOND = 2 * 1024 * 1024;

export interface LastRead {
  /** Of the records returned, with their partition keys. */
  bytes: number;
  /** 0 when the tip of the shard is reached. */
  millisBehindLatest: number;
}

/**
 * How long after the start of the last read the next may start, ms: behind, as soon as the shard's rates allow;
 * caught up, after the poll interval. The first read starts at once.
 */
export function nextReadDelay(last: LastRead | undefined, pollIntervalMs: number): number {
  if (!last) return 0;
  const paidOffMs = (last.bytes / READ_BYTES_PER_SECOND) * 1000;
  const wantedMs = last.millisBehindLatest > 0 ? 0 : pollIntervalMs;
  return Math.max(MIN_READ_GAP_MS, paidOffMs, wantedMs);
}
