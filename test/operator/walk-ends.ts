import type { GroupSpec } from '../../src/api/group.ts';
import { rowsGroupIdOf } from '../../src/api/group.ts';
import type { GroupStatus } from '../../src/api/group-status.ts';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import { less, OF_THE_WAY, textOf, withoutMoments } from '../crash/end-state.ts';
import { NAME, type Harness } from './reconcile-harness.ts';
import { ALLOWED_ROLES } from './walk-specs.ts';

/** By name of the thing. */
export type End = Readonly<Record<string, unknown>>;

/** What is left out of the comparison. */
interface Left {
  things?: RegExp;
  /** Wherever they are. */
  fields?: readonly string[];
  conditions?: readonly string[];
}

interface Exception {
  why: string;
  /** Undefined: nothing, with this spec and these things. */
  left: (final: GroupSpec, things: End) => Left | undefined;
}

/** A worker reads. Of a group that scales by lag and has none, the operator looks for records itself. */
export function isRead({ desiredState, scaling }: GroupSpec): boolean {
  const isOff = desiredState === 'Paused' || desiredState === 'Stopped';
  return !isOff && (scaling.mode === 'Lag' || !mayBeZero({ scaling }));
}

export function mayBeZero({ scaling }: Pick<GroupSpec, 'scaling'>): boolean {
  const { mode, minReplicas, replicas } = scaling;
  return minReplicas === 0 && (mode === 'Lag' || (mode !== 'ShardCount' && replicas === 0));
}

const isAllowed = ({ aws }: GroupSpec) => aws?.roleArn.startsWith(ALLOWED_ROLES.slice(0, -1)) ?? true;
const WORKLOAD = /^(Deployment|PodDisruptionBudget) /;

/** Where the end depends on the way, and is meant to. */
const EXCEPTIONS: readonly Exception[] = [
  {
    why: 'moments, uids and counters, and hashes of these; revisions count the pod templates that there were',
    left: () => ({
      fields: [
        ...OF_THE_WAY,
        'uid',
        'resourceVersion',
        'generation',
        'observedGeneration',
        'createdAt',
        'revision',
        'kcg.dev/revision',
        'kcg.dev/content-hash',
        'kcg.dev/template-hash',
      ],
    }),
  },
  {
    why: 'what has happened is told for good',
    left: () => ({ fields: ['lastScale', 'lastFailover', 'lastDrift'] }),
  },
  {
    why: 'an unset setting of a table that exists is left alone',
    left: ({ checkpoints: { table } }) => {
      const isSet = (field: 'maxReadRequestUnits' | 'maxWriteRequestUnits') =>
        table.billing?.mode !== 'OnDemand' || table.billing[field] !== undefined;
      const unset = [
        [table.billing, ['billing']],
        [isSet('maxReadRequestUnits') || undefined, ['maxReadRequestUnits']],
        [isSet('maxWriteRequestUnits') || undefined, ['maxWriteRequestUnits']],
        [table.deletionProtection, ['deletionProtection']],
        [table.pointInTimeRecovery, ['pointInTimeRecovery', 'pitr']],
        [table.encryption, ['kmsKeyArn']],
        [table.tableClass, ['tableClass']],
      ] as const;
      return { fields: unset.flatMap(([value, fields]) => (value === undefined ? fields : [])) };
    },
  },
  {
    why: 'a shadow keeps its positions apart, and both stay',
    left: (final) => {
      const id = rowsGroupIdOf({ spec: final, metadata: NAME });
      return { things: new RegExp(`^row (?!${id.replaceAll('.', '\\.')} )`) };
    },
  },
  {
    why: 'the initial position of new groups alone is pinned',
    left: () => ({ fields: ['start_at'] }),
  },
  {
    why: 'only Running and Shadow lift a pause: workers that are about to stop would read on',
    left: ({ desiredState }) => (desiredState === 'Stopped' ? { fields: ['paused'] } : undefined),
  },
  {
    why: 'what nobody reads is behind by the clock',
    left: (final) =>
      isRead(final)
        ? undefined
        : {
            fields: ['lag', 'lagSeconds', 'behind_ms', 'retentionHeadroomPercent'],
            conditions: ['LagWithinTarget'],
          },
  },
  {
    why: 'a group that is stopped or has no worker may never have read, and has no positions then',
    left: (final) =>
      final.desiredState === 'Stopped' || (!isRead(final) && mayBeZero(final))
        ? { things: /^row \S+ shardId-/, fields: ['shards', 'leases'] }
        : undefined,
  },
  {
    why: 'a claim that was made while the table could not be described does not tell who made the table; its tags do',
    left: () => ({ fields: ['table_made_at'] }),
  },
  {
    why: 'while nobody tells of lag, as in a pause, mode Lag leaves the workers as they are',
    left: ({ desiredState, scaling }) =>
      desiredState === 'Paused' && scaling.mode === 'Lag'
        ? {
            things: /^row \S+ worker#/,
            fields: [
              'replicas',
              'readyReplicas',
              'updatedReplicas',
              'availableReplicas',
              'pods',
              'scaling',
              'workers',
            ],
            conditions: ['ScalingLimited', 'WorkersAvailable'],
          }
        : undefined,
  },
  {
    why: 'a group whose role is allowed no longer keeps what it has, and nothing of it is looked at',
    left: (final) =>
      isAllowed(final)
        ? undefined
        : {
            things: /^(?!KinesisConsumerGroup )/,
            fields: [
              'annotations',
              'finalizers',
              'stream',
              'table',
              'leases',
              'lag',
              'shards',
              'workers',
              'scaling',
              'summary',
              'replicas',
              'readyReplicas',
            ],
            conditions: [
              'WorkersAvailable',
              'TableReady',
              'GroupClaimed',
              'ShardsCovered',
              'ScalingLimited',
              'HandlerHealthy',
              'ShardsProgressing',
              'LagWithinTarget',
              'CheckpointsAtRisk',
            ],
          },
  },
  {
    why: 'without a worker from the first, there is no Deployment, nor anything that goes with it',
    left: (final, things) =>
      (final.desiredState === 'Stopped' || mayBeZero(final)) &&
      !Object.keys(things).some((name) => WORKLOAD.test(name))
        ? { things: WORKLOAD }
        : undefined,
  },
];

