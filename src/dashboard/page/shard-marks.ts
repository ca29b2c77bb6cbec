import type { ShardKind } from './shard-order.ts';

/** Where a shard is drawn from left to right, CSS pixels. */
export interface Extent {
  kind: ShardKind;
  x: number;
  w: number;
}

export interface ShardMarks {
  /** Middles of triangles above what is in trouble. */
  triangles: number[];
  /** Low bars above what is behind. */
  bars: { from: number; to: number }[];
}

/** How wide a mark is at least: among a thousand shards one of them is narrower than can be seen. */
export const MARK_PX = 8;

/**
 * The marks above the picture, which tell without any colour what is behind and what is in trouble. Those that would lie on each
 * other are one, so that a run of troubles is a row of triangles and no blot.
 */
export function marksOf(extents: readonly Extent[]): ShardMarks {
  const triangles: number[] = [];
  const bars: ShardMarks['bars'] = [];
  // Those of parents and of their children take turns.
  const byMiddle = extents
    .map(({ kind, x, w }) => ({ kind, w, middle: x + w / 2 }))
    .sort((a, b) => a.middle - b.middle);
  for (const { kind, w, middle } of byMiddle) {
    if (kind === 'trouble') {
      if (middle - (triangles.at(-1) ?? -Infinity) >= MARK_PX) triangles.push(middle);
    } else if (kind === 'behind') {
      const reach = Math.max(w, MARK_PX) / 2;
      const [from, to] = [middle - reach, middle + reach];
      const last = bars.at(-1);
      if (last && from <= last.to)
        Object.assign(last, { from: Math.min(last.from, from), to: Math.max(last.to, to) });
      else bars.push({ from, to });
    }
  }
  return { triangles, bars };
}
