import { HASH_KEY_COUNT, parseHashRange, type HashRange } from './hash-key.ts';
import { parentsOf, type Shard } from './shard.ts';

/**
 * Who came from whom among the shards of one list. Parents that the list does not hold have left the stream with its
 * retention and count as none.
 */
export interface Lineage {
  /** Every shard has an entry; only parents that are in the list. */
  parents: ReadonlyMap<string, readonly string[]>;
}

/** `shards` is one whole list: a part of it would make parents look as if they had left. */
export function lineageOf(shards: readonly Shard[]): Lineage {
  const listed = new Set(shards.map(({ shardId }) => shardId));
  const parents = shards.map((shard): [string, string[]] => [
    shard.shardId,
    parentsOf(shard).filter((id) => listed.has(id)),
  ]);
  return { parents: new Map(parents) };
}

/** By id, each behind those of its parents that are among them. */
export function parentsFirst(shards: readonly Shard[]): Shard[] {
  const byId = new Map(shards.map((shard) => [shard.shardId, shard]));
  const ordered = new Set<Shard>();
  const visit = (shard: Shard) => {
    if (ordered.has(shard)) return;
    for (const id of parentsOf(shard)) {
      const parent = byId.get(id);
      if (parent) visit(parent);
    }
    ordered.add(shard);
  };
  [...shards].sort((a, b) => (a.shardId < b.shardId ? -1 : 1)).forEach(visit);
  return [...ordered];
}

/** All shards that this one descends from, as far as the list goes back, nearest first. */
export function ancestorsOf({ parents }: Lineage, shardId: string): string[] {
  const found = new Set<string>();
  let generation: readonly string[] = parents.get(shardId) ?? [];
  while (generation.length > 0) {
    const fresh = generation.filter((id) => !found.has(id));
    for (const id of fresh) found.add(id);
    generation = fresh.flatMap((id) => parents.get(id) ?? []);
  }
  return [...found];
}

/**
 * Has this shard left the stream with its retention? `listed` is all that the stream has. One that is too new for the list
 * is not in it either, but then only older shards cover its hash keys; descendants of one that left are younger. A shard
 * whose range is not known is known from another program: it is not new.
 */
export function hasLeft(
  {
    shardId,
    hashStart,
    hashEnd,
  }: { shardId: string; hashStart: string | undefined; hashEnd: string | undefined },
  listed: readonly Shard[],
): boolean {
  if (listed.some((shard) => shard.shardId === shardId)) return false;
  if (hashStart === undefined || hashEnd === undefined) return listed.length > 0;
  const { start, end } = parseHashRange({ hashStart, hashEnd });
  const holes = holesBetween(listed.filter((shard) => shard.shardId > shardId));
  return holes.every((hole) => hole.end < start || hole.start > end);
}

/** The ranges of hash keys that no shard covers, in order: none for the open shards of a settled stream. */
export function holesBetween(shards: readonly Pick<Shard, 'hashStart' | 'hashEnd'>[]): HashRange[] {
  const ranges = shards.map(parseHashRange).sort((a, b) => compareBigInt(a.start, b.start));
  const holes: HashRange[] = [];
  let next = 0n;
  for (const { start, end } of ranges) {
    if (start > next) holes.push({ start: next, end: start - 1n });
    if (end >= next) next = end + 1n;
  }
  if (next < HASH_KEY_COUNT) holes.push({ start: next, end: HASH_KEY_COUNT - 1n });
  return holes;
}

function compareBigInt(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * How many of `shards` can be read at the same time, now or later, when children wait for their parents; more workers
 * than this have nothing to do. Pass the shards that are not finished yet.
 *
 * Shards whose hash ranges overlap descend from one another, so the answer is the most ranges that are pairwise
 * disjoint: take them by their ends. (Disjoint shards may still be related across a merge and a split at another
 * border; then this is one or two too many, which costs an idle worker for a while.)
 */
export function parallelReadable(shards: readonly Pick<Shard, 'hashStart' | 'hashEnd'>[]): number {
  const ranges = shards.map(parseHashRange).sort((a, b) => compareBigInt(a.end, b.end));
  let count = 0;
  let taken = -1n;
  for (const { start, end } of ranges) {
    if (start <= taken) continue;
    count += 1;
    taken = end;
  }
  return count;
}
