import { systemClock as clock } from '../../src/lib/clock.ts';
import {
  KINDS,
  keyOf,
  keyString,
  parseKey,
  type KubeObject,
  type ObjectCache,
  type StoredObject,
} from '../../src/kubernetes/cluster.ts';
import type { KubeCluster } from '../../src/kubernetes/kube/cluster.ts';
import { MANAGED_BY, MANAGED_BY_LABEL } from '../../src/api/labels.ts';
import { namespaceOf, STREAMS } from './site.ts';

const SHARED_TABLES = 10;
const AT_ONCE = 20;
const APPLY = { fieldManager: 'bench', force: true } as const;

interface GroupOptions {
  template?: object;
  /** Workers beat three times in it. Default the schema's, 15. */
  leaseSeconds?: number | undefined;
}

/** Every second group has a table of its own, the others share ten. Two workers for the four shards of its stream. */
export function groupOf(index: number, { template = {}, leaseSeconds }: GroupOptions = {}): KubeObject {
  const name = `group-${index}`;
  const table = { name: `shared-${(index / 2) % SHARED_TABLES}` };
  return {
    apiVersion: 'kcg.dev/v1alpha1',
    kind: 'KinesisConsumerGroup',
    metadata: { name, namespace: namespaceOf(index) },
    spec: {
      stream: { name: `stream-${index % STREAMS}` },
      handler: { log: {} },
      scaling: { shardsPerWorker: 2 },
      ...(leaseSeconds === undefined ? {} : { leases: { durationSeconds: leaseSeconds } }),
      ...(index % 2 === 0 ? { checkpoints: { table } } : {}),
      template,
    },
  };
}

/** The groups and their Deployments, as a watch shows them. */
export class Groups {
  readonly #cluster: KubeCluster;
  readonly #leaseSeconds: number | undefined;
  readonly #groups: ObjectCache;
  readonly #stop = new AbortController();
  readonly #changed = new Set<() => void>();
  /** Key → when it was ready first, monotonic; in that order. */
  readonly #firstReady = new Map<string, number>();
  readonly #waits = new Map<string, (deployment: StoredObject) => void>();

  constructor(cluster: KubeCluster, { leaseSeconds }: Pick<GroupOptions, 'leaseSeconds'> = {}) {
    this.#cluster = cluster;
    this.#leaseSeconds = leaseSeconds;
    const { signal } = this.#stop;
    this.#groups = cluster.watch(KINDS.consumerGroup, {
      signal,
      onChange: ({ object }) => {
        const key = keyString(keyOf(object));
        if (isReady(object) && !this.#firstReady.has(key)) this.#firstReady.set(key, clock.monotonic());
        for (const tell of this.#changed) tell();
      },
    });
    cluster.watch(KINDS.deployment, {
      labels: { [MANAGED_BY_LABEL]: MANAGED_BY },
      signal,
      onChange: ({ object }) => this.#waits.get(keyString(keyOf(object)))?.(object),
    });
  }

  async create(size: number): Promise<void> {
    const leaseSeconds = this.#leaseSeconds;
    const group = (index: number) => groupOf(index, { leaseSeconds });
    await atOnce(size, (index) => this.#cluster.apply(KINDS.consumerGroup, group(index), APPLY));
  }

  async add(objects: readonly KubeObject[]): Promise<void> {
    await atOnce(objects.length, (index) => this.#cluster.apply(KINDS.consumerGroup, objects[index]!, APPLY));
  }

  get ready(): number {
    return this.#groups.list().filter(isReady).length;
  }

  /** When each group that is ready, or was, was so first: monotonic, ascending. */
  get firstReady(): readonly number[] {
    return [...this.#firstReady.values()];
  }

  /** Names of groups that are ready, or were; in that order. */
  get begun(): readonly string[] {
    return [...this.#firstReady.keys()].map((key) => parseKey(key).name);
  }

  /** Until `size` of them are ready. */
  async whenReady(size: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const look = () => {
        if (this.ready < size) return;
        this.#changed.delete(look);
        resolve();
      };
      this.#changed.add(look);
      look();
    });
  }

  /** Changes the pods of a group. @returns ms from the request to the Deployment that shows it */
  async change(index: number, value: string): Promise<number> {
    const template = { metadata: { annotations: { 'bench/change': value } } };
    const object = groupOf(index, { template, leaseSeconds: this.#leaseSeconds });
    const key = `${namespaceOf(index)}/${object.metadata.name}-worker`;
    const startMs = clock.monotonic();
    const seen = new Promise<number>((resolve) => {
      this.#waits.set(key, (deployment) => {
        const { template } = deployment.spec as { template: KubeObject };
        if (template.metadata.annotations?.['bench/change'] !== value) return;
        this.#waits.delete(key);
        resolve(clock.monotonic() - startMs);
      });
    });
    await this.#cluster.apply(KINDS.consumerGroup, object, APPLY);
    return seen;
  }

  close(): void {
    this.#stop.abort();
  }
}

export async function atOnce(size: number, act: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const run = async () => {
    for (let index = next++; index < size; index = next++) await act(index);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, run));
}

function isReady({ metadata, status }: StoredObject): boolean {
  const { observedGeneration, conditions = [] } = (status ?? {}) as {
    observedGeneration?: number;
    conditions?: { type: string; status: string }[];
  };
  return (
    observedGeneration === metadata.generation &&
    conditions.some(({ type, status }) => type === 'Ready' && status === 'True')
  );
}
