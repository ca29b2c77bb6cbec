import { isReading } from '../../../api/group.ts';
import type { Told } from '../../../api/conditions.ts';
import { count } from '../../../lib/count.ts';
import { KcgError, describeError, type ErrorCode } from '../../../lib/errors.ts';
import { formatDuration, lagStepSeconds } from '../../../view/format.ts';
import { LIMIT_MESSAGES, whyScaledToZero, type GroupFacts } from '../group-facts.ts';
import { named } from '../named.ts';
import { NO_REGION } from './nowhere.ts';
import { describeFailure, isDenied } from './step-failures.ts';
import { tellTrouble } from '../../../view/tell-trouble.ts';
import { whyUnowned } from '../../../view/why-unowned.ts';

/*
 * One function per condition, each from facts to what is to be said. What sums them up (Ready, Reconciling, Stalled) is in
 * `sum-up.ts`; what takes more than one function has a file of its own (`workers-available.ts`, `shards-progressing.ts`).
 */

/** A quarter of the retention left is late to start worrying, and early enough to act. */
const NEAR_RETENTION_PERCENT = 25;
/** Without a target, a group that uses half of the retention does not keep up. */
const SLOW_PERCENT = 50;

/** Beside a stream that is known, only an error that says it is gone, or may not be described, counts. */
export function streamReady({ stream, region, roleProblem, consumer }: GroupFacts): Told<'StreamReady'> {
  if (region === undefined) return { status: 'False', reason: 'RegionUnknown', message: NO_REGION };
  if (roleProblem !== undefined) return { status: 'False', reason: 'RoleNotAllowed', message: roleProblem };
  const { summary, error } = stream;
  if (error && !(summary && error.code !== 'NotFound' && error.code !== 'AccessDenied')) {
    const message = describeError(error);
    if (error.code === 'NotFound')
      return { status: 'False', reason: 'StreamNotFound', message: describeError(awaited(error)) };
    if (error.code === 'AccessDenied') return { status: 'False', reason: 'StreamAccessDenied', message };
    const reason = error.code === 'Credentials' ? 'StreamCredentials' : 'StreamUnreachable';
    return { status: 'Unknown', reason, message };
  }
  if (!summary)
    return { status: 'Unknown', reason: 'StreamUnknown', message: 'the stream has not been looked at yet' };
  if (summary.status === 'CREATING' || summary.status === 'DELETING') {
    return {
      status: 'False',
      reason: 'StreamNotActive',
      message: `stream ${summary.name} is ${summary.status}`,
    };
  }
  const message = `stream ${summary.name} is ${summary.status}`;
  return consumer ? consumerReady(consumer, message) : { status: 'True', reason: 'StreamActive', message };
}

/** The same in words that fit a group: it goes on when the stream comes. */
function awaited({ code, message, resource }: KcgError): KcgError {
  const fix = 'Create it, which is waited for, or correct spec.stream or spec.region in a new group.';
  return new KcgError(code, message, { resource, fix });
}

const REFUSALS = new Set<ErrorCode>(['AccessDenied', 'LimitExceeded', 'Unsupported', 'InvalidInput']);

/** One that serves goes on while nobody answers. */
function consumerReady(
  { name, status, error }: NonNullable<GroupFacts['consumer']>,
  streamMessage: string,
): Told<'StreamReady'> {
  if (status === 'ACTIVE' && !(error && REFUSALS.has(error.code)))
    return {
      status: 'True',
      reason: 'StreamActive',
      message: `${streamMessage}, stream consumer ${name} is ACTIVE`,
    };
  if (!error) {
    const message = `stream consumer ${name} is ${status ?? 'not registered yet'}`;
    return { status: 'False', reason: 'ConsumerCreating', message };
  }
  const message = `stream consumer ${name}: ${describeError(error)}`;
  if (REFUSALS.has(error.code)) return { status: 'False', reason: 'ConsumerRefused', message };
  return { status: 'Unknown', reason: 'StreamUnreachable', message };
}

