import { KcgError } from '../lib/errors.ts';
import { hashKeyOf, isHashKey } from './hash-key.ts';
import { invalid, rateExceeded } from './memory-errors.ts';
import type { MemoryStream } from './memory-stream-state.ts';

export interface PutEntry {
  /** 1–256 characters. */
  partitionKey: string;
  /** At most 1 MiB with the partition key. Kept, not copied: do not change it afterwards. */
  data: Uint8Array;
  /** Decimal, 0 to 2^128 − 1; overrides the partition key's hash. */
  explicitHashKey?: string | undefined;
}

export interface PutReceipt {
  shardId: string;
  sequence: string;
}

const MAX_RECORD_BYTES = 1024 * 1024;
const MAX_BATCH_BYTES = 5 * 1024 * 1024;
const MAX_BATCH_RECORDS = 500;

/** @throws KcgError `InvalidInput`, or `Throttled` when the shard takes no more now. */
export function putOne(stream: MemoryStream, entry: PutEntry, now: number, limited: boolean): PutReceipt {
  stream.requireUsable();
  const bytes = checkEntry(entry);
  const isOnly = stream.openShards.length === 1 && entry.explicitHashKey === undefined;
  const shard = stream.shardFor(isOnly ? 0n : hashKeyOf(entry.partitionKey, entry.explicitHashKey));
  if (limited && !shard.admits(bytes, now)) throw rateExceeded(shard.id, stream);
  return { shardId: shard.id, sequence: shard.append(entry.partitionKey, entry.data, now) };
}

/** One outcome per entry, in order; throttled ones are errors in the list, invalid input fails the whole call. */
export function putMany(
  stream: MemoryStream,
  entries: readonly PutEntry[],
  now: number,
  limited: boolean,
): (PutReceipt | KcgError)[] {
  stream.requireUsable();
  if (entries.length < 1 || entries.length > MAX_BATCH_RECORDS) {
    throw invalid(
      `Member must have length less than or equal to ${MAX_BATCH_RECORDS} and greater than or equal to 1`,
    );
  }
  const bytes = entries.reduce((sum, entry) => sum + checkEntry(entry), 0);
  if (bytes > MAX_BATCH_BYTES) throw invalid('Records size exceeds 5 MB limit');
  return entries.map((entry) => {
    try {
      return putOne(stream, entry, now, limited);
    } catch (error) {
      return KcgError.from(error);
    }
  });
}

function checkEntry({ partitionKey, data, explicitHashKey }: PutEntry): number {
  if (partitionKey.length < 1 || partitionKey.length > 256) {
    throw invalid(
      "1 validation error detected: Value at 'partitionKey' failed to satisfy constraint: Member must have length between 1 and 256",
    );
  }
  const bytes = data.length + Buffer.byteLength(partitionKey);
  if (bytes > MAX_RECORD_BYTES) {
    throw invalid(
      `1 validation error detected: Value at 'data' failed to satisfy constraint: Member must have length less than or equal to ${MAX_RECORD_BYTES}`,
    );
  }
  if (explicitHashKey !== undefined && !isHashKey(explicitHashKey)) {
    throw invalid(
      `Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was ${explicitHashKey}`,
    );
  }
  return bytes;
}
