import type { Clock } from '../../lib/clock.ts';
import { randomName, type Random } from '../../lib/random.ts';
import {
  keyOf,
  keyString,
  KINDS,
  type KubeObject,
  type ObjectKey,
  type ResourceKind,
  type StoredObject,
} from '../../kubernetes/cluster.ts';
import { KcgError } from '../../lib/errors.ts';
import type { MemoryCluster } from '../../kubernetes/memory/cluster.ts';
import { planPods } from './plan-pods.ts';
import { ProcessPod, type PodContainer } from './process-pod.ts';

export interface ProcessPodsOptions {
  cluster: MemoryCluster;
  clock: Clock;
  random: Random;
  /** Program and arguments that run `kcg worker`. */
  command: readonly string[];
  onLine: (pod: string, line: string) => void;
}

interface PodTemplate {
  metadata?: { annotations?: Record<string, string>; labels?: Record<string, string> };
  spec: { terminationGracePeriodSeconds?: number; containers: PodContainer[] };
}

interface DeploymentSpec {
  replicas: number;
  template: PodTemplate;
}

interface Placed {
  pod: ProcessPod;
  deployment: string;
  template: string;
}

const RESYNC_MS = 1_000;
/** Keeps a deleted Pod object until its process has ended, as a kubelet does. */
const FINALIZER = 'kcg.dev/local-process';

/** Local mode's Deployment controller and kubelet: keeps worker processes as Deployments ask, and Pod objects as they are. */
export class ProcessPods {
  readonly #options: ProcessPodsOptions;
  readonly #placed = new Map<string, Placed>();

  constructor(options: ProcessPodsOptions) {
    this.#options = options;
  }

  /** The pods that run now, oldest first. */
  list(): ProcessPod[] {
    return [...this.#placed.values()].map(({ pod }) => pod);
  }

  /** Until `signal` aborts; then stops all pods and resolves when the last process has ended. */
  async run(signal: AbortSignal): Promise<void> {
    const { cluster, clock } = this.#options;
    const deployments = cluster.watch(KINDS.deployment, {
      signal,
      onChange: () => this.#reconcile(deployments.list()),
    });
    const pods = cluster.watch(KINDS.pod, { signal, onChange: () => this.#stopDeleted(pods.list()) });
    await deployments.whenSynced();
    while (!signal.aborted) {
      this.#reconcile(deployments.list());
      await clock.sleep(RESYNC_MS, { signal });
    }
    await Promise.all(this.list().map((pod) => pod.stop()));
  }

  #reconcile(deployments: readonly StoredObject[]): void {
    const wanted = new Set(deployments.map((deployment) => keyString(keyOf(deployment))));
    for (const { pod, deployment } of this.#placed.values()) {
      if (!wanted.has(deployment)) void pod.stop();
    }
    for (const deployment of deployments) this.#reconcileOne(deployment);
  }

  #stopDeleted(pods: readonly StoredObject[]): void {
    for (const { metadata } of pods)
      if (metadata.deletionTimestamp !== undefined) void this.#placed.get(metadata.name)?.pod.stop();
  }

  #reconcileOne(deployment: StoredObject): void {
    const key = keyString(keyOf(deployment));
    const { replicas, template } = deployment.spec as DeploymentSpec;
    const hash = JSON.stringify(template);
    const own = [...this.#placed.values()].filter((placed) => placed.deployment === key);
    const plan = planPods(
      own.map(({ pod, template }) => ({
        name: pod.options.name,
        isCurrent: template === hash,
        isReady: pod.ready,
        isStopping: pod.isStopping,
      })),
      replicas,
    );
    for (let i = 0; i < plan.create; i += 1) this.#create(deployment, template, hash);
    for (const name of plan.stop) void this.#placed.get(name)?.pod.stop();
    const staying = own.filter(({ pod }) => !pod.isStopping);
    const ready = staying.filter(({ pod }) => pod.ready).length;
    this.#setStatus(deployment, {
      observedGeneration: deployment.metadata.generation ?? 1,
      replicas: staying.length,
      readyReplicas: ready,
      availableReplicas: ready,
      updatedReplicas: staying.filter(({ template }) => template === hash).length,
    });
  }

  #create(deployment: StoredObject, template: PodTemplate, hash: string): void {
    const { cluster, clock, random, command, onLine } = this.#options;
    const { name: owner, namespace = 'default' } = deployment.metadata;
    const name = `${owner}-${randomName(random, 5)}`;
    const container = template.spec.containers.find(({ env }) =>
      env?.some((e) => e.name === 'KCG_WORKER_CONFIG'),
    );
    if (!container) return;
    const annotations = template.metadata?.annotations ?? {};
    const created = cluster.create(KINDS.pod, {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        namespace,
        annotations,
        labels: template.metadata?.labels ?? {},
        finalizers: [FINALIZER],
        ownerReferences: [
          {
            apiVersion: 'apps/v1',
            kind: 'Deployment',
            name: owner,
            uid: deployment.metadata.uid,
            controller: true,
          },
        ],
      },
      spec: { nodeName: 'local', containers: [{ name: container.name }] },
    });
    const pod = new ProcessPod({
      name,
      namespace,
      uid: created.metadata.uid,
      annotations,
      container,
      functionContainer: template.spec.containers.find(({ env }) =>
        env?.some((e) => e.name === 'AWS_LAMBDA_RUNTIME_API'),
      ),
      command,
      graceSeconds: template.spec.terminationGracePeriodSeconds ?? 30,
      clock,
      random,
      onLine,
      onChange: () => this.#publish(name),
    });
    this.#placed.set(name, { pod, deployment: keyString(keyOf(deployment)), template: hash });
    this.#publish(name);
    void pod.done.then(() => {
      this.#placed.delete(name);
      this.#update(KINDS.pod, { namespace, name }, 'kubelet', (draft) => {
        draft.metadata.finalizers = [];
      });
      cluster.remove(KINDS.pod, { namespace, name });
    });
  }

  #publish(name: string): void {
    const placed = this.#placed.get(name);
    if (!placed) return;
    const { namespace } = placed.pod.options;
    this.#update(KINDS.pod, { namespace, name }, 'kubelet', (draft) => {
      draft.status = placed.pod.status();
    });
  }

  #setStatus(deployment: StoredObject, status: Record<string, number>): void {
    if (JSON.stringify(deployment.status) === JSON.stringify(status)) return;
    this.#update(KINDS.deployment, keyOf(deployment), 'kube-controller-manager', (draft) => {
      draft.status = status;
    });
  }

  /** What has been deleted meanwhile needs no change. */
  #update(kind: ResourceKind, key: ObjectKey, manager: string, change: (draft: KubeObject) => void): void {
    try {
      this.#options.cluster.update(kind, key, change, manager);
    } catch (thrown) {
      if (KcgError.from(thrown).code !== 'NotFound') throw thrown;
    }
  }
}
