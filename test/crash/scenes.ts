import { KINDS, keyOf, type KubeObject, type ObjectKey } from '../../src/kubernetes/cluster.ts';
import { CLAIM_KEY } from '../../src/leases/row.ts';
import { planImport } from '../../src/import/plan-import.ts';
import { at, somePositions } from '../import/foreign-builders.ts';
import { groupObject, NAME } from '../operator/reconcile-harness.ts';
import type { Site } from './site.ts';

/** One thing somebody does; the operator is given the time to follow. */
type Step = (site: Site) => void;
export interface Scene {
  name: string;
  /** What brings the group so far; crash points are those of the steps. */
  before: readonly Step[];
  steps: readonly Step[];
  /** What there is at the end, as `kindsOf` names it. */
  leaves: readonly string[];
}

const FIRST = 'shardId-000000000000';
const MIDDLE = '170141183460469231731687303715884105728';

const create =
  (spec: Record<string, unknown> = {}, metadata: Record<string, unknown> = {}): Step =>
  ({ cluster }) =>
    void cluster.create(KINDS.consumerGroup, groupObject(spec, metadata));
const change =
  (spec: Record<string, unknown>, key: ObjectKey = NAME): Step =>
  ({ cluster }) =>
    void cluster.update(KINDS.consumerGroup, key, (draft: KubeObject) =>
      Object.assign(draft.spec as object, spec),
    );
const remove =
  (key: ObjectKey = NAME): Step =>
  ({ cluster }) =>
    cluster.remove(KINDS.consumerGroup, key);
const reset =
  (name: string, spec: Record<string, unknown>): Step =>
  ({ cluster }) =>
    void cluster.create(KINDS.offsetReset, {
      apiVersion: 'kcg.dev/v1alpha1',
      kind: 'KinesisOffsetReset',
      metadata: { namespace: NAME.namespace, name },
      spec: { group: NAME.name, ...spec },
    });
/** AWS tells nobody: it is seen at the next look at the stream. */
const NEXT_LOOK_MS = 60_000;
const split: Step = (site) => {
  site.kinesis.splitShard('orders', FIRST, MIDDLE.slice(0, -1));
  site.stir(NEXT_LOOK_MS);
};
const merge: Step = (site) => {
  const { kinesis } = site;
  const { shards } = kinesis.listShards('orders');
  const [left, right] = shards.filter(({ parentShardId }) => parentShardId === FIRST);
  kinesis.mergeShards('orders', left!.shardId, right!.shardId);
  site.stir(NEXT_LOOK_MS);
};
const DELETED = { deletionPolicy: 'Delete', table: { deletionProtection: false } };
const OTHER = { namespace: 'shop', name: 'other' };
const TABLE = 'kinesis-checkpoints-shop-orders';

/** A table that somebody made by hand, with a position that is to go in a day, as async-kinesis leaves them. */
const foreignTable: Step = (site) => {
  const { tables } = site;
  const billing = { mode: 'OnDemand' } as const;
  const table = {
    billing,
    tags: {},
    deletionProtection: false,
    key: undefined,
    tableClass: 'Standard',
  } as const;
  void tables.admin(TABLE).apply({ do: 'create', table });
  const row = { sequence: 'TRIM_HORIZON', ttl: Math.floor(site.clock.now() / 1_000) + 86_400 };
  site.rowsOf(TABLE, 'shop.orders')?.store(FIRST, { shard_id: FIRST, ...row });
};

/** The same group, as another cluster runs it. */
const foreignClaim: Step = (site) => {
  foreignTable(site);
  const { arn, createdAt } = site.kinesis.describe('orders');
  site.rowsOf(TABLE, 'shop.orders')?.store(CLAIM_KEY, {
    shard_id: CLAIM_KEY,
    claimed_group: 'shop.orders',
    cluster_id: 'cluster-2',
    resource_uid: 'theirs',
    resource_namespace: 'shop',
    stream_arn: arn,
    stream_created_at: createdAt,
    claimed_at: 0,
  });
};

/** Another program has read one shard a little, and is stopped. */
const otherProgram: Step = (site) => {
  const { shards } = site.kinesis.listShards('orders');
  const position = { shardId: FIRST, point: at(shards[0]!.startingSequence), movement: '1' };
  const foreign = { ...somePositions([position]), expiryMs: 10_000 };
  site.source = {
    name: 'KCL table orders-app',
    look: async ({ nowMs }) => ({
      foreign,
      plan: planImport({ foreign, shards, initialPosition: { at: 'TRIM_HORIZON' }, nowMs }),
      rows: undefined,
    }),
    close: () => {},
  };
};

const killWorker: Step = ({ cluster, clock }) => {
  const finishedAt = new Date(clock.now()).toISOString();
  const terminated = { finishedAt, exitCode: 137, reason: 'OOMKilled' };
  void cluster.list(KINDS.pod).then(([pod]) => {
    cluster.update(KINDS.pod, keyOf(pod!), (draft) => {
      const containerStatuses = [{ name: 'worker', state: { running: {} }, lastState: { terminated } }];
      draft.status = { ...(draft.status as object), containerStatuses };
    });
  });
};

/** A group of two shards that is read. */
const READ = ['group', 'workload', 'table', 'claim', 'pod', 'worker', 'shard', 'pod', 'worker', 'shard'];

