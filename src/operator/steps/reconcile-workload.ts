import { DELETION_COST_ANNOTATION } from '../../api/labels.ts';
import { encodeWorkerConfig } from '../../api/worker-config.ts';
import { count } from '../../lib/count.ts';
import { KcgError } from '../../lib/errors.ts';
import { isSameJson } from '../../lib/same-json.ts';
import type { GroupView } from '../../view/group-view.ts';
import { kubernetesTime } from '../../api/conditions.ts';
import { conflictMessage } from '../apply/apply-object.ts';
import { applyOwned } from '../apply/apply-owned.ts';
import {
  KINDS,
  describeObject,
  type KubeObject,
  type ObjectKey,
  type StoredObject,
} from '../../kubernetes/cluster.ts';
import { deploymentFacts } from '../observe/observe-pods.ts';
import { attempt, paced } from './pace.ts';
import {
  CONTENT_HASH_ANNOTATION,
  desiredObjects,
  isLeftover,
  keptOf,
  belongsTo,
  replicasOf,
  withReplicas,
  workloadName,
  type Workload,
} from '../plan/workload/desired-objects.ts';
import type { ReplicasDecision } from '../plan/scaling/desired-replicas.ts';
import type { WorkloadFacts } from '../plan/group-facts.ts';
import { workloadHandler } from '../plan/workload/worker-config-of.ts';
import { workloadInput, type WorkloadOf } from '../plan/workload/workload-input.ts';
import { askedRestart } from '../plan/status/annotated-wishes.ts';
import { workloadProblem } from '../plan/status/step-failures.ts';
import { templateProblems } from '../plan/workload/worker-template.ts';
import { PODS_OF_GROUP } from '../observe/group-indexes.ts';
import { reconcileBudget } from './reconcile-budget.ts';
import { lookAgain, type Pass, type PlacedPass } from '../reconcile-context.ts';

export interface WorkloadPass {
  pass: PlacedPass;
  existing: StoredObject | undefined;
  decision: ReplicasDecision;
  view: GroupView | undefined;
  seenRevision: number;
  /** Of the stream consumer; undefined = there is none that serves, or the group polls. */
  consumerArn: string | undefined;
}

/** The Deployment of the group, by its name: perhaps somebody else's. */
export function deploymentOf({ options, group }: Pass): StoredObject | undefined {
  return options.caches.deployments.get(deploymentKey(group));
}

/**
 * Also one that lacks our labels, so that the cache does not show it: it would be made a second time, with all its pods, or go on
 * where none may. It is asked for only where one may be made, or pods run.
 */
export async function findDeployment(
  pass: Pass,
): Promise<{ deployment: StoredObject | undefined; error?: KcgError }> {
  const deployment = deploymentOf(pass);
  const { group, signal, memory, failures } = pass;
  const mayBeMade = group.spec.desiredState !== 'Stopped' && memory.claim?.verdict === 'ours';
  if (deployment || (!mayBeMade && podsOf(pass).length === 0)) return { deployment };
  try {
    return { deployment: await paced(pass, { thing: 'look for a Deployment' }, () => readDeployment(pass)) };
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    const error = KcgError.from(thrown);
    failures.push({ step: 'workers', error });
    return { deployment, error };
  }
}

/** As `deploymentOf`, whatever its labels. @throws KcgError as `Cluster.get` does */
export function readDeployment({ options, group, signal }: Pass): Promise<StoredObject | undefined> {
  return options.cluster.get(KINDS.deployment, deploymentKey(group), { signal });
}

function deploymentKey({ metadata }: Pass['group']): ObjectKey {
  return { namespace: metadata.namespace, name: workloadName(metadata.name) };
}

/** As the cache has them, by the label with the group's name: also those that stop, or are of an older group of it. */
export function podsOf({ options, group }: Pass): StoredObject[] {
  const { name, namespace } = group.metadata;
  return options.caches.pods.by(PODS_OF_GROUP, `${namespace}/${name}`);
}

/** Brings Deployment and PodDisruptionBudget to what is wanted, or says why that cannot be done. */
export async function reconcileWorkload(input: WorkloadPass): Promise<WorkloadFacts> {
  const { pass, existing } = input;
  const { group, target } = pass;
  const { spec } = group;
  const refused = templateProblems({
    handler: workloadHandler(group, target.region),
    template: spec.template,
  });
  if (refused.length > 0) {
    return facts(existing, { reason: 'TemplateRejected', message: refused.join('; ') });
  }
  if (!existing && input.decision.replicas === 0) return facts(undefined, undefined);
  if (existing && !belongsTo(existing, pass.object.metadata)) return notOurs(pass, existing);
  // New pods would go to a table that may be another's, or have nothing to read with: until then, those that run are only
  // counted.
  const canRead = spec.consumer.type === 'Polling' || input.consumerArn !== undefined;
  // Nor may they begin before the positions are there, whatever it is that runs until then.
  const { facts: imported } = pass.memory.import;
  const hasPositions =
    imported === undefined ? spec.checkpoints.importFrom === undefined : imported.isSettled;
  const mayChange = pass.memory.claim?.verdict === 'ours' && canRead && hasPositions;
  const running = replicasOf(existing) ?? 0;
  if (!mayChange && (!existing || running === input.decision.replicas || (running === 0 && !canRead)))
    return facts(existing, undefined);
  const workload = objectsOf(input);
  const wanted =
    existing && !mayChange ? withReplicas(existing, input.decision.replicas) : workload.deployment;
  const found = await applyDeployment(input, wanted);
  if (mayChange && found.deployment) await reconcileBudget(pass, workload.podDisruptionBudget);
  return found;
}

