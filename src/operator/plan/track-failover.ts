import { kubernetesTime } from '../../api/conditions.ts';
import type { GroupView } from '../../view/group-view.ts';
import type { LastFailover } from './group-facts.ts';

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