/** The parts of a group's life, its ways to begin, to share and to end. */
export const SCENES: readonly Scene[] = [
  {
    name: 'is created, and deleted with its table',
    before: [],
    steps: [create({ checkpoints: DELETED }), remove()],
    leaves: [],
  },
  {
    name: 'is created and deleted, and its positions stay',
    before: [],
    steps: [create(), remove()],
    leaves: ['table', 'claim', 'shard', 'shard'],
  },
  {
    name: 'is scaled down, up and by others',
    before: [create()],
    steps: [
      change({ scaling: { maxReplicas: 1 } }),
      change({ scaling: { mode: 'External', replicas: 3 } }),
      change({ scaling: { mode: 'ShardCount' } }),
    ],
    leaves: READ,
  },
  {
    name: 'is rolled, paused, stopped and started',
    before: [create()],
    steps: [
      change({ template: { metadata: { annotations: { note: 'rolled' } } } }),
      change({ desiredState: 'Paused' }),
      change({ desiredState: 'Running' }),
      change({ desiredState: 'Stopped' }),
      change({ desiredState: 'Running' }),
    ],
    leaves: READ,
  },
  {
    name: 'follows a split and a merge of its shards',
    before: [create({ scaling: { scaleDown: { stabilizationSeconds: 0 } } })],
    steps: [split, merge],
    leaves: [...READ, 'shard', 'shard', 'shard'],
  },
  {
    name: 'loses a worker',
    before: [create()],
    steps: [killWorker],
    leaves: READ,
  },
  {
    name: 'is reset while it is stopped, and the reset undone while it runs',
    before: [create(), change({ desiredState: 'Stopped' })],
    steps: [
      reset('back', { to: { type: 'TrimHorizon' } }),
      change({ desiredState: 'Running' }),
      reset('undo', { undo: 'back', whileRunning: 'Stop' }),
    ],
    leaves: [...READ, 'reset', 'reset'],
  },
  {
    name: 'is reset, and the reset is deleted some time after it is over',
    before: [create(), change({ desiredState: 'Stopped' })],
    steps: [reset('back', { to: { type: 'TrimHorizon' }, ttlSecondsAfterFinished: 15 })],
    leaves: ['group', 'workload', 'table', 'claim', 'shard', 'shard'],
  },
  {
    name: 'expires, and lives again before its rows are gone',
    before: [],
    steps: [
      create({ checkpoints: { deletionPolicy: 'Expire', expireAfterDays: 7 } }),
      remove(),
      create(),
      remove(),
    ],
    leaves: ['table', 'claim', 'shard', 'shard'],
  },
  {
    name: 'changes the settings of its table',
    before: [create()],
    steps: [
      change({ checkpoints: { table: { tags: { team: 'a', cost: 'b' }, pointInTimeRecovery: true } } }),
      change({ checkpoints: { table: { tags: { team: 'c' }, tableClass: 'StandardInfrequentAccess' } } }),
      change({ checkpoints: DELETED }),
      remove(),
    ],
    leaves: [],
  },
  {
    name: 'adopts a table, and is deleted without it',
    before: [foreignTable],
    steps: [
      create({
        checkpoints: { deletionPolicy: 'Delete', table: { adoption: 'Always', tags: { team: 'a' } } },
      }),
      remove(),
    ],
    leaves: ['table'],
  },
  {
    name: 'is a shadow, then none, and is deleted with the rows of both',
    before: [foreignTable],
    steps: [
      create({
        desiredState: 'Shadow',
        checkpoints: { deletionPolicy: 'Delete', table: { adoption: 'Always' } },
      }),
      change({ desiredState: 'Running' }),
      remove(),
    ],
    leaves: ['table'],
  },
  {
    name: 'takes over from another cluster, as it is told',
    before: [foreignClaim],
    steps: [
      create({ checkpoints: { table: { adoption: 'Always' } } }),
      ({ cluster }) =>
        void cluster.update(KINDS.consumerGroup, NAME, (draft) => {
          draft.metadata.annotations = { ...draft.metadata.annotations, 'kcg.dev/take-over': 'cluster-2@0' };
        }),
    ],
    leaves: READ,
  },
  {
    name: 'reads with a stream consumer, then another, then none',
    before: [],
    steps: [
      create({ consumer: { type: 'EnhancedFanOut' } }),
      change({ consumer: { type: 'EnhancedFanOut', name: 'renamed' } }),
      change({ consumer: { type: 'Polling' } }),
    ],
    leaves: READ,
  },
  {
    name: 'is deleted with its stream consumer',
    before: [create({ consumer: { type: 'EnhancedFanOut' } })],
    steps: [remove()],
    leaves: ['table', 'claim', 'shard', 'shard'],
  },
  {
    name: 'begins with the positions of another program',
    before: [otherProgram],
    steps: [create({ checkpoints: { importFrom: { type: 'KCL', table: 'orders-app' } } })],
    leaves: [...READ, 'import'],
  },
  {
    name: 'leaves the table that it shares with another group',
    before: [create({ checkpoints: { table: { name: 'shared' } } }, OTHER)],
    steps: [
      create({
        checkpoints: { ...DELETED, table: { ...DELETED.table, name: 'shared', adoption: 'Always' } },
      }),
      remove(),
    ],
    leaves: READ,
  },
];
