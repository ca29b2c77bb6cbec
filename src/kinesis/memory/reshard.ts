import { evenRanges, type HashRange } from '../hash-key.ts';

/** Splits the shard that covers `at` so that one of its children starts there, or merges the two that meet there. */
export interface ReshardStep {
  kind: 'split' | 'merge';
  at: bigint;
}

/**
 * The steps that turn `open` shards into `target` even ones, as UpdateShardCount takes them: first a split at each
 * wanted border that is not there, then a merge at each border that is not wanted. Doubling is splits alone, halving
 * merges alone; anything else has short-lived shards in between.
 * `open` is ordered and without holes.
 */
export function planShardCount(open: readonly HashRange[], target: number): ReshardStep[] {
  const present = new Set(open.slice(1).map((range) => range.start));
  const wanted = new Set(
    evenRanges(target)
      .slice(1)
      .map((range) => range.start),
  );
  return [
    ...[...wanted].filter((border) => !present.has(border)).map((at) => ({ kind: 'split' as const, at })),
    ...[...present].filter((border) => !wanted.has(border)).map((at) => ({ kind: 'merge' as const, at })),
  ];
}
