import { KcgError } from '../../lib/errors.ts';
import { hashKeyOf, isHashKey } from '../hash-key.ts';
import { invalid, rateExceeded } from './errors.ts';
import type { MemoryStream } from './stream-state.ts';

export interface PutEntry {
  /** 1–256 Unicode characters. */
  partitionKey: string;
  /** With the partition key at most the stream's `maxRecordKiB`. Kept, not copied: do not change it afterwards. */
  data: Uint8Array;
  /** Decimal, 0 to 2^128 − 1; overrides the partition key's hash. */
  explicitHashKey?: string | undefined;
}

export interface PutReceipt {
  shardId: string;
  sequence: string;
}

const MAX_KEY_CHARACTERS = 256;
const MAX_BATCH_BYTES = 10 * 1024 * 1024;
const MAX_BATCH_RECORDS = 500;

interface SizedEntry extends PutEntry {
  bytes: number;
}

/** @throws KcgError `InvalidInput`, or `Throttled` when the shard takes no more now. */
export function putOne(stream: MemoryStream, entry: PutEntry, now: number, limited: boolean): PutReceipt {
  stream.requireUsable();
  return put(stream, { ...entry, bytes: checkEntry(entry, stream) }, now, limited);
}

function put(stream: MemoryStream, entry: SizedEntry, now: number, limited: boolean): PutReceipt {
  const isOnly = stream.openShards.length === 1 && entry.explicitHashKey === undefined;
  const shard = stream.shardFor(isOnly ? 0n : hashKeyOf(entry.partitionKey, entry.explicitHashKey));
  if (limited && !shard.admits(entry.bytes, now)) throw rateExceeded(shard.id, stream);
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
      `1 validation error detected: Value at 'records' failed to satisfy constraint: Member must have length less than or equal to ${MAX_BATCH_RECORDS} and greater than or equal to 1`,
    );
  }
  const sized = entries.map((entry, index) => ({
    ...entry,
    bytes: checkEntry(entry, stream, `records.${index + 1}.member.`),
  }));
  const bytes = sized.reduce((sum, entry) => sum + entry.bytes, 0);
  if (bytes > MAX_BATCH_BYTES) throw invalid('Records size exceeds 10 MB limit');
  return sized.map((entry) => {
    try {
      return put(stream, entry, now, limited);
    } catch (error) {
      return KcgError.from(error);
    }
  });
}

/** The entry's size in bytes. `path` leads to the entry in a request of several. */
function checkEntry(
  { partitionKey, data, explicitHashKey }: PutEntry,
  { maxRecordKiB }: MemoryStream,
  path = '',
): number {
  if (partitionKey === '' || hasMoreCharacters(partitionKey, MAX_KEY_CHARACTERS)) {
    throw invalid(
      `1 validation error detected: Value at '${path}partitionKey' failed to satisfy constraint: Member must have length between 1 and ${MAX_KEY_CHARACTERS}`,
    );
  }
  const bytes = data.length + Buffer.byteLength(partitionKey);
  if (bytes > maxRecordKiB * 1024) {
    throw invalid(
      `1 validation error detected: Value at '${path}data' failed to satisfy constraint: Member must have length less than or equal to ${maxRecordKiB * 1024}`,
    );
  }
  if (explicitHashKey !== undefined && !isHashKey(explicitHashKey)) {
    throw invalid(
      `Invalid ExplicitHashKey. ExplicitHashKey must be in the range: [0, 2^128-1]. Specified value was ${explicitHashKey}`,
    );
  }
  return bytes;
}

/** Counts as the service does, where one beyond the Basic Multilingual Plane is one, not two. */
function hasMoreCharacters(text: string, max: number): boolean {
  return text.length > max && (text.length > 2 * max || Array.from(text).length > max);
}
