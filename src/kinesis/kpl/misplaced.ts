import { hashKeyOf, isHashKey, type HashRange } from '../hash-key.ts';
import type { KinesisRecord } from '../record.ts';
import { parseSequence } from '../sequence-number.ts';
import type { KplRecord } from './aggregate.ts';

/** The KPL gives each of its aggregates this key, and the hash key of the first user record. Source: its kinesis_record.cc. */
const KPL_PARTITION_KEY = 'a';
/** How long after a reshard a producer may still aggregate by the old shards, ms; it learns of it with its first answer. */
const STALE_MS = 3_600_000;

/**
 * Where the records of a shard can have been meant to go. Without ranges (they are not known, or keys do not place records
 * on this stream) no record is taken for one of another shard.
 */
export interface Placement {
  own: HashRange | undefined;
  /** Of the shards that a reshard made this one of; none of a shard that was there from the beginning. */
  parents: readonly HashRange[];
}

/**
 * The user records of an aggregate that belong to another shard and come there, by their index, in order.
 *
 * The KPL aggregates by shard. After a reshard it does so by the old shards until the first answer shows it the new ones;
 * then it sends again what has landed in the wrong one, and to take that twice would bring a key's records out of order.
 * Other producers aggregate whatever their keys and send nothing again. That this is the KPL's is proved by all of: its
 * outer key, which is not that of the first user record (others use that one); the first user record in place; all of them
 * of one old shard; valid hash keys; the time. Where one is missing, everything is kept.
 */
export function misplacedIn(
  record: KinesisRecord,
  parts: readonly KplRecord[],
  { own, parents }: Placement,
): ReadonlySet<number> {
  const none = new Set<number>();
  const first = parts[0];
  if (own === undefined || parents.length === 0 || first === undefined || !isYoung(record)) return none;
  if (record.partitionKey !== KPL_PARTITION_KEY || first.partitionKey === KPL_PARTITION_KEY) return none;
  const hashKeys: bigint[] = [];
  for (const { partitionKey, explicitHashKey } of parts) {
    if (explicitHashKey !== undefined && !isHashKey(explicitHashKey)) return none;
    hashKeys.push(hashKeyOf(partitionKey, explicitHashKey));
  }
  if (!covers(own, hashKeys[0]!)) return none;
  if (!parents.some((parent) => hashKeys.every((hashKey) => covers(parent, hashKey)))) return none;
  return new Set([...hashKeys.keys()].filter((index) => !covers(own, hashKeys[index]!)));
}

/** Was the shard new when the record came? Its sequence number tells; one of another form, or without a time, does not. */
function isYoung({ sequence, arrivedAt }: KinesisRecord): boolean {
  const origin = parseSequence(sequence);
  return origin !== undefined && arrivedAt > 0 && arrivedAt - origin.createdAtSeconds * 1000 <= STALE_MS;
}

function covers(range: HashRange, hashKey: bigint): boolean {
  return range.start <= hashKey && hashKey <= range.end;
}
