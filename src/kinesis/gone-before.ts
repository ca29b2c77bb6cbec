import type { StreamSummary } from './stream-client.ts';

/**
 * Of what the stream has taken since `sinceMs`, what came before the time returned is gone by its retention; undefined = nothing is.
 * All in ms since the epoch.
 */
export function goneBefore(
  sinceMs: number,
  { createdAt, retentionHours }: Pick<StreamSummary, 'createdAt' | 'retentionHours'>,
  nowMs: number,
): number | undefined {
  const keptMs = nowMs - retentionHours * 3_600_000;
  return keptMs > Math.max(sinceMs, createdAt) ? keptMs : undefined;
}
