import type { GroupLook } from '../../src/view/group-look.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { silentLog, type Log } from '../../src/lib/log.ts';
import type { KcgError } from '../../src/lib/errors.ts';
import { MemoryKinesis } from '../../src/kinesis/memory/stream.ts';
import { parentsOf } from '../../src/kinesis/shard.ts';
import { memoryStreamClient } from '../../src/kinesis/memory/stream-client.ts';
import { memoryStreamConsumers } from '../../src/kinesis/memory/stream-consumers.ts';
import { CLAIM_KEY } from '../../src/leases/row.ts';
import { MemoryLeaseTable } from '../../src/leases/memory/lease-table.ts';
import type { AwsAccount } from '../../src/operator/aws-account.ts';
import type { GroupTarget } from '../../src/operator/group-target.ts';
import type { OpenImport } from '../../src/operator/position-import.ts';
import type { WorkerConfig } from '../../src/api/worker-config.ts';
import { KINDS, type KubeObject, type StoredObject } from '../../src/kubernetes/cluster.ts';
import { MemoryCluster, type RecordedWrite } from '../../src/kubernetes/memory/cluster.ts';
import { MemoryTables } from '../../src/table/memory/table-admin.ts';
import { mayBeUndone } from '../../src/operator/steps/late-deletion.ts';
import { GroupReconciler } from '../../src/operator/reconcile.ts';
import type { Tellers } from '../../src/operator/observe/tellers.ts';
import type { ObservedTable } from '../../src/table/table-admin.ts';
import type { ReconcilerOptions, ReconcilerSettings } from '../../src/operator/reconcile-context.ts';
import {
  GROUPS_OF_ID,
  GROUPS_OF_TABLE,
  groupIdIn,
  groupKeys,
  PODS_OF_GROUP,
  RESETS_OF_GROUP,
  tablesOf,
} from '../../src/operator/observe/group-indexes.ts';
import { groupKeyOf } from '../../src/api/offset-reset.ts';
import { openReset } from '../../src/main/operator/offset-reset.ts';
import { defaultTableName } from '../../src/api/group.ts';
import type { GroupStatus } from '../../src/api/group-status.ts';
import { ManualClock, settle } from '../support/manual-clock.ts';

export const KEY = 'shop/orders';
export const NAME = { namespace: 'shop', name: 'orders' };
export const WORKER = { namespace: 'shop', name: 'orders-worker' };

export function groupObject(
  spec: Record<string, unknown> = {},
  metadata: Record<string, unknown> = {},
): KubeObject {
  return {
    apiVersion: 'kcg.dev/v1alpha1',
    kind: 'KinesisConsumerGroup',
    metadata: { ...NAME, ...metadata },
    spec: { stream: { name: 'orders' }, region: 'eu-west-1', handler: { log: {} }, ...spec },
  };
}

type Caches = ReconcilerOptions['caches'];

/** One operator over the twins, perhaps with the AWS account of one of another cluster; the test plays the Deployment controller, the kubelet and the workers. */
export class Harness {
  readonly clock: ManualClock;
  /** Calls that tests count: `describe stream`, and those of the API server as `apply Deployment`. */
  readonly calls: string[] = [];
  /** By operation of the API server (`apply`, `apply Deployment`) or write to the table (`claim group`): what makes it fail. */
  readonly faults = new Map<string, KcgError>();
  /** How far the API server's wall clock is ahead. */
  clusterSkewMs = 0;
  readonly cluster: MemoryCluster;
  readonly kinesis: MemoryKinesis;
  readonly tables: MemoryTables;
  /** By table and group id. */
  readonly rows: Map<string, MemoryLeaseTable>;
  readonly nudged: string[] = [];
  /** Of each client of AWS that was asked for: the role, or `none`. */
  readonly roles: string[] = [];
  /** By group, as the dashboard would have it. */
  readonly looks = new Map<string, GroupLook | 'unread' | undefined>();
  /** By group, as the metrics would have it. */
  readonly judged = new Map<string, ReadonlyMap<string, number> | undefined>();
  readonly rowWrites: string[] = [];
  /** What importFrom opens; without it this operator imports nothing. */
  openImport: OpenImport | undefined;
  /** Of the last pass: something is in the way of what the group asks for. */
  isStuck = false;
  /** Who tells when rows change; without them rows are read again and again. */
  tellers: Tellers | undefined;
  /** Set to make reads and writes of rows fail. */
  rowFault: KcgError | undefined;
  /** How many writes of the claim reads that need not be consistent are behind. */
  claimLag = 0;
  /** Set to make reads of records fail. */
  readFault: KcgError | undefined;
  readonly #stop = new AbortController();
  /** Of operators that are started after it is set. */
  log: Log = silentLog;
  reconciler: GroupReconciler;
  readonly #settings: ReconcilerSettings;
  readonly #watched: (caches: Caches) => Caches;

