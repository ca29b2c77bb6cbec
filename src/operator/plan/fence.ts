import { WORKER_CONTAINER_ANNOTATION } from '../../api/labels.ts';
import type { WorkerRow } from '../../leases/worker-row.ts';

/** A container's end as the kubelet reports it. */
export interface Termination {
  pod: string;
  podUid: string;
  container: string;
  /** Ms since the epoch; the kubelet gives whole seconds, cut off. */
  finishedAt: number;
  /** Start of the container that runs in its place, ms since the epoch. */
  nextStartedAt?: number | undefined;
}

/**
 * Workers that are certainly dead: the container that ran them ended after they started, says the kubelet of their own
 * node. Nothing else is proof: a node that is not ready, or a pod that vanished, can still run its processes; such leases
 * lapse by themselves. The kubelet's second is cut off, so an end in the worker's first second proves nothing either.
 */
export function planFences(workers: readonly WorkerRow[], terminations: readonly Termination[]): WorkerRow[] {
  return workers.filter(
    (row) =>
      row.state !== 'dead' &&
      row.podUid !== '' &&
      row.startedAt > 0 &&
      terminations.some(
        ({ pod, podUid, finishedAt, nextStartedAt = Infinity }) =>
          pod === row.worker &&
          podUid === row.podUid &&
          finishedAt > row.startedAt &&
          // The node's clock may have been set back since that end: a worker of the next container is not its victim.
          row.startedAt < nextStartedAt,
      ),
  );
}

/**
 * The ends of the worker's container that a pod's status tells of. The pod itself names that container: in pods of another
 * handler the same name can be that of the application. In a pod that names none no end is proof.
 */
export function terminationsOf(pod: PodLike): Termination[] {
  const { name, uid, annotations } = pod.metadata;
  const container = annotations?.[WORKER_CONTAINER_ANNOTATION];
  if (container === undefined) return [];
  const statuses = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
  return statuses
    .filter((status) => status.name === container)
    .flatMap(({ state, lastState }) => [
      { end: state?.terminated?.finishedAt, next: undefined },
      { end: lastState?.terminated?.finishedAt, next: state?.running?.startedAt },
    ])
    .map(({ end, next }) => ({ finishedAt: timeOf(end), nextStartedAt: timeOf(next) || undefined }))
    .filter(({ finishedAt }) => finishedAt > 0)
    .map((times) => ({ pod: name, podUid: uid, container, ...times }));
}

/**
 * The pod's worker has ended since it was `before` (undefined when it was not seen before), and nobody had asked it to:
 * the workers of a pod that is being deleted hand over before they end, and such pods go in bursts.
 */
export function hasDied(now: PodLike, before: PodLike | undefined): boolean {
  if (now.metadata.deletionTimestamp !== undefined) return false;
  const known = new Set(before && terminationsOf(before).map(({ finishedAt }) => finishedAt));
  return terminationsOf(now).some(({ finishedAt }) => !known.has(finishedAt));
}

/** The fields of a pod that are looked at. */
export interface PodLike {
  metadata: {
    name: string;
    uid: string;
    annotations?: Readonly<Record<string, string>>;
    deletionTimestamp?: string;
  };
  status?: {
    containerStatuses?: readonly ContainerStatus[];
    initContainerStatuses?: readonly ContainerStatus[];
  };
}

interface ContainerStatus {
  name: string;
  state?: { terminated?: { finishedAt?: string | null }; running?: { startedAt?: string | null } };
  lastState?: { terminated?: { finishedAt?: string | null } };
}

function timeOf(text: string | null | undefined): number {
  return Date.parse(text ?? '');
}
