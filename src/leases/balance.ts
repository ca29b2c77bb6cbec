export interface Load {
  worker: string;
  held: number;
  /** Most shards this worker takes. */
  capacity: number;
}

/**
 * How many shards each worker should hold once `incoming` unowned shards are placed, so that the counts differ by
 * at most one and as few shards as possible move.
 *
 * With `mayGive`, all shards are levelled: everybody gets the floor of the average, and the remainder goes to workers
 * that hold more than the floor already (they keep what they have), then by name. Without it nobody gives anything
 * away: workers above the level keep what they hold, the others are filled up to a common level.
 *
 * The result is confluent: after any part of the resulting moves is done, the same targets come out again. A giver
 * never falls below its target and a receiver never rises above it, and the remainder is tied to names, not to the
 * exact number somebody still holds.
 */
export function targetLoads(loads: readonly Load[], incoming: number, mayGive: boolean): Map<string, number> {
  const targets = new Map(
    loads.map((load) => [load.worker, mayGive ? Math.min(load.held, load.capacity) : load.held]),
  );
  let pool = loads.filter((load) => mayGive || load.held < load.capacity).sort(byName);
  let total = incoming + sum(pool.map((load) => load.held));
  while (pool.length > 0) {
    const base = Math.floor(total / pool.length);
    const extra = total % pool.length;
    const full = pool.filter((load) => load.capacity <= base);
    const above = mayGive ? [] : keepers(pool, base, extra);
    const leaving = full.length > 0 ? full : above;
    if (leaving.length === 0) {
      const withExtra = new Set(
        [...pool.filter((l) => l.held > base), ...pool.filter((l) => l.held <= base)].slice(0, extra),
      );
      for (const load of pool) targets.set(load.worker, base + (withExtra.has(load) ? 1 : 0));
      break;
    }
    // Those at their bound, or above the level when nobody gives, are settled; level the rest among themselves.
    for (const load of leaving) {
      const target = full.length > 0 ? load.capacity : load.held;
      targets.set(load.worker, target);
      total -= target;
    }
    pool = pool.filter((load) => !leaving.includes(load));
  }
  return targets;
}

/** Workers that hold more than their share and cannot give it away. */
function keepers(pool: readonly Load[], base: number, extra: number): Load[] {
  const level = extra > 0 ? base + 1 : base;
  const over = pool.filter((load) => load.held > level);
  if (over.length > 0) return over;
  const atTop = pool.filter((load) => load.held > base);
  return atTop.length > extra ? atTop : [];
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function byName(a: Load, b: Load): number {
  return a.worker < b.worker ? -1 : 1;
}
