import { unreachable } from '../../lib/assert.ts';
import { invalid } from './errors.ts';
import { decodeIterator, encodeIterator, shardOfIterator } from './iterator.ts';
import type { MemoryShard } from './shard.ts';
import type { MemoryStream } from './stream-state.ts';
import type { Shard } from '../shard.ts';

/** The service's six ways to choose shards; times in ms. */
export type ListFilter =
  | { type: 'AFTER_SHARD_ID'; shardId: string }
  | { type: 'AT_TRIM_HORIZON' | 'FROM_TRIM_HORIZON' | 'AT_LATEST' }
  | { type: 'AT_TIMESTAMP' | 'FROM_TIMESTAMP'; timestampMs: number };

export interface ListShardsRequest {
  filter?: ListFilter | undefined;
  /** Only shards with an id after this one. */
  exclusiveStartShardId?: string | undefined;
  /** 1–10,000. */
  maxResults?: number | undefined;
}

export interface ListShardsPage {
  shards: Shard[];
  /** Good for five minutes. */
  nextToken?: string;
}

const MAX_RESULTS = 1000;

/** One page, in the order of shard ids. */
export function listPage(stream: MemoryStream, request: ListShardsRequest, now: number): ListShardsPage {
  const max = request.maxResults ?? MAX_RESULTS;
  const after = request.exclusiveStartShardId ?? '';
  const chosen = stream.shards.filter(
    (shard) => shard.id > after && isChosen(shard, request.filter, stream, now),
  );
  const page = chosen.slice(0, max);
  const last = page.at(-1);
  const token = last && chosen.length > page.length ? encodeToken(stream, request, last.id, now) : undefined;
  return { shards: page.map((shard) => shard.describe()), ...(token ? { nextToken: token } : {}) };
}

function isChosen(
  shard: MemoryShard,
  filter: ListFilter | undefined,
  stream: MemoryStream,
  now: number,
): boolean {
  const horizon = stream.horizon(now);
  switch (filter?.type) {
    case undefined:
    case 'FROM_TRIM_HORIZON':
      return true;
    case 'AFTER_SHARD_ID':
      return shard.id > filter.shardId;
    case 'AT_LATEST':
      return shard.isOpen;
    case 'AT_TRIM_HORIZON':
      return isOpenAt(shard, horizon);
    case 'AT_TIMESTAMP':
      requirePast(filter.timestampMs, now);
      return isOpenAt(shard, Math.max(horizon, filter.timestampMs));
    case 'FROM_TIMESTAMP':
      requirePast(filter.timestampMs, now);
      return (shard.closedAt ?? Infinity) >= filter.timestampMs;
    default:
      return unreachable(filter);
  }
}

function isOpenAt(shard: MemoryShard, at: number): boolean {
  return shard.createdAt <= at && (shard.closedAt ?? Infinity) > at;
}

function requirePast(timestampMs: number, now: number): void {
  if (timestampMs > now)
    throw invalid('Timestamp in ShardFilter cannot be greater than the current timestamp.');
}

function encodeToken(stream: MemoryStream, request: ListShardsRequest, shardId: string, now: number): string {
  const content = { stream: stream.name, streamCreatedAt: stream.createdAt, position: 0, issuedAt: now };
  return encodeIterator({ ...content, shardId: JSON.stringify([shardId, request.filter ?? null]) });
}

/** @throws KcgError `InvalidInput` for text that is no token, `ExpiredIterator` after five minutes. */
export function decodeToken(token: string, now: number): { stream: string; request: ListShardsRequest } {
  const shardId = shardOfIterator(token);
  // An iterator names its shard there, and nothing else.
  if (shardId?.startsWith('[') !== true) throw invalid('Invalid NextToken.');
  const [exclusiveStartShardId, filter] = JSON.parse(shardId) as [string, ListFilter | null];
  const { stream } = decodeIterator(token, now);
  return { stream, request: { exclusiveStartShardId, filter: filter ?? undefined } };
}
