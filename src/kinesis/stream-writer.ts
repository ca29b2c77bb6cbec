export interface NewRecord {
  partitionKey: string;
  data: Uint8Array;
  /** Decimal; in place of the key's hash. */
  explicitHashKey?: string | undefined;
}

export type Written = { shardId: string; sequence: string } | { refused: string };

/** Most records of one call. */
export const MAX_RECORDS = 500;
/** Most bytes of one call, keys included. */
export const MAX_CALL_BYTES = 5 * 1024 * 1024;

/**
 * Writes to one stream. Throws `KcgError`: `NotFound`, `AccessDenied`, `Credentials`, `InvalidInput` (a record that is too
 * large), `Throttled`, `Timeout` and `Unavailable`, after which records may have been written or not.
 */
export interface StreamWriter {
  /** One for each record, in their order; at most `MAX_RECORDS`. Some may be refused while others are written. */
  put(records: readonly NewRecord[], options?: { signal?: AbortSignal | undefined }): Promise<Written[]>;
  close(): void;
}
