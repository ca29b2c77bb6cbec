import type { ShardRow } from '../page-data.ts';

export const SORTS = ['lineage', 'lag', 'load', 'width', 'id', 'owner', 'state'] as const;
export type SortId = (typeof SORTS)[number];

/** By hash key, and where two cover the same, the older first. */
export function byHashKey(a: ShardRow, b: ShardRow): number {
  return a.from - b.from || (a.id < b.id ? -1 : 1);
}

/** `lineage`: by hash key; numbers greatest first, what is not known last; words by alphabet; states, troubles first. */
export function sortShards(shards: readonly ShardRow[], by: SortId): ShardRow[] {
  switch (by) {
    case 'lineage':
      return shards.toSorted(byHashKey);
    case 'lag':
      return shards.toSorted((a, b) => (b.lagMs ?? -1) - (a.lagMs ?? -1) || byHashKey(a, b));
    case 'load':
      return shards.toSorted((a, b) => (b.load ?? -1) - (a.load ?? -1) || byHashKey(a, b));
    case 'width':
      return shards.toSorted((a, b) => b.width - a.width || byHashKey(a, b));
    case 'id':
      return shards.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    case 'owner':
      return shards.toSorted((a, b) => compare(a.owner, b.owner) || byHashKey(a, b));
    case 'state':
      return shards.toSorted((a, b) => RANK[kindOf(a)] - RANK[kindOf(b)] || byHashKey(a, b));
  }
}

function compare(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  if (a === undefined || b === undefined) return a === undefined ? 1 : -1;
  return a < b ? -1 : 1;
}

/** How a shard is drawn: what its state and its judgement come to for the eye. */
export type ShardKind = 'trouble' | 'behind' | 'ok' | 'waiting' | 'ended';

const RANK: Record<ShardKind, number> = { trouble: 0, behind: 1, ok: 2, waiting: 3, ended: 4 };

export function kindOf({
  state,
  judgement,
  cause,
}: Pick<ShardRow, 'state' | 'judgement' | 'cause'>): ShardKind {
  if (state === 'ended') return 'ended';
  if (state === 'waiting' || cause === 'Paused') return 'waiting';
  if (judgement === 'Stalled' || judgement === 'Stopped' || judgement === 'Rewound') return 'trouble';
  if (state === 'unowned') return 'trouble';
  return judgement === 'Slow' || state === 'handing-off' ? 'behind' : 'ok';
}

/** Those that `find` is part of, by id, owner or state. */
export function matching(shards: readonly ShardRow[], find: string): readonly ShardRow[] {
  const wanted = find.trim().toLowerCase();
  if (wanted === '') return shards;
  return shards.filter(({ id, owner = '', state, judgement = '', cause = '' }) =>
    [id, owner, state, judgement, cause].some((text) => text.toLowerCase().includes(wanted)),
  );
}
