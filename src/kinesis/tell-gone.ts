import type { StreamSummary } from './stream-client.ts';

/**
 * What the stream's retention had taken by `nowMs` of what was written since `sinceMs`, in words; undefined = nothing. Times in ms
 * since the epoch.
 */
export function tellGone(
  sinceMs: number,
  { createdAt, retentionHours }: Pick<StreamSummary, 'createdAt' | 'retentionHours'>,
  { nowMs, is = 'is gone' }: { nowMs: number; is?: string },
): string | undefined {
  const keptMs = nowMs - retentionHours * 3_600_000;
  if (keptMs <= Math.max(sinceMs, createdAt)) return undefined;
  return `what was written before ${new Date(keptMs).toISOString()} ${is}: the stream keeps ${retentionHours} h`;
}
