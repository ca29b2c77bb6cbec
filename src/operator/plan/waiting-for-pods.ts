/** A pod that is still there, as far as its end is concerned. */
export interface LeavingPod {
  name: string;
  namespace: string;
  node: string | undefined;
  /** When it was to be gone, its grace period included; undefined = nobody has asked it to stop yet. */
  deletionTimestamp: string | undefined;
}

/** A kubelet that lives has removed a pod so long after its time. */
const LATE_MS = 60_000;
const NAMED_PODS = 3;

/**
 * Which pods are waited for, and what to do about those that do not go: only the kubelet of their node can say that a pod
 * has stopped, and of a node that is gone no kubelet is left.
 */
export function waitingForPods(pods: readonly LeavingPod[], nowMs: number): string {
  const sorted = pods.toSorted((a, b) => (a.name < b.name ? -1 : 1));
  const count = sorted.length === 1 ? 'one worker pod' : `${sorted.length} worker pods`;
  const message = `waiting for ${count} to stop: ${named(sorted)}.`;
  const late = sorted.filter(
    ({ deletionTimestamp }) => nowMs - Date.parse(deletionTimestamp ?? '') > LATE_MS,
  );
  const [first] = late;
  if (!first) return message;
  const nodes = [...new Set(late.map(({ node }) => node))].filter((node) => node !== undefined);
  const where = nodes.length > 0 ? ` (node ${nodes.slice(0, NAMED_PODS).join(', ')})` : '';
  const names = late.slice(0, NAMED_PODS).map(({ name }) => name);
  const command = `kubectl delete pod -n ${first.namespace} --force ${names.join(' ')}`;
  return `${message} ${named(late)}${where} should be gone since ${first.deletionTimestamp}. If the node is really gone, and with it the process, run: ${command}`;
}

/** A Deployment that is not the group's own is not deleted, and makes each pod anew that is. */
export function keptRunning({ namespace, name }: { namespace: string; name: string }): string {
  return `They belong to Deployment ${namespace}/${name}, which is not this group's any more. If nothing else needs it: kubectl delete deployment -n ${namespace} ${name}`;
}

function named(pods: readonly LeavingPod[]): string {
  const rest = pods.length - NAMED_PODS;
  const names = pods.slice(0, NAMED_PODS).map(({ name }) => name);
  return `${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`;
}