/** As the steps on the table and its rows have found it; `Unknown` before the first of them. */
export function tableReady({ table }: GroupFacts): Told<'TableReady'> {
  if (!table)
    return { status: 'Unknown', reason: 'TableUnknown', message: 'the table has not been looked at yet' };
  const { status, reason, message } = table;
  return { status, reason, message };
}

/** A refusal first, then a missing permission; any other failure counts only before the first answer. */
export function groupClaimed({ claim, groupId, failures }: GroupFacts): Told<'GroupClaimed'> {
  if (claim?.verdict === 'refused') return { status: 'False', reason: claim.reason, message: claim.message };
  // What a reset may not do says nothing of the claim, and is told in its own resource.
  const failure = failures.find(({ step }) => step === 'claim' || step === 'pause');
  if (failure && isDenied(failure.error)) {
    return { status: 'False', reason: 'ClaimAccessDenied', message: describeFailure(failure) };
  }
  // A claim that was ours stays ours while nobody answers.
  if (!claim && failure)
    return { status: 'Unknown', reason: 'ClaimUnreachable', message: describeFailure(failure) };
  if (!claim)
    return { status: 'Unknown', reason: 'ClaimUnknown', message: 'the claim has not been read yet' };
  return { status: 'True', reason: 'Claimed', message: `group id ${groupId} belongs to this resource` };
}

/** Undefined for a group that has nothing to do with an import. */
export function positionsImported({ imported, failures }: GroupFacts): Told<'PositionsImported'> | undefined {
  if (imported === 'none') return undefined;
  const failure = failures.find(({ step }) => step === 'import');
  if (failure && !imported?.isSettled)
    return { status: 'Unknown', reason: 'ImportUnknown', message: describeFailure(failure) };
  if (!imported)
    return { status: 'Unknown', reason: 'ImportUnknown', message: 'the import has not been looked at yet' };
  const { isSettled, reason, message } = imported;
  return { status: isSettled ? 'True' : 'False', reason, message };
}

/** Of a group that has a range; while its rows are not known, what was said of it stays. */
export function rangeComplete({ group, isComplete, rangeGone }: GroupFacts): Told<'Complete'> | undefined {
  if (!group.spec.range || isComplete === undefined) return undefined;
  const { from, to } = group.spec.range;
  const gone = rangeGone === undefined ? '' : `; ${rangeGone}`;
  return isComplete
    ? { status: 'True', reason: 'RangeRead', message: `all from ${from} to ${to} is processed${gone}` }
    : { status: 'False', reason: 'RangeReading', message: `records from ${from} to ${to} are read${gone}` };
}

/** Of the shards that can be read now: those that wait for their parents need no owner. */
export function shardsCovered(facts: GroupFacts): Told<'ShardsCovered'> {
  const { view, group, stream } = facts;
  const { desiredState } = group.spec;
  if (!view || !stream.shards) {
    return { status: 'Unknown', reason: 'ShardsUnknown', message: 'shards and leases are not known' };
  }
  if (!isReading(group)) {
    const message = `the group is ${desiredState.toLowerCase()}: ${view.ownedShards} of ${count(view.readableShards, 'shard')} owned`;
    return { status: 'False', reason: 'NotConsuming', message };
  }
  const message = `${view.ownedShards} of ${count(view.readableShards, 'shard')} owned by a live worker`;
  const zero = whyScaledToZero(facts);
  if (zero !== undefined)
    return { status: 'False', reason: 'NotConsuming', message: `scaled to zero, as ${zero}: ${message}` };
  if (view.ownedShards === view.readableShards) return { status: 'True', reason: 'AllOwned', message };
  if (!view.workers.some(({ row }) => row.state === 'live' || row.state === 'draining')) {
    return { status: 'False', reason: 'NoLiveWorkers', message };
  }
  const free = view.shards.filter(({ state }) => state === 'unowned').map(({ shardId }) => shardId);
  const known = whyUnowned(view);
  const why = known === undefined ? '' : `: ${known.why}`;
  return { status: 'False', reason: 'UnownedShards', message: `${message}; not ${named(free)}${why}` };
}

