import { COMPONENT_LABEL, ownedLabels, workerSelector } from '../api/labels.ts';
import { encodeWorkerConfig } from '../api/worker-config.ts';
import { count } from '../lib/count.ts';
import { KcgError } from '../lib/errors.ts';
import type { GroupView } from '../view/group-view.ts';
import { kubernetesTime } from '../api/conditions.ts';
import { applyObject, conflictMessage, type ApplyOutcome } from './apply.ts';
import {
  KINDS,
  describeObject,
  type KubeObject,
  type ResourceKind,
  type StoredObject,
} from '../kubernetes/cluster.ts';
import { deploymentFacts } from './observe-pods.ts';
import {
  desiredObjects,
  isLeftover,
  isOwnedBy,
  replicasOf,
  withReplicas,
  workloadName,
  type Workload,
} from './plan/desired-objects.ts';
import type { ReplicasDecision } from './plan/desired-replicas.ts';
import type { WorkloadFacts } from './plan/group-facts.ts';
import { workerConfigOf, workloadHandler } from './plan/worker-config-of.ts';
import { workloadProblem } from './plan/step-failures.ts';
import { templateProblems } from './plan/worker-template.ts';
import { PODS_OF_GROUP } from './group-indexes.ts';
import { attempt, lookAgain, type Pass, type PlacedPass } from './reconcile-context.ts';

const DELETION_COST = 'controller.kubernetes.io/pod-deletion-cost';

export interface WorkloadPass {
  pass: PlacedPass;
  existing: StoredObject | undefined;
  decision: ReplicasDecision;
  view: GroupView | undefined;
  seenRevision: number;
}

/** The Deployment of the group, by its name: perhaps somebody else's. */
export function deploymentOf({ options, group }: Pass): StoredObject | undefined {
  const { name, namespace } = group.metadata;
  return options.caches.deployments.get({ namespace, name: workloadName(name) });
}

/** As the cache has them, by the label with the group's name: also those that stop, or are of an older group of it. */
export function podsOf({ options, group }: Pass): StoredObject[] {
  const { name, namespace } = group.metadata;
  return options.caches.pods.by(PODS_OF_GROUP, `${namespace}/${name}`);
}

/** Brings Deployment and PodDisruptionBudget to what is wanted, or says why that cannot be done. */
export async function reconcileWorkload(input: WorkloadPass): Promise<WorkloadFacts> {
  const { pass, existing } = input;
  try {
    return await bringAbout(input);
  } catch (thrown) {
    if (pass.signal.aborted) throw thrown;
    const error = KcgError.from(thrown);
    // What the server finds wrong with the objects waits for a change of them.
    if (error.code !== 'InvalidInput') pass.failures.push({ step: 'workers', error });
    return facts(existing, workloadProblem(error));
  }
}

async function bringAbout(input: WorkloadPass): Promise<WorkloadFacts> {
  const { pass, existing, decision } = input;
  const refused = templateProblems({
    handler: workloadHandler(pass.group.spec.handler),
    template: pass.group.spec.template,
  });
  if (refused.length > 0) {
    return facts(existing, { reason: 'TemplateRejected', message: refused.join('; ') });
  }
  if (!existing && decision.replicas === 0) return facts(undefined, undefined);
  const owner = existing ?? (await hiddenDeployment(pass));
  if (owner && !isOwnedBy(owner, pass.object.metadata.uid)) return notOurs(pass, owner);
  const before = replicasOf(existing);
  // New pods would go to a table that may be another's: until it is ours, those that run are only counted.
  const isOurs = pass.memory.claim?.verdict === 'ours';
  if (!isOurs && (!existing || before === decision.replicas)) return facts(existing, undefined);
  const workload = objectsOf(input);
  const wanted = existing && !isOurs ? withReplicas(existing, decision.replicas) : workload.deployment;
  if (before !== undefined && decision.replicas < before) {
    // Without the marks Kubernetes stops other pods than we would; that is no reason to stop none.
    await attempt(pass, 'workers', () => markForRemoval(input));
  }
  const applied = await applyOne(pass, KINDS.deployment, wanted, owner);
  if (applied.outcome === 'conflict') {
    return facts(existing, { reason: 'FieldConflict', message: conflictMessage(wanted, applied) });
  }
  if (applied.outcome === 'lost') {
    lookAgain(pass, 1_000);
    return facts(existing, undefined);
  }
  if (applied.outcome === 'applied' && before !== decision.replicas) noteScale(pass, before, decision);
  await attempt(pass, 'workers', () => applyBudget(pass, workload));
  return facts(applied.object, undefined);
}

