import { isDeepStrictEqual } from 'node:util';
import { KINDS, keyOf, type KubeObject, type StoredObject } from '../../src/kubernetes/cluster.ts';
import type { MemoryCluster } from '../../src/kubernetes/memory/cluster.ts';
import { hasCode } from '../../src/lib/errors.ts';
import { hashOf } from '../../src/operator/plan/workload/desired-objects.ts';

const TEMPLATE = 'test.kcg.dev/template';

interface DeploymentSpec {
  replicas: number;
  template: { metadata: { labels: Record<string, string>; annotations: Record<string, string> } };
}

/**
 * The Deployment controller and the kubelet, in one: brings pods of the newest template, has them ready a step later, and then
 * takes the old ones away. The same Deployment ends with the same pods, whatever it went through.
 */
export async function runPods(cluster: MemoryCluster): Promise<void> {
  for (const deployment of await cluster.list(KINDS.deployment)) {
    try {
      await runDeployment(cluster, deployment);
    } catch (thrown) {
      if (!hasCode(thrown, 'NotFound')) throw thrown; // deleted meanwhile
    }
  }
}

async function runDeployment(cluster: MemoryCluster, deployment: StoredObject): Promise<void> {
  const { uid, namespace = '', name, generation } = deployment.metadata;
  const { replicas, template } = deployment.spec as DeploymentSpec;
  const hash = hashOf(template).slice(0, 5);
  const mine = (await cluster.list(KINDS.pod, { namespace })).filter(({ metadata }) =>
    metadata.ownerReferences?.some((owner) => owner.uid === uid),
  );
  const isNew = (pod: KubeObject) => pod.metadata.labels?.[TEMPLATE] === hash;
  const wanted = Array.from({ length: replicas }, (_, index) => `${name}-${hash}-${index}`);
  const missing = wanted.filter((each) => !mine.some(({ metadata }) => metadata.name === each));
  const ready = mine.filter(isReady);
  for (const pod of mine) if (!isReady(pod)) setReady(cluster, pod);
  for (const each of missing) {
    const { labels, annotations } = template.metadata;
    const owner = { apiVersion: 'apps/v1', kind: 'Deployment', name, uid, controller: true };
    cluster.create(KINDS.pod, {
      ...template,
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        namespace,
        name: each,
        labels: { ...labels, [TEMPLATE]: hash },
        annotations,
        ownerReferences: [owner],
      },
      status: { phase: 'Pending' },
    });
  }
  const newReady = ready.filter((pod) => isNew(pod) && wanted.includes(pod.metadata.name));
  if (newReady.length === replicas)
    for (const pod of mine) if (!wanted.includes(pod.metadata.name)) cluster.remove(KINDS.pod, keyOf(pod));
  setStatus(cluster, deployment, {
    observedGeneration: generation,
    replicas: mine.length,
    updatedReplicas: mine.filter(isNew).length,
    readyReplicas: ready.length,
    availableReplicas: ready.length,
  });
}

function isReady({ status }: KubeObject): boolean {
  const { conditions = [] } = (status ?? {}) as { conditions?: { type: string; status: string }[] };
  return conditions.some(({ type, status }) => type === 'Ready' && status === 'True');
}

function setReady(cluster: MemoryCluster, pod: StoredObject): void {
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  cluster.update(KINDS.pod, keyOf(pod), (draft) => void (draft.status = status), 'kubelet');
}

function setStatus(cluster: MemoryCluster, deployment: StoredObject, status: object): void {
  if (isDeepStrictEqual(status, deployment.status)) return;
  cluster.update(
    KINDS.deployment,
    keyOf(deployment),
    (draft) => void (draft.status = status),
    'deployment-controller',
  );
}
