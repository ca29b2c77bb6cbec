import type { PodView } from '../../view/group-view.ts';
import type { StoredObject } from '../../kubernetes/cluster.ts';
import type { DeploymentFacts } from '../plan/group-facts.ts';
import { restartOf } from '../plan/workload/desired-objects.ts';
import { lastWords, type Terminated } from '../plan/last-words.ts';

interface ContainerStatus {
  name: string;
  restartCount?: number;
  ready?: boolean;
  state?: {
    waiting?: { reason?: string; message?: string };
    running?: { startedAt?: string | null };
    terminated?: Terminated;
  };
  lastState?: { terminated?: Terminated };
}
interface PodCondition {
  type: string;
  status: string;
  reason?: string;
  message?: string;
  lastTransitionTime?: string | null;
}
interface PodStatus {
  phase?: string;
  conditions?: readonly PodCondition[];
  containerStatuses?: readonly ContainerStatus[];
  initContainerStatuses?: readonly ContainerStatus[];
}
type Trouble = NonNullable<PodView['trouble']>;

/** Waiting of this kind is the way up, not trouble. */
const STARTING = new Set(['ContainerCreating', 'PodInitializing']);
const LOOPING = 'CrashLoopBackOff';
/** Restarts from which on a container that does not become ready ends again and again. */
const LOOPS = 2;
const MESSAGE_CHARACTERS = 300;
/** What takes longer is in trouble; before that it is starting. */
const STARTED_MS = 60_000;
/** How long exactly would change the status with every look. */
const LONG = 'for more than a minute';

/** `nowMs` is wall clock: what is not ready after more than a minute is in trouble. */
export function podView(pod: StoredObject, nowMs: number): PodView {
  const status = (pod.status ?? {}) as PodStatus;
  const { name, uid, deletionTimestamp } = pod.metadata;
  const { containerStatuses = [] } = status;
  return {
    name,
    uid,
    node: (pod.spec as { nodeName?: string } | undefined)?.nodeName,
    phase: status.phase ?? 'Unknown',
    ready: conditionOf(status, 'Ready')?.status === 'True',
    terminating: deletionTimestamp !== undefined,
    trouble: TROUBLES.map((trouble) => trouble(status, nowMs)).find((found) => found !== undefined),
    down: containerStatuses.filter(({ state }) => state && !state.running).map(({ name }) => name),
    restarts: allOf(status).reduce((sum, { restartCount }) => sum + (restartCount ?? 0), 0),
  };
}

/** Causes before effects. */
const TROUBLES: readonly ((status: PodStatus, nowMs: number) => Trouble | undefined)[] = [
  unscheduled,
  waiting,
  ended,
  notCreated,
  notInitialized,
  notReady,
  gateNotMet,
];

function unscheduled(status: PodStatus): Trouble | undefined {
  const condition = conditionOf(status, 'PodScheduled');
  if (condition?.status !== 'False') return undefined;
  return {
    container: '',
    reason: condition.reason ?? 'Unschedulable',
    message: cut(condition.message),
  };
}

function waiting(status: PodStatus, nowMs: number): Trouble | undefined {
  for (const container of allOf(status)) {
    const { name, state } = container;
    const { reason = isLooping(container, nowMs) ? LOOPING : undefined, message } = state?.waiting ?? {};
    if (reason === undefined || STARTING.has(reason)) continue;
    // That it waits for its next try says less than what ended the last one.
    const words = reason === LOOPING ? badEnd(container) : undefined;
    return { container: name, reason, message: cut(words ?? message) };
  }
  return undefined;
}

/** Between two waits it runs for a moment, and ends: the same trouble, which would turn with each of these otherwise. */
function isLooping(container: ContainerStatus, nowMs: number): boolean {
  const { ready, restartCount = 0, state } = container;
  if (ready !== false || restartCount < LOOPS || isLong(state?.running?.startedAt, nowMs)) return false;
  return badEnd(container) !== undefined;
}

function badEnd({ state, lastState }: ContainerStatus): string | undefined {
  return lastWords(state?.terminated ?? lastState?.terminated);
}

/** An init container ends when it is done. */
function ended({ initContainerStatuses = [], containerStatuses = [] }: PodStatus): Trouble | undefined {
  const failed = initContainerStatuses.filter(({ state }) => (state?.terminated?.exitCode ?? 0) !== 0);
  const [found] = [...failed, ...containerStatuses.filter(({ state }) => state?.terminated)];
  const terminated = found?.state?.terminated;
  if (!found || !terminated) return undefined;
  const message = cut(lastWords(terminated) ?? 'ended with exit code 0');
  return { container: found.name, reason: 'Terminated', message };
}

/** A volume that cannot be mounted is told nowhere else than in the pod's events. */
function notCreated(status: PodStatus, nowMs: number): Trouble | undefined {
  const creating = allOf(status).find(({ state }) => state?.waiting?.reason === 'ContainerCreating');
  const scheduled = conditionOf(status, 'PodScheduled')?.lastTransitionTime;
  if (!creating || !isLong(scheduled, nowMs)) return undefined;
  const message = `is being created ${LONG}; see the events of the pod`;
  return { container: creating.name, reason: 'ContainerCreating', message };
}

/** One that hangs, or, running beside the others, is not ready. */
function notInitialized({ initContainerStatuses = [] }: PodStatus, nowMs: number): Trouble | undefined {
  const hangs = initContainerStatuses.find(
    ({ ready, state }) => ready === false && isLong(state?.running?.startedAt, nowMs),
  );
  const message = `an init container that runs ${LONG} and is neither done nor ready; see its log`;
  return hangs && { container: hangs.name, reason: 'ContainerNotReady', message };
}

function notReady({ containerStatuses = [] }: PodStatus, nowMs: number): Trouble | undefined {
  const unready = containerStatuses.find(
    ({ ready, state }) => ready === false && isLong(state?.running?.startedAt, nowMs),
  );
  const message = `runs ${LONG} and is not ready; see its log`;
  return unready && { container: unready.name, reason: 'ContainerNotReady', message };
}

/** All containers are ready, and the pod is not. */
function gateNotMet(status: PodStatus, nowMs: number): Trouble | undefined {
  const ready = conditionOf(status, 'Ready');
  const containers = conditionOf(status, 'ContainersReady');
  if (ready?.status !== 'False' || containers?.status !== 'True') return undefined;
  if (!isLong(containers.lastTransitionTime, nowMs)) return undefined;
  return { container: '', reason: ready.reason ?? 'NotReady', message: cut(ready.message) };
}

function isLong(since: string | null | undefined, nowMs: number): boolean {
  return nowMs - Date.parse(since ?? '') > STARTED_MS;
}

function conditionOf({ conditions = [] }: PodStatus, type: string): PodCondition | undefined {
  return conditions.find((condition) => condition.type === type);
}

function allOf({ initContainerStatuses = [], containerStatuses = [] }: PodStatus): ContainerStatus[] {
  return [...initContainerStatuses, ...containerStatuses];
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
    paused: (deployment.spec as { paused?: boolean } | undefined)?.paused === true,
    failure: failure && (failure.message ?? 'the pods were refused'),
    // What an older template led to says nothing of the present one.
    stuck:
      observed &&
      (status.conditions ?? []).some(
        ({ type, status, reason }) =>
          type === 'Progressing' && status === 'False' && reason === 'ProgressDeadlineExceeded',
      ),
    restart: restartOf(deployment),
  };
}
