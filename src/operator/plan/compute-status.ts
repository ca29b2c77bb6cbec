import { setCondition, kubernetesTime, type NewCondition } from '../../api/conditions.ts';
import { STATUS_LIST_MAX, type GroupStatus } from '../../api/group-status.ts';
import { MAX_COUNT } from '../../api/status-fields.ts';
import { RECONCILE_PAUSED_ANNOTATION, workerSelector } from '../../api/labels.ts';
import type { Checkpoint } from '../../kinesis/position.ts';
import { isOpen } from '../../kinesis/shard.ts';
import { formatDuration, lagStepSeconds } from '../../view/format.ts';
import type { GroupView, ShardView } from '../../view/group-view.ts';
import { handledWishes } from './annotated-wishes.ts';
import {
  checkpointsAtRisk,
  groupClaimed,
  handlerHealthy,
  lagWithinTarget,
  positionsImported,
  rangeComplete,
  scalingLimited,
  shardsCovered,
  streamReady,
  tableReady,
  workersAvailable,
} from './compute-conditions.ts';
import type { ReplicasDecision } from './desired-replicas.ts';
import type { GroupFacts } from './group-facts.ts';
import { keepKnown } from './keep-known.ts';
import { shardsProgressing } from './shards-progressing.ts';
import { handingOff, ready, reconciling, stalled, type LastedMs } from './sum-up.ts';

/**
 * The whole status from the facts. `previous` lends the times at which conditions turned, what nobody can tell now, and the
 * positions when `positions` is `keep`: they move all the time, and a status that is written for them alone costs the API server a
 * write per group and poll.
 */
export function computeStatus(
  facts: GroupFacts,
  {
    previous,
    nowMs,
    positions,
  }: { previous: GroupStatus | undefined; nowMs: number; positions: 'keep' | 'refresh' },
): GroupStatus {
  const { group, view, groupId, scaling, workload } = facts;
  const next: GroupStatus = {
    observedGeneration: group.metadata.generation,
    conditions: conditionsOf(facts, previous, nowMs),
    groupId,
    summary: summaryOf(facts),
    replicas: workload.deployment?.total ?? 0,
    readyReplicas: workload.deployment?.ready ?? 0,
    selector: Object.entries(workerSelector(group.metadata.name))
      .map(([key, value]) => `${key}=${value}`)
      .join(','),
    ...keepKnown(facts, previous),
    ...streamStatus(facts),
    ...(view
      ? {
          leases: leasesOf(view, facts),
          ...lagOf(view),
          shards: shardsOf(view, previous),
          workers: workersOf(view),
          ...(view.givenUp ? { delivery: { givenUp: givenUpStatus(view.givenUp) } } : {}),
        }
      : {}),
    ...(facts.table ? { table: facts.table.info } : {}),
    ...importStatus(facts),
    ...handledWishes(facts),
    ...(scaling ? { scaling: scalingOf(scaling, facts) } : {}),
  };
  return positions === 'keep' && previous ? withPositionsOf(next, previous) : next;
}

/** A spec that cannot work: nothing else is known, and what was known of it stays. */
export function invalidStatus(
  problems: readonly string[],
  { previous, generation, nowMs }: { previous: GroupStatus | undefined; generation: number; nowMs: number },
): GroupStatus {
  const message = problems.join('; ').slice(0, 4_000);
  const observedGeneration = generation;
  const told: NewCondition[] = [
    { type: 'Ready', status: 'False', reason: 'InvalidSpec', message, observedGeneration },
    { type: 'Stalled', status: 'True', reason: 'InvalidSpec', message, observedGeneration },
    {
      type: 'Reconciling',
      status: 'False',
      reason: 'Blocked',
      message: 'nothing is done for an invalid spec',
      observedGeneration,
    },
  ];
  return { ...previous, observedGeneration, conditions: setAll(previous?.conditions ?? [], told, nowMs) };
}

/** The operator leaves the group alone: what else the status says is of an earlier time, and stays. */
export function pausedStatus({
  previous,
  generation,
  nowMs,
}: {
  previous: GroupStatus | undefined;
  generation: number;
  nowMs: number;
}): GroupStatus {
  const about = {
    reason: 'ReconcilePaused' as const,
    message: `nothing is looked at or changed; remove the annotation ${RECONCILE_PAUSED_ANNOTATION} to go on`,
    observedGeneration: generation,
  };
  const conditions = previous?.conditions ?? [];
  const told: NewCondition[] = [{ type: 'Reconciling', status: 'False', ...about }];
  // Of a group that nobody has ever looked at.
  if (!conditions.some(({ type, reason }) => type === 'Ready' && reason !== about.reason))
    told.push({ type: 'Ready', status: 'Unknown', ...about });
  return { ...previous, conditions: setAll(conditions, told, nowMs) };
}