  constructor(
    settings: Partial<ReconcilerSettings> = {},
    watched: (caches: Caches) => Caches = (caches) => caches,
    { clusterId = 'cluster-1', beside }: { clusterId?: string; beside?: Harness } = {},
  ) {
    this.clock = beside?.clock ?? new ManualClock();
    this.kinesis =
      beside?.kinesis ?? new MemoryKinesis({ clock: this.clock, region: 'eu-west-1', transitionMs: 0 });
    this.tables = beside?.tables ?? new MemoryTables(this.clock);
    this.rows = beside?.rows ?? new Map();
    this.cluster = new MemoryCluster({
      clock: {
        now: () => this.clock.now() + this.clusterSkewMs,
        monotonic: () => this.clock.monotonic(),
        sleep: (ms, options) => this.clock.sleep(ms, options),
      },
      clusterId: clusterId,
      before: async (operation, _, kind) => {
        this.calls.push(`${operation} ${kind}`);
        await this.#failOn(operation);
        await this.#failOn(`${operation} ${kind}`);
      },
    });
    this.#watched = watched;
    this.#settings = { workerImage: 'kcg:test', sees: () => true, ...settings };
    this.reconciler = this.restart();
  }

  /** An operator that remembers nothing. */
  restart(): GroupReconciler {
    this.reconciler = this.another();
    return this.reconciler;
  }

