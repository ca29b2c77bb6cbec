/*
 * Load after count. Once every worker holds its number of shards, which ones it holds still matters: a hot shard starves
 * those beside it. Two rules, chosen so that a plan that is half executed is still the same plan:
 *   all counts equal   the heaviest worker swaps a shard with a lighter one. After one half of it the counts are off by
 *                      one each way, and levelling them, shard chosen by load, is the other half.
 *   counts off by one  a worker with the extra shard gives it to a lighter one without: the light ones should hold more.
 * The two halves of a swap come in any order, so neither worker may be full: for a while it can hold one more.
 * One exchange per plan, and only if it helps by MIN_GAIN and by MIN_GAIN_RATIO of what the heavier worker carries, so that
 * loads that waver do not make shards wander.
 */

export interface Weighted {
  shardId: string;
  /** Records or KiB per second, whichever is greater. */
  load: number;
}

export interface Holding {
  worker: string;
  shards: readonly Weighted[];
  /** Most shards the worker may hold. */
  capacity: number;
}

export interface Exchange {
  shardId: string;
  from: string;
  to: string;
}

/** Least fall of the heavier worker's load: records or KiB per second. */
const MIN_GAIN = 10;
/** … and as a part of that load. */
const MIN_GAIN_RATIO = 0.2;

/** The exchange that levels loads best among workers with level counts; empty when none is worth it. */
export function exchangeByLoad(holdings: readonly Holding[]): Exchange[] {
  const sizes = holdings.map(({ shards }) => shards.length);
  const spread = Math.max(...sizes) - Math.min(...sizes);
  if (spread > 1) return [];
  const byLoad = holdings
    .map((holding) => ({ ...holding, load: sum(holding.shards) }))
    .sort((a, b) => b.load - a.load || (a.worker < b.worker ? -1 : 1));
  for (const heavy of byLoad) {
    for (const light of byLoad.toReversed()) {
      const least = Math.max(MIN_GAIN, heavy.load * MIN_GAIN_RATIO);
      if (heavy.load - light.load < least) break;
      const found =
        spread === 0
          ? isFull(heavy) || isFull(light)
            ? undefined
            : bestSwap(heavy.shards, light.shards, heavy.load, light.load)
          : heavy.shards.length > light.shards.length
            ? bestGive(heavy.shards, heavy.load, light.load)
            : undefined;
      if (found === undefined || heavy.load - found.top < least) continue;
      return [
        { shardId: found.give, from: heavy.worker, to: light.worker },
        ...(found.take === undefined ? [] : [{ shardId: found.take, from: light.worker, to: heavy.worker }]),
      ];
    }
  }
  return [];
}

function isFull({ shards, capacity }: Holding): boolean {
  return shards.length >= capacity;
}

/** The shard whose move leaves the heavier of the two lightest; the last by name among equals. */
export function shardToGive(giver: Holding, receiver: Holding): string | undefined {
  return bestGive(giver.shards, sum(giver.shards), sum(receiver.shards))?.give;
}

interface Found {
  give: string;
  take?: string;
  /** Load of the heavier of the two afterwards. */
  top: number;
}

function bestGive(shards: readonly Weighted[], giver: number, receiver: number): Found | undefined {
  let best: Found | undefined;
  for (const { shardId, load } of shards.toSorted(lastFirst)) {
    const top = Math.max(giver - load, receiver + load);
    if (best === undefined || top < best.top) best = { give: shardId, top };
  }
  return best;
}

function bestSwap(
  heavy: readonly Weighted[],
  light: readonly Weighted[],
  heavyLoad: number,
  lightLoad: number,
): Found | undefined {
  let best: Found | undefined;
  for (const mine of heavy.toSorted(lastFirst)) {
    const found = bestGive(light, lightLoad + mine.load, heavyLoad - mine.load);
    if (found && (best === undefined || found.top < best.top)) {
      best = { give: mine.shardId, take: found.give, top: found.top };
    }
  }
  return best;
}

function sum(shards: readonly Weighted[]): number {
  return shards.reduce((total, { load }) => total + load, 0);
}

function lastFirst(a: Weighted, b: Weighted): number {
  return a.shardId < b.shardId ? 1 : -1;
}
