import type { Told } from '../../../api/conditions.ts';
import { DENIED, OVER_QUOTA } from '../../../kubernetes/cluster.ts';
import { count } from '../../../lib/count.ts';
import type { PodView } from '../../../view/group-view.ts';
import { workloadName } from '../workload/desired-objects.ts';
import type { DeploymentFacts, GroupFacts } from '../group-facts.ts';

/** `True` with as many pods ready as wanted, unless the objects could not be applied or new pods do not come up. */
export function workersAvailable({ workload, scaling, view, group }: GroupFacts): Told<'WorkersAvailable'> {
  const { deployment, problem } = workload;
  if (problem) return { status: 'False', ...problem };
  const desired = scaling?.replicas ?? deployment?.replicas ?? 0;
  if (desired === 0 && scaling?.limitedBy === 'UnknownShards') {
    return { status: 'Unknown', reason: 'WorkersStarting', message: scaling.reason };
  }
  if (desired === 0 && scaling?.limitedBy === 'NamespaceLimit')
    return { status: 'False', reason: 'QuotaExceeded', message: scaling.reason };
  if (desired === 0 && scaling) return { status: 'True', reason: 'NoWorkersWanted', message: scaling.reason };
  if (!deployment)
    return { status: 'False', reason: 'WorkersStarting', message: 'no pods have been asked for yet' };
  const counts = `${deployment.ready} of ${count(desired, 'pod')} ready`;
  const enough = { status: 'True', reason: 'MinimumAvailable', message: counts } as const;
  // While old pods do the work, what keeps the new ones from coming up is still to be told.
  if (deployment.ready >= desired && isRolledOut(deployment)) return enough;
  if (deployment.paused && deployment.updated < deployment.replicas) {
    const { name, namespace } = group.metadata;
    const command = `kubectl rollout resume deployment -n ${namespace} ${workloadName(name)}`;
    const message = `${counts}; somebody has paused the rollout of the Deployment; to go on: ${command}`;
    return { status: 'False', reason: 'RolloutPaused', message };
  }
  if (deployment.failure !== undefined)
    return { status: 'False', reason: refusalOf(deployment.failure), message: deployment.failure };
  const trouble = worstTrouble(view?.pods ?? []);
  // A node may still come for what fits on none, but not for ever.
  const isLate = trouble?.reason === 'Unschedulable' && deployment.stuck;
  if (trouble)
    return {
      status: 'False',
      reason: isLate ? 'RolloutStuck' : trouble.reason,
      message: `${counts}; ${trouble.message}`,
    };
  if (deployment.stuck) {
    const message = `${counts}; new pods have not come up within the progress deadline of the Deployment`;
    return { status: 'False', reason: 'RolloutStuck', message };
  }
  if (deployment.ready >= desired) return enough;
  return { status: 'False', reason: 'WorkersStarting', message: counts };
}

/** The server, or a webhook, could not answer; or what a pod names is not there yet. The controller tries again. */
const PASSING =
  /Internal error occurred|etcdserver|error looking up service account|because it is being terminated/;
const REFUSED = / is invalid:| is forbidden: /;

/** Of a message of the controller that could not create pods. */
function refusalOf(failure: string): 'QuotaExceeded' | 'TemplateRejected' | 'ApplyFailed' {
  if (OVER_QUOTA.test(failure)) return 'QuotaExceeded';
  if (PASSING.test(failure)) return 'ApplyFailed';
  return REFUSED.test(failure) || DENIED.test(failure) ? 'TemplateRejected' : 'ApplyFailed';
}

/** No pod of an older template is left, and all of the present one are made. */
export function isRolledOut({ observed, updated, total, replicas }: DeploymentFacts): boolean {
  return observed && updated >= replicas && total <= updated;
}

type TroubleReason = 'Unschedulable' | 'ImagePullFailing' | 'CrashLooping' | 'ContainerNotReady';
const TROUBLE: readonly (readonly [RegExp, TroubleReason])[] = [
  [/^(ImagePullBackOff|ErrImagePull|InvalidImageName|ErrImageNeverPull)$/, 'ImagePullFailing'],
  [/^(CrashLoopBackOff|RunContainerError|CreateContainerConfigError|CreateContainerError)$/, 'CrashLooping'],
  [/^(Unschedulable|SchedulingGated)$/, 'Unschedulable'],
  [/./, 'ContainerNotReady'],
];

/** Causes before effects: an image that cannot be pulled says more than a pod that is not ready. */
function worstTrouble(pods: readonly PodView[]): { reason: TroubleReason; message: string } | undefined {
  for (const [pattern, reason] of TROUBLE) {
    const pod = pods.find(({ trouble, terminating }) => !terminating && pattern.test(trouble?.reason ?? ''));
    if (pod?.trouble) return { reason, message: describeTrouble(pod.name, pod.trouble) };
  }
  return undefined;
}

function describeTrouble(pod: string, { container, reason, message }: NonNullable<PodView['trouble']>) {
  const where = container ? `container ${container} of pod ${pod}` : `pod ${pod}`;
  return `${where}: ${reason}${message ? `: ${message}` : ''}`;
}
