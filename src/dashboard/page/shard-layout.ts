import type { ShardRow } from '../page-data.ts';
import { byHashKey } from './shard-order.ts';

/** Where a shard is in the picture: hash keys from left to right, generations from top to bottom. */
export interface Cell {
  shard: ShardRow;
  /** Its first row, and the one behind its last: a shard reaches down to its children. */
  top: number;
  bottom: number;
}

export interface Layout {
  /** By hash key. */
  cells: Cell[];
  /** Rows; at least 1. */
  rows: number;
}

/**
 * A shard stands below all its parents that are shown, and above all its children; one without children reaches down to the
 * bottom, so that the last row is what is read now or next.
 */
export function layoutShards(shards: readonly ShardRow[]): Layout {
  const known = new Map(shards.map((shard) => [shard.id, shard]));
  const tops = new Map<string, number>();
  // Ids grow, so parents come first; a row that names a younger parent is not believed.
  const ordered = shards.toSorted((a, b) => (a.id < b.id ? -1 : 1));
  for (const { id, parents } of ordered) {
    const above = parents.filter((parent) => parent < id && known.has(parent));
    tops.set(id, Math.max(-1, ...above.map((parent) => tops.get(parent)!)) + 1);
  }
  const rows = Math.max(0, ...tops.values()) + 1;
  const bottoms = new Map<string, number>();
  for (const { id, parents } of ordered) {
    for (const parent of parents) {
      if (parent < id && known.has(parent))
        bottoms.set(parent, Math.min(bottoms.get(parent) ?? rows, tops.get(id)!));
    }
  }
  const cells = ordered.map((shard) => ({
    shard,
    top: tops.get(shard.id)!,
    bottom: bottoms.get(shard.id) ?? rows,
  }));
  return { cells: cells.sort((a, b) => byHashKey(a.shard, b.shard)), rows };
}

/** The hash keys that are shown: from where, and how much of all, 0–1. */
export interface Span {
  from: number;
  width: number;
}

export const WHOLE: Span = { from: 0, width: 1 };
const NARROWEST = 1e-6;

/** `factor` > 1 shows less; `around` stays where it is. */
export function zoomed({ from, width }: Span, factor: number, around: number): Span {
  const next = Math.min(1, Math.max(NARROWEST, width / factor));
  return within({ from: around - ((around - from) / width) * next, width: next });
}

/** Moved as little as it takes to show the shard. */
export function showing(span: Span, { from, width }: Pick<ShardRow, 'from' | 'width'>): Span {
  if (from >= span.from && from + width <= span.from + span.width) return span;
  if (width >= span.width) return within({ from: from + width / 2 - span.width / 2, width: span.width });
  return within({ ...span, from: from < span.from ? from : from + width - span.width });
}

/** What lies between two shares of all hash keys, as somebody wrote them; the whole where that is nothing. */
export function spanOf(from: number, to: number): Span {
  const width = Math.max(NARROWEST, to - from);
  return from < to && width < 1 ? within({ from, width }) : WHOLE;
}

function within({ from, width }: Span): Span {
  return { from: Math.min(1 - width, Math.max(0, from)), width };
}

/** The one at a point: `x` of all hash keys, `y` in rows. */
export function cellAt({ cells }: Layout, { x, y }: { x: number; y: number }): Cell | undefined {
  return cells.find(
    ({ shard: { from, width }, top, bottom }) => x >= from && x < from + width && y >= top && y < bottom,
  );
}

/** From one shard to another in one of four directions; the same when there is none. */
export function neighbour(
  { cells }: Layout,
  id: string | undefined,
  direction: 'left' | 'right' | 'up' | 'down',
): Cell | undefined {
  const current = cells.find(({ shard }) => shard.id === id);
  if (!current) return direction === 'left' ? cells.at(-1) : cells[0];
  const { shard, top } = current;
  const middle = shard.from + shard.width / 2;
  if (direction === 'up' || direction === 'down') {
    const isFamily = (cell: Cell) =>
      direction === 'up' ? shard.parents.includes(cell.shard.id) : cell.shard.parents.includes(shard.id);
    const family = cells.filter(isFamily);
    return (
      family.find(({ shard: { from, width } }) => middle >= from && middle < from + width) ??
      family[0] ??
      current
    );
  }
  // Those that are side by side at this row.
  const beside = cells.filter((cell) => cell.top <= top && cell.bottom > top);
  const index = beside.indexOf(current);
  return beside[index + (direction === 'right' ? 1 : -1)] ?? current;
}
