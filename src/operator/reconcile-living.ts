import { isReading } from '../api/group.ts';
import { jitterMs } from '../lib/backoff.ts';
import { hasCode } from '../lib/errors.ts';
import type { GroupStatus } from '../api/group-status.ts';
import type { GroupView } from '../view/group-view.ts';
import { streamKey } from './group-target.ts';
import type { FailedRound, StuckRound } from '../kubernetes/work-queue.ts';
import { keyOf, keyString } from '../kubernetes/cluster.ts';
import { CHANGING_MS } from './observe/observe-stream.ts';
import { expiringShards, isListStale, readRows, viewOf } from './observe/observe-rows.ts';
import { decideReplicas, isComplete, isThrough, type KnownOfGroup } from './steps/decide-replicas.ts';
import { belongsTo } from './plan/workload/desired-objects.ts';
import { workloadProblem } from './plan/status/step-failures.ts';
import type { DeploymentFacts, GroupFacts } from './plan/group-facts.ts';
import { deploymentFacts } from './observe/observe-pods.ts';
import { pursueClaim } from './steps/reconcile-claim.ts';
import { pursueConsumer, removeOldConsumers, usableArn } from './steps/reconcile-consumer.ts';
import { followOutage, judgeWorkers } from './steps/reconcile-liveness.ts';
import { nowhere } from './plan/status/nowhere.ts';
import { countJudgements } from './plan/status/shards-progressing.ts';
import { rangeGone } from './plan/status/range-gone.ts';
import { forgetResume } from './steps/forget-resume.ts';
import { concernsImport, pursueImport } from './steps/reconcile-import.ts';
import { reconcilePause } from './steps/reconcile-pause.ts';
import { lookAtRowsAgain } from './observe/rows-again.ts';
import { lookAnew } from './observe/look-anew.ts';
import { pursueReset } from './steps/reconcile-reset.ts';
import { pursueRemovals } from './steps/finished-resets.ts';
import { resetUnderWay } from '../leases/claim.ts';
import type { GroupRows } from '../leases/group-rows.ts';
import type { LeaseTable } from '../leases/lease-table.ts';
import { attempt } from './steps/pace.ts';
import { recordsWaiting } from './observe/records-waiting.ts';
import { IDLE_MS, lookAgain, type Pass, type PlacedPass } from './reconcile-context.ts';
import { keepFinalizer } from './steps/reconcile-deletion.ts';
import { placedPass } from './steps/reconcile-place.ts';
import { reconcileTable } from './steps/reconcile-table.ts';
import { deploymentOf, findDeployment, reconcileWorkload } from './steps/reconcile-workload.ts';
import { withinLimit } from './steps/tenant-limits.ts';
import { tellLook } from './observe/tell-look.ts';
import { writeStatus } from './apply/write-status.ts';

/** When to look at a group again, ms, and what failed; undefined = when it is changed. */
export type Again = number | FailedRound | StuckRound | undefined;

export interface Look {
  again: Again;
  /** The group is there and is not worked on: its resets wait. */
  waits?: boolean;
}

/** @throws KcgError when the pass could not be ended */
export async function reconcileLiving(pass: Pass): Promise<Look> {
  if (!(await keepFinalizer(pass))) return { again: 1_000 };
  await forgetResume(pass);
  const { placed, ...unplaced } = await placedPass(pass);
  if (!placed) pass.options.onLook?.(keyString(keyOf(pass.object)), undefined);
  const facts = placed
    ? await pursue(placed)
    : nowhere({ ...pass, ...unplaced, deployment: ownDeployment(pass) });
  const status = await writeStatus(placed ?? pass, facts);
  return { again: againAfter(pass, facts, status), waits: !placed };
}

function ownDeployment(pass: Pass): DeploymentFacts | undefined {
  const deployment = deploymentOf(pass);
  return deployment && belongsTo(deployment, pass.object.metadata) ? deploymentFacts(deployment) : undefined;
}

function againAfter(pass: Pass, facts: GroupFacts, status: GroupStatus): Again {
  const { inMs: askedMs, isExact } = pass.again;
  const inMs = isExact ? askedMs : jitterMs(askedMs, 0.2, pass.options.random);
  const [refused] = pass.refused;
  // What else the group needs is not kept waiting.
  if (refused) return { ...refused, inMs, retryInMs: refused.inMs };
  return isStuck(facts, status) ? { stuck: true, inMs } : inMs;
}

/** Something of AWS or of Kubernetes is in the way, or it waits for a person; that a table is being made is none. */
function isStuck({ stream, table, failures }: GroupFacts, { conditions = [] }: GroupStatus): boolean {
  if (conditions.some(({ type, status }) => type === 'Stalled' && status === 'True')) return true;
  if (stream.error !== undefined || failures.length > 0) return true;
  return table !== undefined && table.status !== 'True' && table.reason !== 'TableCreating';
}

