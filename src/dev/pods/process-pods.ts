import type { Clock } from '../../lib/clock.ts';
import { randomName, type Random } from '../../lib/random.ts';
import { keyOf, keyString, KINDS, type StoredObject } from '../../kubernetes/cluster.ts';
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
      cluster.remove(KINDS.pod, { namespace, name });
    });
  }

  #publish(name: string): void {
    const placed = this.#placed.get(name);
    if (!placed) return;
    const { namespace } = placed.pod.options;
    this.#options.cluster.update(
      KINDS.pod,
      { namespace, name },
      (draft) => {
        draft.status = placed.pod.status();
      },
      'kubelet',
    );
  }

  #setStatus(deployment: StoredObject, status: Record<string, number>): void {
    if (JSON.stringify(deployment.status) === JSON.stringify(status)) return;
    const { cluster } = this.#options;
    cluster.update(
      KINDS.deployment,
      keyOf(deployment),
      (draft) => {
        draft.status = status;
      },
      'kube-controller-manager',
    );
  }
}
