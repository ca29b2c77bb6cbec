import { HASH_KEY_COUNT, parseHashRange, type HashRange } from './hash-key.ts';
import { isOpen, parentsOf, type Shard } from './shard.ts';

/**
 * Who came from whom among the shards of one list. Parents that the list does not hold have left the stream with its
 * retention and count as none.
 */
export interface Lineage {
  /** In the list's own order. */
  shards: readonly Shard[];
  byId: ReadonlyMap<string, Shard>;
  /** Every shard has an entry; only parents that are in the list. */
  parents: ReadonlyMap<string, readonly string[]>;
  children: ReadonlyMap<string, readonly string[]>;
}

export function lineageOf(shards: readonly Shard[]): Lineage {
  const byId = new Map(shards.map((shard) => [shard.shardId, shard]));
  const parents = new Map(
    shards.map((shard) => [shard.shardId, parentsOf(shard).filter((id) => byId.has(id))]),
  );
  const children = new Map<string, string[]>(shards.map((shard) => [shard.shardId, []]));
  for (const [id, ids] of parents) for (const parent of ids) children.get(parent)?.push(id);
  return { shards, byId, parents, children };
}

export function openShards(shards: readonly Shard[]): Shard[] {
  return shards.filter(isOpen);
}

/** Shards without a parent in the list: the first to be read. */
export function rootsOf({ shards, parents }: Lineage): Shard[] {
  return shards.filter((shard) => parents.get(shard.shardId)?.length === 0);
}

/** Every shard once, parents before children, by id where that leaves a choice. */
export function parentsFirst({ shards, parents }: Lineage): Shard[] {
  const done = new Set<string>();
  const order: Shard[] = [];
  let rest = [...shards].sort((a, b) => (a.shardId < b.shardId ? -1 : 1));
  // The service numbers children after their parents, so one round is the rule; a cycle cannot be and ends the search.
  while (rest.length > 0) {
    const later: Shard[] = [];
    for (const shard of rest) {
      if ((parents.get(shard.shardId) ?? []).every((id) => done.has(id))) {
        done.add(shard.shardId);
        order.push(shard);
      } else later.push(shard);
    }
    if (later.length === rest.length) return [...order, ...later];
    rest = later;
  }
  return order;
}

/** All shards the given ones descend from, as far as the list goes back, nearest first. */
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
  const { holes } = coverageOf(listed.filter((shard) => shard.shardId > shardId));
  return holes.every((hole) => hole.end < start || hole.start > end);
}

export interface Coverage {
  /** Ranges that no shard covers, in order. */
  holes: HashRange[];
  /** Ranges that more than one shard covers. */
  overlaps: HashRange[];
}

/** How well `shards` cover all hash keys: open shards of a settled stream do so exactly. */
export function coverageOf(shards: readonly Pick<Shard, 'hashStart' | 'hashEnd'>[]): Coverage {
  const ranges = shards.map(parseHashRange).sort((a, b) => compareBigInt(a.start, b.start));
  const holes: HashRange[] = [];
  const overlaps: HashRange[] = [];
  let next = 0n;
  for (const { start, end } of ranges) {
    if (start > next) holes.push({ start: next, end: start - 1n });
    if (start < next) overlaps.push({ start, end: (end < next ? end + 1n : next) - 1n });
    if (end >= next) next = end + 1n;
  }
  if (next < HASH_KEY_COUNT) holes.push({ start: next, end: HASH_KEY_COUNT - 1n });
  return { holes, overlaps };
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
