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
  const isNews = WITHOUT_LAG.some((part) => !isSameJson(part(next), part(previous)));
  return isNews ? next : previous;
}

/** A status but for the lag, in parts: what changes most often comes first, as the rest need not be looked at then. */
const WITHOUT_LAG: readonly ((status: GroupStatus) => unknown)[] = [
  ({ conditions, scaling }) =>
    conditions
      ?.filter(({ type }) => type !== 'ScalingLimited' || !isSteady(scaling))
      .map((condition) => (LAG_CONDITIONS.has(condition.type) ? { ...condition, message: '' } : condition)),
  ({ summary }) => summary && { ...summary, lag: undefined },
  ({ scaling }) => ({
    ...scaling,
    ...(isSteady(scaling) ? { limitedBy: undefined, reason: undefined } : {}),
    // Nothing is done about it, so under pressure it is another number at each look.
    recommended: scaling?.recommended !== undefined,
  }),
  ({ workers }) => workers?.map(({ pod, leases }) => ({ pod, leases })),
  // Of more shards than the list holds, lag decides which are in it.
  ({ shards = [] }) =>
    shards.length >= STATUS_LIST_MAX
      ? 'full'
      : shards
          .map(({ shardId, owner, judgement, cause }) => ({ shardId, owner, judgement, cause }))
          .sort((a, b) => (a.shardId < b.shardId ? -1 : 1)),
  // The first of them is news; a stream of poison counts on with every record.
  ({ delivery }) => delivery?.givenUp !== undefined,
  (status) => ({ ...status, ...TOLD_APART }),
];

const TOLD_APART = {
  lag: undefined,
  conditions: undefined,
  summary: undefined,
  scaling: undefined,
  workers: undefined,
  shards: undefined,
  delivery: undefined,
};

function isSteady(scaling: GroupStatus['scaling']): boolean {
  return LAG_LIMITS.has(scaling?.limitedBy);
}
