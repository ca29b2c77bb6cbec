export interface PodFacts {
  name: string;
  /** Has the Deployment's present template. */
  isCurrent: boolean;
  isReady: boolean;
  isStopping: boolean;
}

/**
 * What a Deployment with `maxSurge 25 %, maxUnavailable 0` does next: pods of a new template come first, an old one goes
 * when a new one is ready.
 */
export function planPods(pods: readonly PodFacts[], replicas: number): { create: number; stop: string[] } {
  const staying = pods.filter((pod) => !pod.isStopping);
  const current = staying.filter((pod) => pod.isCurrent);
  const old = staying.filter((pod) => !pod.isCurrent);
  const surge = old.length > 0 ? Math.max(1, Math.ceil(replicas / 4)) : 0;
  const create = Math.max(0, Math.min(replicas - current.length, replicas + surge - staying.length));
  const ready = current.filter((pod) => pod.isReady).length;
  const oldToGo = Math.min(old.length, Math.max(0, ready + old.length - replicas));
  const surplus = Math.max(0, current.length - replicas);
  // The least useful first: not ready, then the youngest.
  const byUse = current.toReversed().sort((a, b) => Number(a.isReady) - Number(b.isReady));
  const stop = [...old.slice(0, oldToGo), ...byUse.slice(0, surplus)].map((pod) => pod.name);
  return { create, stop };
}