async function applyDeployment(input: WorkloadPass, wanted: KubeObject): Promise<WorkloadFacts> {
  const { pass, existing, decision } = input;
  const before = replicasOf(existing);
  if (before !== undefined && decision.replicas < before) {
    // Without the marks Kubernetes stops other pods than we would; that is no reason to stop none.
    await attempt(pass, { step: 'workers', thing: 'pod marks' }, () => markForRemoval(input));
  }
  try {
    const asked = wanted.metadata.annotations?.[CONTENT_HASH_ANNOTATION] ?? '';
    const applied = await paced(pass, { thing: 'Deployment', asked }, () =>
      applyOwned(pass, KINDS.deployment, { wanted, existing }),
    );
    if (applied.outcome === 'conflict') {
      return facts(existing, { reason: 'FieldConflict', message: conflictMessage(wanted, applied) });
    }
    if (applied.outcome === 'lost') {
      lookAgain(pass, 1_000);
      return notSeenYet(facts(existing, undefined));
    }
    if (before === decision.replicas) noteUntold(input);
    else if (applied.outcome === 'applied') noteScale(pass, before, decision);
    return facts(applied.object, undefined);
  } catch (thrown) {
    if (pass.signal.aborted) throw thrown;
    const error = KcgError.from(thrown);
    // What the server finds wrong with the object waits for a change of it.
    if (error.code !== 'InvalidInput') pass.failures.push({ step: 'workers', error });
    return facts(existing, workloadProblem(error));
  }
}

function facts(deployment: StoredObject | undefined, problem: WorkloadFacts['problem']): WorkloadFacts {
  return { deployment: deploymentFacts(deployment), problem };
}

/** What was seen is of before a change, and would pass for the end of what is asked for now. */
function notSeenYet({ deployment, problem }: WorkloadFacts): WorkloadFacts {
  return { deployment: deployment && { ...deployment, observed: false }, problem };
}

function objectsOf({ pass, existing, decision, seenRevision, consumerArn }: WorkloadPass): Workload {
  const { object, target, options, memory } = pass;
  const { apiVersion, kind, metadata, spec } = pass.group;
  const { name, namespace } = metadata;
  const from: WorkloadOf = {
    group: { apiVersion, kind, metadata: { name, namespace }, spec },
    uid: object.metadata.uid,
    restart: askedRestart(metadata),
    target,
    settings: options.settings,
    consumerArn,
    replicas: decision.replicas,
  };
  const known = isSameJson(memory.workload?.from, from) ? memory.workload?.objects : undefined;
  // Made from their own Deployment they are the same: the revision stays, whatever workers have reported.
  if (known && existing && isSameJson(keptOf(existing), keptOf(known.deployment))) return known;
  const input = workloadInput(from);
  const config = encodeWorkerConfig(input.config);
  const objects = desiredObjects({ ...input, config, existing, seenRevision });
  memory.workload = { from, objects };
  return objects;
}

function notOurs(pass: PlacedPass, owner: StoredObject): WorkloadFacts {
  lookAgain(pass, 10_000);
  const { kind, metadata } = pass.group;
  if (isLeftover(owner, { kind, name: metadata.name, uid: pass.object.metadata.uid })) {
    const message = `${describeObject(owner)} of an older group of this name is being removed; the new one comes after it`;
    return facts(undefined, { reason: 'WorkersStarting', message });
  }
  const message = `${describeObject(owner)} exists and is not of this group. Delete or rename it.`;
  return facts(undefined, { reason: 'FieldConflict', message });
}

function noteScale(
  pass: PlacedPass,
  before: number | undefined,
  { replicas, reason }: ReplicasDecision,
): void {
  const time = kubernetesTime(pass.options.clock.now());
  pass.memory.lastScale = { time, reason: `${before ?? 0} → ${replicas}: ${reason}`.slice(0, 1_000) };
  const note = `from ${before ?? 0} to ${count(replicas, 'worker')}: ${reason}`;
  pass.events.push({ type: 'Normal', reason: 'Scaled', note, action: 'Scale', isStep: !before });
}

/** A move that another operator made and did not live to tell. One that was there before the group, as of a backup, was made for none. */
function noteUntold({ pass, existing, decision }: WorkloadPass): void {
  if (pass.memory.lastScale !== undefined || (existing && isOlderThan(existing, pass.object))) return;
  const { lastScale, desired } = pass.group.status?.scaling ?? {};
  const before = lastScale === undefined ? 0 : desired;
  if (before !== decision.replicas) noteScale(pass, before, decision);
}

function isOlderThan({ metadata }: StoredObject, { metadata: { creationTimestamp = '' } }: StoredObject) {
  return (metadata.creationTimestamp ?? '') < creationTimestamp;
}

/** Kubernetes stops the pods of least cost first: those whose going moves the fewest shards. */
async function markForRemoval({ pass, view }: WorkloadPass): Promise<void> {
  if (!view) return;
  const held = new Map(view.workers.map(({ worker, shards }) => [worker, shards]));
  for (const pod of podsOf(pass)) {
    const cost = String(held.get(pod.metadata.name) ?? 0);
    if ((pod.metadata.annotations?.[DELETION_COST_ANNOTATION] ?? '0') === cost) continue;
    const patch = { annotations: { [DELETION_COST_ANNOTATION]: cost } };
    await pass.options.cluster.patchMetadata(KINDS.pod, pod, patch, { signal: pass.signal });
  }
}
