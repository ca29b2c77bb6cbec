import { kubernetesTime, type ConditionType, type NewCondition, type Told } from '../../../api/conditions.ts';
import { STATUS_LIST_MAX, type GroupStatus } from '../../../api/group-status.ts';
import { workerSelector } from '../../../api/labels.ts';
import { setConditions } from '../../../api/set-conditions.ts';
import { MAX_COUNT } from '../../../api/status-fields.ts';
import type { Checkpoint } from '../../../kinesis/position.ts';
import { isOpen } from '../../../kinesis/shard.ts';
import { formatDuration, lagStepSeconds } from '../../../view/format.ts';
import type { GroupView, ShardView } from '../../../view/group-view.ts';
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
} from './compute-conditions.ts';
import type { ReplicasDecision } from '../scaling/desired-replicas.ts';
import type { GroupFacts } from '../group-facts.ts';
import { keepKnown } from './keep-known.ts';
import { shardsProgressing } from './shards-progressing.ts';
import { handingOff, ready, reconciling, stalled, type LastedMs } from './sum-up.ts';
import { workersAvailable } from './workers-available.ts';

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
    ...handledWishes(facts, previous),
    ...(scaling ? { scaling: scalingOf(scaling, facts) } : {}),
  };
  return positions === 'keep' && previous ? withPositionsOf(next, previous) : next;
}

function conditionsOf(facts: GroupFacts, previous: GroupStatus | undefined, nowMs: number) {
  const about = { observedGeneration: facts.group.metadata.generation };
  const part = <T extends ConditionType>(type: T, told: Told<T>) => ({ type, ...told, ...about });
  const imported = positionsImported(facts);
  const complete = rangeComplete(facts);
  const parts = {
    StreamReady: part('StreamReady', streamReady(facts)),
    TableReady: part('TableReady', tableReady(facts)),
    GroupClaimed: part('GroupClaimed', groupClaimed(facts)),
    ...(complete && { Complete: part('Complete', complete) }),
    ...(imported && { PositionsImported: part('PositionsImported', imported) }),
    WorkersAvailable: part('WorkersAvailable', workersAvailable(facts)),
    ShardsCovered: part('ShardsCovered', shardsCovered(facts)),
    HandlerHealthy: part('HandlerHealthy', handlerHealthy(facts)),
    ShardsProgressing: part('ShardsProgressing', shardsProgressing(facts, previous)),
    LagWithinTarget: part('LagWithinTarget', lagWithinTarget(facts)),
    CheckpointsAtRisk: part('CheckpointsAtRisk', checkpointsAtRisk(facts)),
    ScalingLimited: part('ScalingLimited', scalingLimited(facts)),
  };
  const lastedMs: LastedMs = ({ type, status }) => {
    const before = previous?.conditions?.find((condition) => condition.type === type);
    return before?.status === status ? nowMs - Date.parse(before.lastTransitionTime) : 0;
  };
  const told: NewCondition[] = [
    part('Ready', ready(parts, facts)),
    part('Reconciling', reconciling(parts, facts, lastedMs)),
    part('Stalled', stalled(parts, lastedMs)),
    ...Object.values(parts),
  ];
  const kept = (previous?.conditions ?? []).filter(({ type }) => imported || type !== 'PositionsImported');
  return setConditions(kept, told, nowMs);
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
