import type { Random } from './random.ts';

export interface BackoffOptions {
  /** Upper bound of the first delay, ms. */
  baseMs: number;
  /** Upper bound of any delay, ms. */
  maxMs: number;
}

/**
 * Delay before attempt `failures + 1`, ms: exponential with "equal jitter", that is half of the bound plus a
 * random half, so that a retry is never immediate and a crowd still spreads.
 * Source: AWS Architecture Blog, "Exponential Backoff And Jitter" (2015).
 */
export function backoffMs(failures: number, random: Random, { baseMs, maxMs }: BackoffOptions): number {
  const bound = Math.min(maxMs, baseMs * 2 ** Math.min(Math.max(failures - 1, 0), 30));
  return bound / 2 + (random() * bound) / 2;
}

/** `ms` ± `share` (0–1), so that many processes started together drift apart. */
export function jitterMs(ms: number, share: number, random: Random): number {
  return ms * (1 - share + 2 * share * random());
}
