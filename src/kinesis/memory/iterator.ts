import { KcgError } from '../../lib/errors.ts';
import { invalid } from './errors.ts';

/** What a shard iterator of the memory twin stands for. Opaque text to clients. */
export interface IteratorContent {
  stream: string;
  /** Tells a stream from a later one of the same name. */
  streamCreatedAt: number;
  shardId: string;
  /** Of the next record, counted from the shard's first. */
  position: number;
  /** Ms since the epoch. */
  issuedAt: number;
}

/** Iterators and list tokens live for five minutes, ms. */
const TOKEN_LIFE_MS = 300_000;

/** Base64 of JSON, not signed: a client could make one up. For the twin only. */
export function encodeIterator(content: IteratorContent): string {
  const { stream, streamCreatedAt, shardId, position, issuedAt } = content;
  return Buffer.from(JSON.stringify([stream, streamCreatedAt, shardId, position, issuedAt])).toString(
    'base64',
  );
}

/** @throws KcgError `InvalidInput` for text that is no iterator, `ExpiredIterator` after five minutes. */
export function decodeIterator(iterator: string, now: number): IteratorContent {
  const [stream, streamCreatedAt, shardId, position, issuedAt] = fields(iterator);
  const isContent =
    typeof stream === 'string' &&
    typeof streamCreatedAt === 'number' &&
    typeof shardId === 'string' &&
    typeof position === 'number' &&
    typeof issuedAt === 'number';
  if (!isContent) throw invalid('Invalid ShardIterator.');
  const ageMs = now - issuedAt;
  if (ageMs > TOKEN_LIFE_MS) {
    const message = `Iterator expired. The iterator was created at time ${new Date(issuedAt).toUTCString()} while right now it is ${new Date(now).toUTCString()} which is further in the future than the tolerated delay of ${TOKEN_LIFE_MS} milliseconds.`;
    throw new KcgError('ExpiredIterator', message);
  }
  return { stream, streamCreatedAt, shardId, position, issuedAt };
}

/** For fault and latency hooks: whose iterator it is, if it is one. */
export function shardOfIterator(iterator: string): string | undefined {
  const shardId = fields(iterator)[2];
  return typeof shardId === 'string' ? shardId : undefined;
}

function fields(iterator: string): unknown[] {
  try {
    const value: unknown = JSON.parse(Buffer.from(iterator, 'base64').toString());
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}