/** As living workers say: they try a batch again for as long as it fails. */
export function handlerHealthy({ view }: GroupFacts): Told<'HandlerHealthy'> {
  if (!view?.workers.some(({ alive }) => alive))
    return { status: 'Unknown', reason: 'HandlerUnknown', message: 'no worker is alive' };
  const { handlerTrouble: trouble, ownedShards } = view;
  if (!trouble)
    return {
      status: 'True',
      reason: 'HandlerSucceeds',
      message: 'no shard waits for the handler to succeed',
    };
  const shards = `${Math.min(trouble.shards, ownedShards)} of ${count(ownedShards, 'shard')}`;
  const message = `${tellTrouble(trouble, shards)}; worker ${trouble.worker}: ${trouble.error}`;
  return { status: 'False', reason: trouble.destination ? 'DestinationFailing' : 'HandlerFailing', message };
}

/** Against `scaling.targetLagSeconds`; without it, `False` once less than half of the retention is left. */
export function lagWithinTarget({ view, group }: GroupFacts): Told<'LagWithinTarget'> {
  const { maxMs, maxShardId, headroomPercent } = view?.lag ?? {};
  if (maxMs === undefined)
    return {
      status: 'Unknown',
      reason: 'LagUnknown',
      message: view ? 'no shard that is there now has been read' : 'the positions are not known',
    };
  const target = group.spec.scaling.targetLagSeconds;
  const isSlow = target === undefined ? (headroomPercent ?? 100) < 100 - SLOW_PERCENT : maxMs > target * 1000;
  const most = `at most ${formatDuration(lagStepSeconds(maxMs) * 1000)} behind`;
  const against = target === undefined ? '' : `, target ${formatDuration(target * 1000)}`;
  if (!isSlow) return { status: 'True', reason: 'LagNormal', message: `${most}${against}` };
  return { status: 'False', reason: 'LagExceeded', message: `shard ${maxShardId}: ${most}${against}` };
}

/** `True` when records are lost, live rows carry a ttl, or less than a quarter of the retention is left. */
export function checkpointsAtRisk({ view, stream, expiringShards }: GroupFacts): Told<'CheckpointsAtRisk'> {
  if (!view) return { status: 'Unknown', reason: 'RiskUnknown', message: 'the positions are not known' };
  const retentionMs = (stream.summary?.retentionHours ?? Infinity) * 3_600_000;
  const lost = view.shards.filter(
    ({ lagMs, backlog }) => backlog && lagMs !== undefined && lagMs > retentionMs,
  );
  if (lost.length > 0) {
    const most = Math.max(...lost.map(({ lagMs }) => lagMs! - retentionMs));
    const message = `records expired unread in ${named(lost.map(({ shardId }) => shardId))}: at most those of ${Math.max(1, lagStepSeconds(most))} s`;
    return { status: 'True', reason: 'LostToRetention', message };
  }
  if (expiringShards.length > 0) {
    return {
      status: 'True',
      reason: 'TtlOnLiveRows',
      message: `rows that would vanish: ${named(expiringShards)}`,
    };
  }
  const { headroomPercent, maxShardId } = view.lag;
  if (headroomPercent !== undefined && headroomPercent < NEAR_RETENTION_PERCENT) {
    // In steps, or the message would change with every point.
    const left = Math.ceil(headroomPercent / 5) * 5;
    const message = `less than ${Math.max(left, 5)} % of the retention is left for shard ${maxShardId}`;
    return { status: 'True', reason: 'NearRetention', message };
  }
  return {
    status: 'False',
    reason: 'CheckpointsSafe',
    message: 'no position is close to the end of the retention',
  };
}

/** `False` as well before anything has been decided. */
export function scalingLimited({ scaling }: GroupFacts): Told<'ScalingLimited'> {
  if (!scaling?.limitedBy) {
    return {
      status: 'False',
      reason: 'NotLimited',
      message: scaling?.reason ?? 'nothing has been decided yet',
    };
  }
  const { limitedBy, reason } = scaling;
  return { status: 'True', reason: limitedBy, message: `${LIMIT_MESSAGES[limitedBy]}: ${reason}` };
}
