/** A page loads itself anew no sooner than this after it has, ms: servers of two versions may answer by turns. */
export const RELOAD_MS = 300_000;
/** While somebody types or scrolls it waits until nothing was done for so long, ms. */
export const QUIET_MS = 1_000;
/** What would be loaded was another version again, or nothing: not asked for again sooner, ms. */
export const REFUSED_MS = 10_000;

/** `wait` for a quiet moment, `load` the page anew, or `tell` that it is of another version than what it shows. */
export type Renewal = 'none' | 'wait' | 'load' | 'tell';

export interface RenewalFacts {
  /** The page that whoever answers would serve is another than this. */
  isOther: boolean;
  /** In this tab; undefined = never. */
  sinceReloadMs: number | undefined;
  sinceRefusalMs: number;
  sinceInputMs: number;
}

/** What a page does that was left open while kcg was upgraded. */
export function planRenewal({
  isOther,
  sinceReloadMs = RELOAD_MS,
  sinceRefusalMs,
  sinceInputMs,
}: RenewalFacts): Renewal {
  if (!isOther) return 'none';
  // Below zero: the clock was set back.
  if (sinceReloadMs >= 0 && sinceReloadMs < RELOAD_MS) return 'tell';
  if (sinceRefusalMs < REFUSED_MS) return 'tell';
  return sinceInputMs < QUIET_MS ? 'wait' : 'load';
}
