import { KINDS, type KubeObject, type ResourceKind } from '../../../src/kubernetes/cluster.ts';
import type { Servers } from './state.ts';

/** One thing that somebody does, and what shows that the operator has followed. */
export interface Step {
  name: string;
  act: (servers: Servers, namespace: string) => Promise<unknown>;
  isDone: (state: readonly string[]) => boolean;
}

type Spec = Record<string, unknown>;

const TABLE = { tags: { team: 'a' }, deletionProtection: false };
const FIRST: Spec = {
  region: 'eu-west-1',
  handler: { log: {} },
  // On a busy machine a worker is slow, and none is to be taken for dead.
  leases: { durationSeconds: 30 },
  scaling: { mode: 'ShardCount', maxReplicas: 1 },
  checkpoints: { intervalSeconds: 1, table: TABLE },
};

async function apply({ cluster }: Servers, kind: ResourceKind, object: KubeObject): Promise<void> {
  const result = await cluster.apply(kind, object, { fieldManager: 'somebody', force: true });
  if (result.outcome !== 'applied') throw new Error(`${object.metadata.name}: ${result.message}`);
}

/** The group, as it is with `spec` in place of what `FIRST` says. */
const group =
  (spec: Spec): Step['act'] =>
  (servers, namespace) =>
    apply(servers, KINDS.consumerGroup, {
      apiVersion: 'kcg.dev/v1alpha1',
      kind: 'KinesisConsumerGroup',
      metadata: { name: 'orders', namespace },
      spec: { stream: { name: namespace }, ...FIRST, ...spec },
    });
const reset =
  (name: string, spec: Spec): Step['act'] =>
  (servers, namespace) =>
    apply(servers, KINDS.offsetReset, {
      apiVersion: 'kcg.dev/v1alpha1',
      kind: 'KinesisOffsetReset',
      metadata: { name, namespace },
      spec: { group: 'orders', to: { type: 'TrimHorizon' }, ...spec },
    });
const remove: Step['act'] = ({ cluster }, namespace) =>
  cluster.delete(KINDS.consumerGroup, { name: 'orders', namespace });
const split: Step['act'] = async ({ kinesis }, namespace) => {
  kinesis.splitShard(namespace, 'shardId-000000000000', '42535295865117307932921825928971026432');
};
/** A record in each shard, also in those that have come since. */
const put: Step['act'] = async ({ kinesis }, namespace) => {
  for (let n = 0; n < 64; n += 1)
    kinesis.putRecord(namespace, { partitionKey: `k${n}`, data: Buffer.from('x') });
};

const has = (state: readonly string[], pattern: RegExp) => state.some((line) => pattern.test(line));
/** So many pods run what the group says, and all shards are read. */
const reads = (pods: number) => (state: readonly string[]) =>
  has(state, new RegExp(`^group .* seen ${pods} .*Ready=True/`)) &&
  has(state, new RegExp(`^pods ${pods}$`)) &&
  has(state, /^row shardId/) &&
  !has(state, /^row shardId.* of nobody/);
const rests = (reason: string) => (state: readonly string[]) =>
  has(state, new RegExp(`^group .* seen .*Ready=\\w+/${reason}`)) && has(state, /^pods 0$/);
const isGone = (state: readonly string[]) =>
  !has(state, /^(group|deployment|budget|consumer) /) && has(state, /^pods 0$/);
const both =
  (...parts: readonly Step['isDone'][]): Step['isDone'] =>
  (state) =>
    parts.every((part) => part(state));

const TWO = { scaling: { mode: 'ShardCount', maxReplicas: 3 } };
const ROLLED = { ...TWO, template: { metadata: { annotations: { note: 'rolled' } } } };
const KEPT = {
  ...ROLLED,
  checkpoints: { intervalSeconds: 1, table: { ...TABLE, tags: { team: 'b' }, pointInTimeRecovery: true } },
};
const ending = (policy: Spec) => ({ checkpoints: { ...policy, intervalSeconds: 1, table: TABLE } });

/** The life of a group from its first day to its last. */
export const LIFE: readonly Step[] = [
  { name: 'create', act: group({}), isDone: reads(1) },
  { name: 'read', act: put, isDone: both(reads(1), (state) => !has(state, /TRIM_HORIZON/)) },
  { name: 'scale', act: group(TWO), isDone: reads(2) },
  { name: 'roll', act: group(ROLLED), isDone: both(reads(2), (state) => has(state, /^deployment .*rolled/)) },
  {
    name: 'change the table',
    act: group(KEPT),
    isDone: both(reads(2), (state) => has(state, /backups ENABLED/) && has(state, /team=b/)),
  },
  {
    name: 'fan out',
    act: group({ ...KEPT, consumer: { type: 'EnhancedFanOut' } }),
    isDone: both(reads(2), (state) => has(state, /^consumer .* ACTIVE/)),
  },
  {
    name: 'poll',
    act: group(KEPT),
    isDone: both(reads(2), (state) => !has(state, /^consumer|stream-consumers/)),
  },
  { name: 'reshard', act: split, isDone: both(reads(3), (state) => has(state, /SHARD_END/)) },
  { name: 'read on', act: put, isDone: both(reads(3), (state) => !has(state, /TRIM_HORIZON/)) },
  {
    name: 'pause',
    act: group({ ...KEPT, desiredState: 'Paused' }),
    isDone: (state) => has(state, /^group .* seen .*Ready=\w+\/Paused/),
  },
  { name: 'stop', act: group({ ...KEPT, desiredState: 'Stopped' }), isDone: rests('Stopped') },
  {
    name: 'reset',
    act: reset('first', {}),
    isDone: (state) => has(state, /^reset first .*Complete=True/) && has(state, /^row .*TRIM_HORIZON/),
  },
  { name: 'start', act: group(KEPT), isDone: both(reads(3), (state) => !has(state, /TRIM_HORIZON/)) },
  {
    name: 'reset while it runs',
    act: reset('second', { whileRunning: 'Stop' }),
    isDone: both(
      reads(3),
      (state) => has(state, /^reset second .*Complete=True/) && !has(state, /TRIM_HORIZON/),
    ),
  },
  { name: 'delete, and keep the table', act: remove, isDone: isGone },
  {
    name: 'create again',
    act: group(ending({ deletionPolicy: 'Expire', expireAfterDays: 7 })),
    isDone: both(reads(1), (state) => has(state, /team=a/)),
  },
  {
    name: 'delete, and let the rows expire',
    act: remove,
    isDone: both(isGone, (state) => has(state, /^row shardId.* at a record .*expires/)),
  },
  {
    name: 'create a last time',
    act: group(ending({ deletionPolicy: 'Delete' })),
    isDone: both(reads(1), (state) => !has(state, /^row shardId.* at a record .*expires/)),
  },
  {
    name: 'delete with the table',
    act: remove,
    isDone: both(isGone, (state) => !has(state, /^(table|claim|row)/)),
  },
];
