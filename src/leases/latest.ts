/**
 * What `Latest` means is pinned once, when a group begins, and by the clock that also tells when records arrive: the
 * stream's own. A worker's clock, or that of the API server, can be ahead of it, and then the first records would be
 * skipped; so they only ever tell how long ago something was, never when.
 */

/**
 * A little earlier than it was: answers tell time in whole seconds, and the machine that answers is not the one that stores.
 * Records of so long before the group may be delivered; none that came after it is left out.
 */
const MARGIN_MS = 2_000;

/** Signatures are refused of a clock that is further off; a service that checks none may be as far off all the same. */
const MOST_SKEW_MS = 5 * 60_000;

export interface LatestOptions {
  /** The stream's clock, ms since the epoch, as its answer says; undefined = the answer does not say. */
  streamMs: number | undefined;
  /** One's own clock, ms since the epoch. */
  nowMs: number;
  /** Since the group was created, ms, both times by one clock. Default 0: it begins now. */
  ageMs?: number | undefined;
}

/** Ms since the epoch, by the stream's clock: where a group with the initial position `Latest` begins. */
export function latestStart({ streamMs, nowMs, ageMs = 0 }: LatestOptions): number {
  return (streamMs ?? nowMs - MOST_SKEW_MS) - Math.max(0, ageMs) - MARGIN_MS;
}