  /** Another operator on the same cluster. */
  another(settings: Partial<ReconcilerSettings> = {}): GroupReconciler {
    const { signal } = this.#stop;
    const labels = { 'app.kubernetes.io/managed-by': 'kcg' };
    const watch = (kind: Parameters<MemoryCluster['watch']>[0]) =>
      this.cluster.watch(kind, { signal, labels });
    return new GroupReconciler({
      cluster: this.cluster,
      aws: this.#aws(),
      clock: this.clock,
      random: seededRandom(1),
      log: this.log,
      nudge: async (address) => this.nudged.push(address) > 0,
      tellers: this.tellers,
      onJudged: (group, shards) => this.judged.set(group, shards),
      onLook: (group, look) => this.looks.set(group, look),
      caches: this.#watched({
        groups: this.cluster.watch(KINDS.consumerGroup, {
          keepsDeleted: mayBeUndone,
          signal,
          indexes: { [GROUPS_OF_TABLE]: tablesOf, [GROUPS_OF_ID]: (group) => [groupIdIn(group)] },
        }),
        deployments: watch(KINDS.deployment),
        pods: this.cluster.watch(KINDS.pod, { signal, indexes: { [PODS_OF_GROUP]: groupKeys } }),
        podDisruptionBudgets: watch(KINDS.podDisruptionBudget),
        offsetResets: this.cluster.watch(KINDS.offsetReset, {
          signal,
          indexes: { [RESETS_OF_GROUP]: groupKeyOf },
        }),
      }),
      settings: { ...this.#settings, ...settings },
    });
  }

  #aws(): AwsAccount {
    const note = ({ role }: GroupTarget) => this.roles.push(role ? JSON.stringify(role) : 'none');
    return {
      streamClient: ({ stream, ...target }) => {
        note({ stream, ...target });
        const client = memoryStreamClient(this.kinesis, stream.name);
        const describe: typeof client.describe = (options) => {
          this.calls.push('describe stream');
          return client.describe(options);
        };
        const getIterator: typeof client.getIterator = async (...asked) => {
          if (this.readFault) throw this.readFault;
          return client.getIterator(...asked);
        };
        return { ...client, describe, getIterator };
      },
      streamConsumers: (target) => {
        note(target);
        return memoryStreamConsumers(this.kinesis);
      },
      leaseTable: async (target) => {
        note(target);
        return this.table(target.groupId, target.table);
      },
      groupIds: async (target, { limit }) =>
        [...this.rows]
          .filter(([key, table]) => key.startsWith(`${target.table}/`) && table.rows().length > 0)
          .map(([key]) => key.slice(target.table.length + 1))
          .slice(0, limit),
      tableAdmin: (target: GroupTarget) => {
        note(target);
        return this.tables.admin(target.table);
      },
      openImport: (request) => {
        if (!this.openImport) throw new Error('this test imports nothing');
        return this.openImport(request);
      },
      openReset: (request) =>
        openReset(request, memoryStreamClient(this.kinesis, request.target.stream.name), this.clock),
      close: () => {},
    };
  }

  table(groupId = 'shop.orders', name = defaultTableName(groupId)): MemoryLeaseTable {
    const key = `${name}/${groupId}`;
    const known = this.rows.get(key);
    if (known) return known;
    const table = new MemoryLeaseTable({
      before: async (operation) => {
        if (this.rowFault) throw this.rowFault;
        await this.#failOn(operation);
      },
      staleness: (row) => (row === CLAIM_KEY ? this.claimLag : 0),
      onWrite: ({ name }) => this.rowWrites.push(name),
    });
    this.rows.set(key, table);
    return table;
  }

  async #failOn(operation: string): Promise<void> {
    const fault = this.faults.get(operation);
    if (fault) throw fault;
  }

  /** @throws the error of a pass that failed, also of one that went on. */
  async reconcile(key = KEY): Promise<number | undefined> {
    await this.#beat();
    await settle();
    const result = await this.reconciler.reconcile(key, this.#stop.signal);
    await settle();
    this.isStuck = typeof result === 'object';
    if (typeof result !== 'object') return result;
    if ('error' in result) throw result.error;
    return result.inMs;
  }

  /** Every worker whose pod is there shows a sign of life. */
  async #beat(): Promise<void> {
    const pods = new Set(
      (await this.cluster.list(KINDS.pod)).map(({ metadata }) => `worker#${metadata.name}`),
    );
    for (const table of this.rows.values()) {
      for (const row of table.rows()) {
        if (row['state'] === 'dead' || !pods.has(row.shard_id)) continue;
        table.store(row.shard_id, { ...row, beat: Number(row['beat']) + 1 });
      }
    }
  }

  /** A node is lost: its pods vanish, nobody starts others, and the workers' rows stay as they are. */
  async losePods(): Promise<void> {
    for (const { metadata } of await this.cluster.list(KINDS.pod))
      this.cluster.remove(KINDS.pod, { namespace: 'shop', name: metadata.name });
  }

  /** Until a pass writes nothing. */
  async converge(key = KEY): Promise<number | undefined> {
    for (let pass = 0; pass < 10; pass += 1) {
      const before = this.writeCount();
      const inMs = await this.reconcile(key);
      if (this.writeCount() === before) return inMs;
    }
    throw new Error(`still writing after ten passes: ${JSON.stringify(this.cluster.writes.slice(-5))}`);
  }

  /** Writes to Kubernetes and AWS, events left out. */
  writeCount(): number {
    return this.kubeWrites().length + this.rowWrites.length + this.tables.steps.length;
  }

  kubeWrites(): RecordedWrite[] {
    return this.cluster.writes.filter(({ verb }) => verb !== 'recordEvent');
  }

  async group(key = NAME): Promise<StoredObject> {
    const group = await this.cluster.get(KINDS.consumerGroup, key);
    if (!group) throw new Error('the group is gone');
    return group;
  }

  async status(key = NAME): Promise<GroupStatus> {
    return (await this.group(key)).status ?? {};
  }

  /** `True StreamActive`, or the message. */
  async condition(type: string, key = NAME): Promise<string | undefined> {
    const found = (await this.status(key)).conditions?.find((condition) => condition.type === type);
    return found && `${found.status} ${found.reason}`;
  }

  async message(type: string): Promise<string | undefined> {
    return (await this.status()).conditions?.find((condition) => condition.type === type)?.message;
  }

  async deployment(): Promise<StoredObject | undefined> {
    return this.cluster.get(KINDS.deployment, WORKER);
  }

  /** What the pods are told. */
  async workerConfig(): Promise<WorkerConfig | undefined> {
    const spec = (await this.deployment())?.spec as
      | { template: { spec: { containers: { env?: { name: string; value?: string }[] }[] } } }
      | undefined;
    const env = spec?.template.spec.containers
      .flatMap((container) => container.env ?? [])
      .find(({ name }) => name === 'KCG_WORKER_CONFIG');
    return env && (JSON.parse(env.value ?? '{}') as WorkerConfig);
  }

  async replicas(): Promise<number | undefined> {
    return ((await this.deployment())?.spec as { replicas?: number } | undefined)?.replicas;
  }

  create(...group: Parameters<typeof groupObject>): void {
    this.cluster.create(KINDS.consumerGroup, groupObject(...group));
  }

  /** A group whose workers own all shards, and whose status says so. */
  async createRunning(spec: Record<string, unknown> = {}): Promise<void> {
    this.create(spec);
    await this.converge();
    await this.runWorkers();
    await this.converge();
  }

  setGroup(change: (spec: Record<string, unknown>, object: KubeObject) => void): void {
    this.cluster.update(KINDS.consumerGroup, NAME, (draft) => {
      change(draft.spec as Record<string, unknown>, draft);
      draft.metadata.generation = (draft.metadata.generation ?? 0) + 1;
    });
  }

  /** The Deployment controller and the kubelet: as many ready pods as are asked for. */
  async runPods(): Promise<string[]> {
    const deployment = await this.deployment();
    if (!deployment) return [];
    const { replicas, template } = deployment.spec as {
      replicas: number;
      template: { metadata: { labels: Record<string, string>; annotations: Record<string, string> } };
    };
    const { labels, annotations } = template.metadata;
    const pods = await this.cluster.list(KINDS.pod, { namespace: 'shop' });
    for (const pod of pods.slice(replicas))
      this.cluster.remove(KINDS.pod, pod.metadata as { namespace: string; name: string });
    for (let index = pods.length; index < replicas; index += 1) {
      const name = `orders-worker-${index}`;
      this.cluster.create(KINDS.pod, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { namespace: 'shop', name, labels, annotations },
        status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
      });
    }
    this.cluster.update(
      KINDS.deployment,
      WORKER,
      (draft) => {
        const observedGeneration = deployment.metadata.generation;
        draft.status = { observedGeneration, replicas, updatedReplicas: replicas, readyReplicas: replicas };
      },
      'deployment-controller',
    );
    return Array.from({ length: replicas }, (_, index) => `orders-worker-${index}`);
  }

  /** The workers: each pod has a live row, and the shards are dealt out. */
  async runWorkers(row: Record<string, unknown> = {}): Promise<void> {
    const names = await this.runPods();
    const table = this.table();
    for (const name of names) {
      const pod = await this.cluster.get(KINDS.pod, { namespace: 'shop', name });
      table.store(`worker#${name}`, {
        shard_id: `worker#${name}`,
        incarnation: 'a',
        beat: 1,
        state: 'live',
        revision: 1,
        restartedAt: 0,
        address: `10.0.0.${names.indexOf(name) + 1}:8085`,
        pod_uid: pod!.metadata.uid,
        started_at: this.clock.now(),
        lagging: {},
        ...row,
      });
    }
    const { shards } = this.kinesis.listShards('orders');
    for (const [index, shard] of shards.entries()) {
      const owner = names[index % Math.max(1, names.length)];
      table.store(shard.shardId, {
        shard_id: shard.shardId,
        epoch: Math.floor(this.clock.now() / 1000),
        sequence: 'TRIM_HORIZON',
        ...(parentsOf(shard).length > 0 ? { parents: parentsOf(shard) } : {}),
        hash_start: shard.hashStart,
        hash_end: shard.hashEnd,
        ...(owner === undefined ? {} : { ref: `${owner}/a` }),
      });
    }
  }

  /** A table of the group's name that kcg did not create. */
  foreignTable(name = 'kinesis-checkpoints-shop-orders', change: Partial<ObservedTable> = {}): void {
    this.tables.tables.set(name, {
      name,
      arn: `arn:aws:dynamodb:eu-west-1:000000000000:table/${name}`,
      status: 'ACTIVE',
      keySchema: 'group_id HASH, shard_id RANGE',
      createdAt: 0,
      billing: { mode: 'OnDemand' },
      ttlAttribute: 'ttl',
      tags: {},
      pointInTimeRecovery: false,
      deletionProtection: false,
      kmsKeyArn: undefined,
      tableClass: 'Standard',
      ...change,
    });
  }

  close(): void {
    this.#stop.abort();
  }
}
