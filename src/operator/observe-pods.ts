import type { PodView } from '../view/group-view.ts';
import type { StoredObject } from '../kubernetes/cluster.ts';
import type { DeploymentFacts } from './plan/group-facts.ts';
import { lastWords, type Terminated } from './plan/last-words.ts';

interface ContainerStatus {
  name: string;
  restartCount?: number;
  ready?: boolean;
  state?: { waiting?: { reason?: string; message?: string }; running?: { startedAt?: string | null } };
  lastState?: { terminated?: Terminated };
}
interface PodStatus {
  phase?: string;
  conditions?: readonly { type: string; status: string; reason?: string; message?: string }[];
  containerStatuses?: readonly ContainerStatus[];
  initContainerStatuses?: readonly ContainerStatus[];
}

/** Waiting of this kind is the way up, not trouble. */
const STARTING = new Set(['ContainerCreating', 'PodInitializing']);
const MESSAGE_CHARACTERS = 300;
/** A container that runs for longer and is not ready is in trouble; before that it is starting. */
const STARTED_MS = 60_000;

/** `nowMs` is wall clock: a container that has run for more than a minute and is not ready is in trouble. */
export function podView(pod: StoredObject, nowMs: number): PodView {
  const status = (pod.status ?? {}) as PodStatus;
  const { name, uid, deletionTimestamp } = pod.metadata;
  const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  return {
    name,
    uid,
    node: (pod.spec as { nodeName?: string } | undefined)?.nodeName,
    phase: status.phase ?? 'Unknown',
    ready: status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false,
    terminating: deletionTimestamp !== undefined,
    trouble: troubleOf(status, containers) ?? unreadyContainer(status, nowMs),
    restarts: containers.reduce((sum, { restartCount }) => sum + (restartCount ?? 0), 0),
  };
}

function troubleOf(status: PodStatus, containers: readonly ContainerStatus[]): PodView['trouble'] {
  const unscheduled = status.conditions?.find(
    ({ type, status }) => type === 'PodScheduled' && status === 'False',
  );
  if (unscheduled) {
    return {
      container: '',
      reason: unscheduled.reason ?? 'Unschedulable',
      message: cut(unscheduled.message),
    };
  }
  for (const { name, state, lastState } of containers) {
    const reason = state?.waiting?.reason;
    if (reason !== undefined && !STARTING.has(reason)) {
      // That it waits for its next try says less than what ended the last one.
      const words = reason === 'CrashLoopBackOff' ? lastWords(lastState?.terminated) : undefined;
      return { container: name, reason, message: cut(words ?? state?.waiting?.message) };
    }
  }
  return undefined;
}

function unreadyContainer({ containerStatuses = [] }: PodStatus, nowMs: number): PodView['trouble'] {
  const unready = containerStatuses.find(({ ready, state }) => {
    const startedMs = Date.parse(state?.running?.startedAt ?? '');
    return ready === false && nowMs - startedMs > STARTED_MS;
  });
  // How long exactly would change the status with every look.
  const message = 'runs for more than a minute and is not ready; see its log';
  return unready && { container: unready.name, reason: 'ContainerNotReady', message };
}

/** The kubelet tells how long it backs off, which changes with each try. */
function cut(message = ''): string {
  return message.replace(/back-off \S+ /, 'back-off ').slice(0, MESSAGE_CHARACTERS);
}

interface DeploymentStatus {
  observedGeneration?: number;
  replicas?: number;
  updatedReplicas?: number;
  readyReplicas?: number;
  conditions?: readonly { type: string; status: string; reason?: string; message?: string }[];
}

/** Undefined without a Deployment. A count that its controller has not told yet is 0. */
export function deploymentFacts(deployment: StoredObject | undefined): DeploymentFacts | undefined {
  if (!deployment) return undefined;
  const status = (deployment.status ?? {}) as DeploymentStatus;
  const failure = status.conditions?.find(
    ({ type, status }) => type === 'ReplicaFailure' && status === 'True',
  );
  const observed = (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0);
  return {
    replicas: (deployment.spec as { replicas?: number } | undefined)?.replicas ?? 1,
    updated: status.updatedReplicas ?? 0,
    ready: status.readyReplicas ?? 0,
    total: status.replicas ?? 0,
    observed,
    failure: failure && (failure.message ?? 'the pods were refused'),
    // What an older template led to says nothing of the present one.
    stuck:
      observed &&
      (status.conditions ?? []).some(
        ({ type, status, reason }) =>
          type === 'Progressing' && status === 'False' && reason === 'ProgressDeadlineExceeded',
      ),
  };
}