function facts(deployment: StoredObject | undefined, problem: WorkloadFacts['problem']): WorkloadFacts {
  return { deployment: deploymentFacts(deployment), problem };
}

function objectsOf({ pass, existing, decision, seenRevision }: WorkloadPass): Workload {
  const { group, object, target, options } = pass;
  const { name, namespace } = group.metadata;
  const selector = workerSelector(name);
  return desiredObjects({
    group: { name, namespace, uid: object.metadata.uid, apiVersion: group.apiVersion, kind: group.kind },
    handler: workloadHandler(group.spec.handler),
    template: group.spec.template,
    image: options.settings.workerImage,
    config: encodeWorkerConfig(workerConfigOf(group, target)),
    handoffTimeoutMs: group.spec.leases.handoffTimeoutSeconds * 1000,
    labels: { ...ownedLabels(name), ...selector, [COMPONENT_LABEL]: 'worker' },
    selector,
    replicas: decision.replicas,
    // A group that is to read nothing does not keep old pods reading while new ones come up.
    existing,
    seenRevision,
  });
}

/** One that lacks our labels, so that the cache does not show it; asked for only before creating. */
async function hiddenDeployment({ options, group, signal }: PlacedPass): Promise<StoredObject | undefined> {
  const { name, namespace } = group.metadata;
  return options.cluster.get(KINDS.deployment, { namespace, name: workloadName(name) }, { signal });
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

async function applyOne(
  pass: PlacedPass,
  kind: ResourceKind,
  wanted: KubeObject,
  existing: StoredObject | undefined,
): Promise<ApplyOutcome> {
  const { options, memory, signal } = pass;
  const result = await applyObject(options.cluster, kind, {
    wanted,
    existing,
    applied: memory.applied,
    signal,
  });
  const isSettled = result.outcome === 'applied' || result.outcome === 'unchanged';
  const conflict = result.outcome === 'conflict' ? result : isSettled && result.conflict;
  if (conflict) {
    const note = `${isSettled ? 'set back: ' : ''}${conflictMessage(wanted, conflict)}`;
    pass.events.push({ type: 'Warning', reason: 'FieldConflict', note, action: 'ApplyObjects' });
  }
  return result;
}

async function applyBudget(pass: PlacedPass, { podDisruptionBudget: wanted }: Workload): Promise<void> {
  const { namespace, name } = pass.group.metadata;
  const key = { namespace, name: workloadName(name) };
  const existing = pass.options.caches.podDisruptionBudgets.get(key);
  if (existing && !isOwnedBy(existing, pass.object.metadata.uid)) return;
  await applyOne(pass, KINDS.podDisruptionBudget, wanted, existing);
}

function noteScale(
  pass: PlacedPass,
  before: number | undefined,
  { replicas, reason }: ReplicasDecision,
): void {
  const time = kubernetesTime(pass.options.clock.now());
  pass.memory.lastScale = { time, reason: `${before ?? 0} → ${replicas}: ${reason}`.slice(0, 1_000) };
  const note = `from ${before ?? 0} to ${count(replicas, 'worker')}: ${reason}`;
  pass.events.push({ type: 'Normal', reason: 'Scaled', note, action: 'Scale' });
}

/** Kubernetes stops the pods of least cost first: those whose going moves the fewest shards. */
async function markForRemoval({ pass, view }: WorkloadPass): Promise<void> {
  if (!view) return;
  const held = new Map(view.workers.map(({ worker, shards }) => [worker, shards]));
  for (const pod of podsOf(pass)) {
    const cost = String(held.get(pod.metadata.name) ?? 0);
    if ((pod.metadata.annotations?.[DELETION_COST] ?? '0') === cost) continue;
    const patch = { annotations: { [DELETION_COST]: cost } };
    await pass.options.cluster.patchMetadata(KINDS.pod, pod, patch, { signal: pass.signal });
  }
}