/** All there is in the cluster and in AWS, as plain data that is the same for the same things. */
export async function thingsOf(h: Harness): Promise<End> {
  const uids = new Map<string, string>();
  const things: [string, unknown][] = [];
  for (const kind of [KINDS.consumerGroup, KINDS.deployment, KINDS.podDisruptionBudget])
    for (const object of await h.cluster.list(kind)) {
      uids.set(object.metadata.uid, `uid of ${kind.kind}`);
      things.push([`${kind.kind} ${object.metadata.name}`, object]);
    }
  for (const [name, table] of h.tables.tables) things.push([`table ${name}`, table]);
  for (const [key, table] of h.rows)
    for (const row of table.rows()) things.push([`row ${key.split('/')[1]} ${row.shard_id}`, row]);
  for (const consumer of h.kinesis.stream('orders').consumers.list(h.clock.now()))
    things.push([`stream consumer ${consumer.name}`, consumer]);
  const text = (value: string | number) =>
    withoutMoments(String(value), uids).replaceAll(/(orders-worker)-[0-9a-f]{5}-(\d)/g, '$1-$2');
  const named = things.map(([name, thing]) => [text(name), thing]);
  return JSON.parse(textOf(Object.fromEntries(named)), (_, value: unknown) =>
    typeof value === 'string' || (typeof value === 'number' && text(value) !== String(value))
      ? text(value)
      : value,
  ) as End;
}

/** `end` without what the exceptions leave out. */
export function compared(end: End, { final, walked }: { final: GroupSpec; walked: End }): End {
  const out = EXCEPTIONS.flatMap(({ left }) => left(final, walked) ?? []);
  const fields = new Set(out.flatMap((left) => left.fields ?? []));
  const conditions = new Set(out.flatMap((left) => left.conditions ?? []));
  const things = Object.entries(end).filter(([name]) => !out.some((left) => left.things?.test(name)));
  return Object.fromEntries(
    things.map(([name, thing]) => [name, inOrder(less(withoutConditions(thing, conditions), fields))]),
  );
}

function withoutConditions(thing: unknown, types: ReadonlySet<string>): unknown {
  const { status } = thing as { status?: GroupStatus };
  if (!status?.conditions) return thing;
  const conditions = status.conditions.filter(({ type }) => !types.has(type));
  return { ...(thing as object), status: { ...status, conditions } };
}

const NAMED = new Set([
  'containers',
  'initContainers',
  'env',
  'ports',
  'volumes',
  'volumeMounts',
  'conditions',
]);

/** A server gives lists of named items the order of the last apply, the twin that of the first. */
function inOrder(value: unknown, field = ''): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => inOrder(item));
    return NAMED.has(field) ? items.toSorted((a, b) => (textOf(a) < textOf(b) ? -1 : 1)) : items;
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inOrder(item, key)]));
}
