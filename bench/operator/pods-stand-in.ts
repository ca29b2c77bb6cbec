import { MANAGED_BY, MANAGED_BY_LABEL, REVISION_ANNOTATION } from '../../src/api/labels.ts';
import { decodeWorkerConfig, WORKER_CONFIG_ENV, type WorkerConfig } from '../../src/api/worker-config.ts';
import { KINDS, keyOf, keyString, type KubeObject, type StoredObject } from '../../src/kubernetes/cluster.ts';
import type { KubeCluster } from '../../src/kubernetes/kube/cluster.ts';
import type { RowsStandIn } from './rows-stand-in.ts';

interface Template {
  metadata: { labels: Record<string, string>; annotations: Record<string, string> };
  spec: { containers: { name: string; image: string; env?: { name: string; value?: string }[] }[] };
}

export interface PodsStandInOptions {
  cluster: KubeCluster;
  rows: RowsStandIn;
  /** The shards of a stream. */
  shardIdsOf: (config: WorkerConfig) => readonly string[];
  /** Where the nth pod is called, `ip:port`. */
  addressOf: (index: number) => string;
}

const APPLY = { fieldManager: 'stand-in', force: true } as const;

/**
 * Plays the controller of Deployments, the kubelet and the workers: each Deployment gets its pods at once, they run and are
 * ready, and their rows are there. A new template is taken by the pods that run.
 */
export class PodsStandIn {
  readonly #options: PodsStandInOptions;
  readonly #work = new Map<string, Promise<void>>();
  /** Pods by Deployment, oldest first. */
  readonly #pods = new Map<string, StoredObject[]>();
  #started = 0;

  constructor(options: PodsStandInOptions) {
    this.#options = options;
  }

  run(signal: AbortSignal): void {
    const labels = { [MANAGED_BY_LABEL]: MANAGED_BY };
    this.#options.cluster.watch(KINDS.deployment, {
      labels,
      signal,
      onChange: ({ type, object, previous }) => {
        const isNew = object.metadata.generation !== previous?.metadata.generation;
        if (type !== 'deleted' && isNew) this.#then(object);
      },
    });
  }

  #then(deployment: StoredObject): void {
    const key = keyString(keyOf(deployment));
    const before = this.#work.get(key) ?? Promise.resolve();
    const now = before.then(() => this.#sync(key, deployment)).catch((thrown) => console.error(key, thrown));
    this.#work.set(key, now);
  }

  async #sync(key: string, deployment: StoredObject): Promise<void> {
    const { replicas, template } = deployment.spec as { replicas: number; template: Template };
    const pods = [...(this.#pods.get(key) ?? [])];
    while (pods.length < replicas) pods.push(await this.#create(deployment, template, pods.length));
    for (const extra of pods.splice(replicas)) {
      this.#options.rows.end(extra.metadata.uid);
      await this.#options.cluster.delete(KINDS.pod, keyOf(extra), { uid: extra.metadata.uid });
    }
    this.#pods.set(key, pods);
    await this.#beginRows(template, pods);
    await this.#publish(deployment, replicas);
  }

  async #create(deployment: StoredObject, template: Template, index: number): Promise<StoredObject> {
    const { name, namespace, uid } = deployment.metadata;
    const pod: KubeObject = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: `${name}-${index}`,
        namespace: namespace!,
        labels: template.metadata.labels,
        annotations: template.metadata.annotations,
        ownerReferences: [{ apiVersion: 'apps/v1', kind: 'Deployment', name, uid }],
      },
      spec: {
        automountServiceAccountToken: false,
        containers: template.spec.containers.map(({ name, image, env }) => ({ name, image, env })),
      },
    };
    const result = await this.#options.cluster.apply(KINDS.pod, pod, APPLY);
    if (result.outcome !== 'applied') throw new Error(`pod ${name}: ${result.outcome}`);
    await this.#publishReady(result.object);
    return result.object;
  }

  async #publishReady(pod: StoredObject): Promise<void> {
    const { name, namespace, uid } = pod.metadata;
    const { containers } = pod.spec as Template['spec'];
    const state = { running: { startedAt: new Date().toISOString() } };
    const status = {
      phase: 'Running',
      conditions: [{ type: 'Ready', status: 'True' }],
      containerStatuses: containers.map(({ name, image }) => ({
        name,
        image,
        imageID: '',
        ready: true,
        restartCount: 0,
        state,
      })),
    };
    const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: namespace!, uid }, status };
    await this.#options.cluster.applyStatus(KINDS.pod, object, APPLY);
  }

  async #beginRows({ spec, metadata }: Template, pods: readonly StoredObject[]): Promise<void> {
    const json = spec.containers
      .flatMap(({ env = [] }) => env)
      .find(({ name }) => name === WORKER_CONFIG_ENV);
    const config = decodeWorkerConfig(json?.value);
    const shardIds = this.#options.shardIdsOf(config);
    const workers = pods.map((pod, index) => ({
      config,
      name: pod.metadata.name,
      podUid: pod.metadata.uid,
      address: this.#addressOf(pod),
      revision: Number(metadata.annotations[REVISION_ANNOTATION] ?? 1),
      shardIds: shardIds.filter((_, shard) => shard % pods.length === index),
    }));
    await this.#options.rows.begin(workers);
  }

  #addressOf(pod: StoredObject): string {
    const known = this.#options.rows.workers.find(({ podUid }) => podUid === pod.metadata.uid);
    if (known) return known.address;
    this.#started += 1;
    return this.#options.addressOf(this.#started);
  }

  async #publish({ metadata }: StoredObject, replicas: number): Promise<void> {
    const { name, namespace, uid, generation } = metadata;
    const counts = {
      replicas,
      updatedReplicas: replicas,
      readyReplicas: replicas,
      availableReplicas: replicas,
    };
    const object = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace: namespace!, uid },
      status: { observedGeneration: generation, ...counts },
    };
    await this.#options.cluster.applyStatus(KINDS.deployment, object, APPLY);
  }
}
