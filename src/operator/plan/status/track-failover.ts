import { kubernetesTime } from '../../../api/conditions.ts';
import type { GroupView } from '../../../view/group-view.ts';
import type { LastFailover } from '../group-facts.ts';

/** Shards whose worker died, until the last of them has a living owner again. */
export interface Outage {
  /** Ms since the epoch. */
  sinceMs: number;
  shardIds: ReadonlySet<string>;
  cause: string;
}

export interface FailoverStep {
  outage: Outage | undefined;
  finished: LastFailover | undefined;
}

/** Follows one outage at a time; deaths during an outage belong to it. */
export function trackFailover(
  outage: Outage | undefined,
  { view, fenced, nowMs }: { view: GroupView; fenced: readonly string[]; nowMs: number },
): FailoverStep {
  const orphans = view.shards.filter(({ state, owner }) => state === 'unowned' && owner !== undefined);
  const shardIds = new Set([...(outage?.shardIds ?? []), ...orphans.map(({ shardId }) => shardId)]);
  if (orphans.length > 0) {
    const worker = orphans[0]!.owner!;
    const how = fenced.includes(worker) ? 'its container ended' : 'its lease lapsed';
    const cause = outage?.cause ?? `worker ${worker}: ${how}`;
    return { outage: { sinceMs: outage?.sinceMs ?? nowMs, shardIds, cause }, finished: undefined };
  }
  if (!outage) return { outage: undefined, finished: undefined };
  const seconds = Math.max(0, Math.round((nowMs - outage.sinceMs) / 1000));
  const time = kubernetesTime(nowMs);
  return { outage: undefined, finished: { time, shards: shardIds.size, seconds, cause: outage.cause } };
}

/** Shards change hands: look closely, so that the end is told rightly. */
const CLOSE_MS = 1_000;
/** The length of an outage is told to this share of it. */
const PRECISION = 0.05;

/**
 * When to look whether an outage has ended, ms. Each look reads all rows of the group, and shards that nobody takes stay
 * without an owner for days: so the longer it lasts, the seldomer; after some lease durations the ordinary poll is enough.
 */
export function nextOutageLookMs({ sinceMs }: Outage, nowMs: number): number {
  return Math.max(CLOSE_MS, (nowMs - sinceMs) * PRECISION);
}
