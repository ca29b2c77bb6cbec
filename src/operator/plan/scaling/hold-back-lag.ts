import { STATUS_LIST_MAX, type GroupStatus } from '../../../api/group-status.ts';
import { isSameJson } from '../../../lib/same-json.ts';

/** Their words tell the lag; their status and reason count by themselves. */
const LAG_CONDITIONS: ReadonlySet<string> = new Set(['LagWithinTarget', 'CheckpointsAtRisk']);
/** What limits a number that stays as it is, and comes and goes with the lag. */
const LAG_LIMITS: ReadonlySet<string | undefined> = new Set([
  'NotLimited',
  'Stabilization',
  'Measuring',
  'UnknownLag',
  'HotShard',
  'StuckShards',
]);

/**
 * The status to be written: `previous` while `next` says nothing new but how far behind the group is, or how much it gave up.
 * Lag moves with every record; a group of many busy shards would be written at each poll for it.
 */
export function holdBackLag(next: GroupStatus, previous: GroupStatus | undefined): GroupStatus {
  if (!previous) return next;
  return isSameJson(withoutLag(next), withoutLag(previous)) ? previous : next;
}

function withoutLag(status: GroupStatus): unknown {
  const { summary, conditions, shards = [], workers, delivery, scaling } = status;
  const isSteady = LAG_LIMITS.has(scaling?.limitedBy);
  return {
    ...status,
    lag: undefined,
    // The first of them is news; a stream of poison counts on with every record.
    delivery: delivery?.givenUp !== undefined,
    summary: summary && { ...summary, lag: undefined },
    conditions: conditions
      ?.filter(({ type }) => type !== 'ScalingLimited' || !isSteady)
      .map((condition) => (LAG_CONDITIONS.has(condition.type) ? { ...condition, message: '' } : condition)),
    scaling: {
      ...scaling,
      ...(isSteady ? { limitedBy: undefined, reason: undefined } : {}),
      // Nothing is done about it, so under pressure it is another number at each look.
      recommended: scaling?.recommended !== undefined,
    },
    // Of more shards than the list holds, lag decides which are in it.
    shards:
      shards.length >= STATUS_LIST_MAX
        ? 'full'
        : shards
            .map(({ shardId, owner, judgement, cause }) => ({ shardId, owner, judgement, cause }))
            .sort((a, b) => (a.shardId < b.shardId ? -1 : 1)),
    workers: workers?.map(({ pod, leases }) => ({ pod, leases })),
  };
}