function conditionsOf(facts: GroupFacts, previous: GroupStatus | undefined, nowMs: number) {
  const { generation } = facts.group.metadata;
  const about = { observedGeneration: generation };
  const imported = positionsImported(facts);
  const complete = rangeComplete(facts);
  const parts = {
    StreamReady: { type: 'StreamReady' as const, ...streamReady(facts), ...about },
    TableReady: { type: 'TableReady' as const, ...tableReady(facts), ...about },
    GroupClaimed: { type: 'GroupClaimed' as const, ...groupClaimed(facts), ...about },
    ...(complete && { Complete: { type: 'Complete' as const, ...complete, ...about } }),
    ...(imported && {
      PositionsImported: { type: 'PositionsImported' as const, ...imported, ...about },
    }),
    WorkersAvailable: { type: 'WorkersAvailable' as const, ...workersAvailable(facts), ...about },
    ShardsCovered: { type: 'ShardsCovered' as const, ...shardsCovered(facts), ...about },
    HandlerHealthy: { type: 'HandlerHealthy' as const, ...handlerHealthy(facts), ...about },
    ShardsProgressing: {
      type: 'ShardsProgressing' as const,
      ...shardsProgressing(facts, previous),
      ...about,
    },
    LagWithinTarget: { type: 'LagWithinTarget' as const, ...lagWithinTarget(facts), ...about },
    CheckpointsAtRisk: { type: 'CheckpointsAtRisk' as const, ...checkpointsAtRisk(facts), ...about },
    ScalingLimited: { type: 'ScalingLimited' as const, ...scalingLimited(facts), ...about },
  };
  const lastedMs: LastedMs = ({ type, status }) => {
    const before = previous?.conditions?.find((condition) => condition.type === type);
    return before?.status === status ? nowMs - Date.parse(before.lastTransitionTime) : 0;
  };
  const told: NewCondition[] = [
    { type: 'Ready', ...ready(parts, facts), ...about },
    { type: 'Reconciling', ...reconciling(parts, facts, lastedMs), ...about },
    { type: 'Stalled', ...stalled(parts, lastedMs), ...about },
    ...Object.values(parts),
  ];
  const kept = (previous?.conditions ?? []).filter(({ type }) => imported || type !== 'PositionsImported');
  return setAll(kept, told, nowMs);
}

type Conditions = NonNullable<GroupStatus['conditions']>;

export function setAll(conditions: Conditions, told: readonly NewCondition[], nowMs: number): Conditions {
  return told.reduce<Conditions>((all, condition) => setCondition(all, condition, nowMs), conditions);
}

function summaryOf({ view, stream, workload, scaling }: GroupFacts): NonNullable<GroupStatus['summary']> {
  const { maxMs } = view?.lag ?? {};
  const desired = scaling?.replicas ?? workload.deployment?.replicas ?? 0;
  return {
    ...(view && stream.shards ? { shards: `${view.ownedShards}/${view.readableShards}` } : {}),
    pods: `${workload.deployment?.ready ?? 0}/${desired}`,
    ...(maxMs === undefined ? {} : { lag: formatDuration(lagStepSeconds(maxMs) * 1000) }),
  };
}

function streamStatus({ stream: { summary, shards }, consumer }: GroupFacts): Pick<GroupStatus, 'stream'> {
  if (!summary) return {};
  const open = shards?.filter(isOpen).length;
  const counts = shards && open !== undefined ? { openShards: open, closedShards: shards.length - open } : {};
  const { retentionHours } = summary;
  return { stream: { arn: summary.arn, ...counts, retentionHours, ...consumerStatus(consumer) } };
}

function consumerStatus(
  consumer: GroupFacts['consumer'],
): Pick<NonNullable<GroupStatus['stream']>, 'consumer'> {
  if (!consumer) return {};
  const { name, arn, status, isMade } = consumer;
  return { consumer: { name, ...(arn ? { arn } : {}), ...(status ? { status } : {}), created: isMade } };
}

function scalingOf(
  { advice, ...decision }: ReplicasDecision,
  { lastScale }: GroupFacts,
): NonNullable<GroupStatus['scaling']> {
  const told = ({ replicas, limitedBy, reason }: ReplicasDecision) => ({
    replicas,
    limitedBy: limitedBy ?? 'NotLimited',
    reason: reason.slice(0, 1_000),
  });
  const { replicas: desired, ...why } = told(decision);
  return {
    desired,
    ...why,
    ...(advice ? { recommended: told(advice) } : {}),
    ...(lastScale ? { lastScale } : {}),
  };
}

function importStatus({ imported }: GroupFacts): Pick<GroupStatus, 'imported'> {
  if (!imported || imported === 'none' || imported.record?.state !== 'done') return {};
  const { from, at, shards } = imported.record;
  return { imported: { from, time: kubernetesTime(at), shards } };
}

function givenUpStatus({ records, at, why, shardId }: NonNullable<GroupView['givenUp']>) {
  return { records: Math.min(records, MAX_COUNT), lastTime: kubernetesTime(at), reason: why, shardId };
}

