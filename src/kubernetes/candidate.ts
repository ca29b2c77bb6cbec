import { DELETION_COST_ANNOTATION } from '../api/labels.ts';
import { KINDS, type Cluster, type ObjectKey } from './cluster.ts';

const SEPARATOR = '_';

/** A restarted container is another candidate, so each process adds `unique`. The pod's uid lets others see its end. */
export function candidateIdentity(
  { name, uid }: { name: string; uid: string | undefined },
  unique: string,
): string {
  return [name, ...(uid === undefined ? [] : [uid]), unique].join(SEPARATOR);
}

/**
 * Whether the pod of a Lease's holder is gone: it ended without giving the Lease back, as when its rights went first. False for
 * a holder that is not known to be a pod.
 */
export async function hasPodEnded(
  cluster: Pick<Cluster, 'get'>,
  { namespace, holder, signal }: { namespace: string; holder: string; signal: AbortSignal },
): Promise<boolean> {
  const [name, uid, unique] = holder.split(SEPARATOR);
  if (name === undefined || uid === undefined || unique === undefined) return false;
  const pod = await cluster.get(KINDS.pod, { namespace, name }, { signal });
  return pod?.metadata.uid !== uid;
}

/** On the pod of the leader, so that a Service can lead to it. */
const LEADER_LABEL = 'kcg.dev/leader';

/** The kubelet writes the status of a pod just when a process in it begins. */
const MARK_ATTEMPTS = 5;

/**
 * The leader's pod goes last in a rollout: else another old pod leads for the moments until it is its turn, and leadership
 * changes twice. Its label says which it is.
 */
export async function markLeaderPod(
  cluster: Pick<Cluster, 'get' | 'patchMetadata'>,
  { namespace, name }: ObjectKey,
  leads: boolean,
): Promise<void> {
  for (let attempt = 0; attempt < MARK_ATTEMPTS; attempt += 1) {
    const pod = await cluster.get(KINDS.pod, { namespace, name });
    if (!pod) return;
    const { annotations = {}, labels = {} } = pod.metadata;
    const isMarked = annotations[DELETION_COST_ANNOTATION] === '1' && labels[LEADER_LABEL] === 'true';
    const isUnmarked =
      annotations[DELETION_COST_ANNOTATION] === undefined && labels[LEADER_LABEL] === undefined;
    if (leads ? isMarked : isUnmarked) return;
    const { outcome } = await cluster.patchMetadata(KINDS.pod, pod, {
      annotations: { [DELETION_COST_ANNOTATION]: leads ? '1' : null },
      labels: { [LEADER_LABEL]: leads ? 'true' : null },
    });
    if (outcome === 'patched') return;
  }
}