/** Stream → table → claim → workers, as far as it goes. */
async function pursue(pass: PlacedPass): Promise<GroupFacts> {
  const { options, streams, target, memory, signal, group } = pass;
  lookAnew(pass);
  const stream = await streams.look(streamKey(target), {
    client: options.aws.streamClient(target),
    user: keyString(keyOf(pass.object)),
    isTold: memory.isQuiet,
    signal,
  });
  // Without a stream there is nothing to make a table for; one that is there is looked after all the same.
  const tableFacts = await reconcileTable(pass, { mayCreate: stream.summary !== undefined });
  const found = await readRows(pass, tableFacts);
  if (stream.error) lookAgain(pass, IDLE_MS / 4);
  else if (stream.summary?.status !== 'ACTIVE') lookAgain(pass, CHANGING_MS);
  let ours: { table: LeaseTable; rows: GroupRows } | undefined;
  if (found.rows && found.table) {
    const { rows, table, isConsistent } = found;
    await pursueClaim(pass, { rows, table, isConsistent, stream: stream.summary });
    if (memory.claim?.verdict === 'ours') {
      ours = { table, rows };
      await pursueImport(pass, { table, rows });
      await attempt(pass, { step: 'pause' }, () => reconcilePause(pass, { table, rows }));
    }
  }
  await pursueReset(pass, ours);
  await pursueRemovals(pass);
  // Shards are ended where the range ends, which is not the end of the shard.
  if (found.rows && !group.spec.range && isListStale(found.rows, stream)) streams.refresh(streamKey(target));
  const judged = await judgeWorkers(pass, found);
  const isFresh = found.table !== undefined;
  const waiting = judged && isFresh ? await recordsWaiting(pass, { rows: judged.rows, stream }) : undefined;
  const view = judged && viewOf(pass, { rows: judged.rows, stream, isFresh, readTo: waiting?.readTo });
  if (view) followOutage(pass, view, judged.ended);
  tellLook(pass, judged && view && { found, isFresh, rows: judged.rows, stream, view });
  const isDone = isThrough(pass, found.rows);
  const consumer = await pursueConsumer(pass, { stream: stream.summary, isThrough: isDone });
  const known = { stream, view, rows: found.rows, isFresh, waiting };
  const { scaling, workload } = await scale(pass, known, consumer);
  tellJudgements(pass, scaling?.replicas === 0 ? undefined : view);
  await removeOldConsumers(pass, isDone);
  // Without a Deployment no rows move: one that cannot be made has a pace of its own.
  const { deployment } = workload;
  const isRunning = deployment !== undefined && (deployment.total > 0 || (scaling?.replicas ?? 0) > 0);
  if (isRunning) lookAtRowsAgain(pass, view);
  return {
    group,
    groupId: pass.groupId,
    region: target.region,
    stream,
    table: found.facts,
    consumer,
    claim: memory.claim,
    imported: concernsImport(group, found.rows) ? memory.import.facts : 'none',
    isComplete: found.rows && isComplete(group, found.rows),
    rangeGone: rangeGone(pass, stream.summary),
    resetBy: resetUnderWay(found.rows?.claim)?.by,
    workload,
    view,
    expiringShards: found.rows ? expiringShards(found.rows) : [],
    scaling,
    failures: pass.failures,
    lastScale: memory.lastScale ?? group.status?.scaling?.lastScale,
    lastFailover: memory.lastFailover ?? group.status?.leases?.lastFailover,
  };
}

function tellJudgements({ options, object, group }: PlacedPass, view: GroupView | undefined): void {
  const isToRead = isReading(group) && view !== undefined;
  options.onJudged?.(keyString(keyOf(object)), isToRead ? countJudgements(view) : undefined);
}

async function scale(
  pass: PlacedPass,
  known: Omit<KnownOfGroup, 'existing'>,
  consumer: GroupFacts['consumer'],
): Promise<Pick<GroupFacts, 'scaling' | 'workload'>> {
  const { deployment, error } = await findDeployment(pass);
  const existing = deployment && belongsTo(deployment, pass.object.metadata) ? deployment : undefined;
  const wanted = decideReplicas(pass, { ...known, existing });
  const decision = await withinLimit(pass, wanted, existing);
  // Perhaps there is one: another would be made in its place.
  if (error)
    return { scaling: decision, workload: { deployment: undefined, problem: workloadProblem(error) } };
  const seenRevision = Math.max(0, ...(known.rows?.workers ?? []).map(({ revision }) => revision));
  const workload = await reconcileWorkload({
    pass,
    existing: deployment,
    decision,
    view: known.view,
    seenRevision,
    consumerArn: usableArn(consumer),
  });
  // Others may have what could not be started; what got no answer was perhaps.
  const isUnknown = pass.failures.some(
    ({ step, error }) => step === 'workers' && hasCode(error, 'Unavailable', 'Timeout'),
  );
  if (!isUnknown && workload.deployment?.replicas !== decision.replicas)
    pass.tenants.booked.freeReplicas(pass.object.metadata.uid);
  return { scaling: decision, workload };
}