function leasesOf(view: GroupView, { lastFailover }: GroupFacts): NonNullable<GroupStatus['leases']> {
  const total = view.shards.filter(({ state }) => state !== 'ended').length;
  return {
    total,
    owned: view.ownedShards,
    unowned: view.readableShards - view.ownedShards,
    handingOff: handingOff(view),
    workers: view.workers.filter(({ row }) => row.state === 'live').length,
    ...(lastFailover ? { lastFailover } : {}),
  };
}

/** Nothing where nothing is known: a map that an apply empties is null to the API server, which refuses the whole status. */
function lagOf({ lag }: GroupView): Pick<GroupStatus, 'lag'> {
  const { maxMs, maxShardId, oldestCheckpointAt, headroomPercent } = lag;
  const seconds = maxMs === undefined ? undefined : lagStepSeconds(maxMs);
  const told = {
    ...(seconds === undefined ? {} : { maxSeconds: seconds }),
    // Among shards that keep up, which one is first changes all the time and says nothing.
    ...(maxShardId === undefined || !seconds ? {} : { maxShardId }),
    ...(oldestCheckpointAt === undefined || !seconds
      ? {}
      : { oldestCheckpointTime: kubernetesTime(oldestCheckpointAt) }),
    ...(headroomPercent === undefined ? {} : { retentionHeadroomPercent: headroomPercent }),
  };
  return Object.keys(told).length === 0 ? {} : { lag: told };
}

function shardsOf(
  { shards }: GroupView,
  previous: GroupStatus | undefined,
): NonNullable<GroupStatus['shards']> {
  const old = new Map((previous?.shards ?? []).map((shard) => [shard.shardId, shard]));
  const step = ({ lagMs }: ShardView) => (lagMs === undefined ? -1 : lagStepSeconds(lagMs));
  return shards
    .filter(({ state }) => state !== 'ended')
    .sort((a, b) => step(b) - step(a) || (a.shardId < b.shardId ? -1 : 1))
    .slice(0, STATUS_LIST_MAX)
    .map((shard) => {
      const { shardId, owner, lagMs, checkpoint, checkpointedAt, state } = shard;
      return {
        shardId,
        ...(owner === undefined || state === 'unowned' ? {} : { owner }),
        ...(lagMs === undefined ? {} : { lagSeconds: lagStepSeconds(lagMs) }),
        ...(checkpoint === undefined ? {} : { checkpoint: formatCheckpoint(checkpoint) }),
        ...(checkpointedAt === undefined ? {} : { checkpointTime: kubernetesTime(checkpointedAt) }),
        ...judgementOf(shard, old.get(shardId)),
      };
    });
}

/** Who has just begun to watch does not take back what was said, unless it cannot be so any more. */
function judgementOf(
  { judged, state }: ShardView,
  old: StatusShard | undefined,
): Pick<StatusShard, 'judgement' | 'cause'> {
  const isOver = old?.cause === 'Paused' || old?.cause === 'WaitingForParents';
  const isStopped = old?.judgement === 'Stopped' && state === 'unowned';
  const mayBe = isStopped || (old?.judgement !== 'Stopped' && !isOver) ? old : undefined;
  const { judgement, cause } = judged ?? mayBe ?? {};
  return { ...(judgement === undefined ? {} : { judgement }), ...(cause === undefined ? {} : { cause }) };
}

type StatusShard = NonNullable<GroupStatus['shards']>[number];

/** A sequence number without its sub-sequence, or `TRIM_HORIZON`, `AT_TIMESTAMP` or `SHARD_END`. */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  return checkpoint.at === 'SEQUENCE' ? checkpoint.sequence : checkpoint.at;
}

function workersOf({ workers }: GroupView): NonNullable<GroupStatus['workers']> {
  return workers
    .filter(({ alive }) => alive)
    .slice(0, STATUS_LIST_MAX)
    .map(({ worker, shards, lagMs }) => ({
      pod: worker,
      leases: shards,
      ...(lagMs === undefined ? {} : { lagSeconds: lagStepSeconds(lagMs) }),
    }));
}

function withPositionsOf(next: GroupStatus, previous: GroupStatus): GroupStatus {
  const old = new Map((previous.shards ?? []).map((shard) => [shard.shardId, shard]));
  const shards = next.shards?.map((shard) => {
    const known = old.get(shard.shardId);
    if (known?.checkpoint === undefined || known.checkpointTime === undefined) return shard;
    const { checkpoint, checkpointTime } = known;
    return { ...shard, checkpoint, checkpointTime };
  });
  const time = previous.lag?.oldestCheckpointTime;
  const lag = next.lag?.oldestCheckpointTime && time ? { ...next.lag, oldestCheckpointTime: time } : next.lag;
  return { ...next, ...(shards ? { shards } : {}), ...(lag ? { lag } : {}) };
}
