import type { ShardView } from './group-view.ts';

export interface TreeLine {
  shard: ShardView;
  /** `│ ├─` and the like; empty for one without a parent that is known. */
  branch: string;
  /** After a merge the second parent, under which it does not stand. */
  otherParents: readonly string[];
}

/**
 * Shards under the shards that they came from, children by hash key. A child of a merge stands under its first parent. Whatever
 * the rows say, each shard is there once.
 */
export function shardTree(shards: readonly ShardView[]): TreeLine[] {
  const known = new Map(shards.map((shard) => [shard.shardId, shard]));
  const parentOf = (shard: ShardView) => shard.parents.find((id) => known.has(id) && id < shard.shardId);
  const children = new Map<string, ShardView[]>();
  const roots: ShardView[] = [];
  for (const shard of shards.toSorted(byHashKey)) {
    const parent = parentOf(shard);
    if (parent === undefined) roots.push(shard);
    else children.set(parent, [...(children.get(parent) ?? []), shard]);
  }
  const lines: TreeLine[] = [];
  const todo = roots.map((shard) => ({ shard, branch: '', below: '' })).reverse();
  for (let next = todo.pop(); next; next = todo.pop()) {
    const { shard, branch, below } = next;
    const parent = parentOf(shard);
    lines.push({ shard, branch, otherParents: shard.parents.filter((id) => id !== parent) });
    const own = children.get(shard.shardId) ?? [];
    const entries = own.map((child, index) => {
      const isLast = index === own.length - 1;
      return {
        shard: child,
        branch: `${below}${isLast ? '└─' : '├─'}`,
        below: `${below}${isLast ? '  ' : '│ '}`,
      };
    });
    todo.push(...entries.reverse());
  }
  return lines;
}

/** Those that are not ended, and what they came from as far as that has something left to read below it. */
export function withoutOld(shards: readonly ShardView[]): readonly ShardView[] {
  const unended = shards.filter(({ state }) => state !== 'ended');
  const kept = new Set(unended.map(({ shardId }) => shardId));
  // One generation of history: what a shard came from, not what that came from.
  const parents = new Set(unended.flatMap((shard) => shard.parents));
  return shards.filter(({ shardId }) => kept.has(shardId) || parents.has(shardId));
}

function byHashKey(a: ShardView, b: ShardView): number {
  const [x, y] = [BigInt(a.hashStart), BigInt(b.hashStart)];
  return x < y ? -1 : x > y ? 1 : a.shardId < b.shardId ? -1 : 1;
}

/** How much of the hash keys a shard has, 0–100; undefined where no range is known. */
export function widthPercent({
  hashStart,
  hashEnd,
}: Pick<ShardView, 'hashStart' | 'hashEnd'>): number | undefined {
  const width = BigInt(hashEnd) - BigInt(hashStart) + 1n;
  if (width <= 1n) return undefined;
  // In millionths, so that a number can hold it.
  return Number((width * 1_000_000n) >> 128n) / 10_000;
}
