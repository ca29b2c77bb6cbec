import { parseGroup } from '../../src/api/group.ts';
import { decodeRows } from '../../src/leases/group-rows.ts';
import { workerKey, type Row } from '../../src/leases/row.ts';
import type { StoredObject } from '../../src/kubernetes/cluster.ts';
import type { Shard } from '../../src/kinesis/shard.ts';
import { groupView } from '../../src/view/group-view.ts';
import type { GroupPicture } from '../../src/view/group-picture.ts';

export const NOW = Date.UTC(2026, 10, 23, 12);
const SECONDS = NOW / 1_000;
const MAX = 2n ** 128n;

/** Of a stream of 2 shards, of which the first was split; each has a row. */
export const SHARDS: Shard[] = [
  shard('shardId-000000000000', 0n, MAX / 2n - 1n, { endingSequence: '9' }),
  shard('shardId-000000000001', MAX / 2n, MAX - 1n),
  shard('shardId-000000000002', 0n, MAX / 4n - 1n, { parentShardId: 'shardId-000000000000' }),
  shard('shardId-000000000003', MAX / 4n, MAX / 2n - 1n, { parentShardId: 'shardId-000000000000' }),
];

function shard(shardId: string, from: bigint, to: bigint, more: Partial<Shard> = {}): Shard {
  return { shardId, hashStart: String(from), hashEnd: String(to), startingSequence: '1', ...more };
}

export function shardRow(shardId: string, more: Partial<Row> = {}): Row {
  const listed = SHARDS.find((each) => each.shardId === shardId);
  const parents = listed?.parentShardId === undefined ? {} : { parents: [listed.parentShardId] };
  return {
    shard_id: shardId,
    epoch: 41,
    ref: 'orders-worker-x-a/i1',
    sequence: '495',
    ts: SECONDS - 3,
    load: 12,
    ...parents,
    ...more,
  };
}

export function workerRow(worker: string, more: Partial<Row> = {}): Row {
  return {
    shard_id: workerKey(worker),
    incarnation: 'i1',
    beat: 12,
    state: 'live',
    revision: 1,
    held: 1,
    started_at: NOW - 60_000,
    ttl: SECONDS + 86_400 - 2,
    ...more,
  };
}

export const ROWS: Row[] = [
  shardRow('shardId-000000000000', { sequence: 'SHARD_END' }),
  ...SHARDS.slice(1).map(({ shardId }) => shardRow(shardId)),
  workerRow('orders-worker-x-a'),
];

export const READY = [
  {
    type: 'Ready',
    status: 'True',
    reason: 'Available',
    message: 'all well',
    lastTransitionTime: '2026-11-23T11:00:00Z',
  },
];

/** As the API server has it. */
export function anObject(
  status: object = { observedGeneration: 1, conditions: READY },
  spec: object = {},
): StoredObject {
  return {
    apiVersion: 'kcg.dev/v1alpha1',
    kind: 'KinesisConsumerGroup',
    metadata: {
      name: 'orders',
      namespace: 'shop',
      uid: 'u',
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: '2026-11-23T10:00:00Z',
    },
    spec: { stream: { name: 'orders' }, region: 'eu-west-1', handler: { log: {} }, ...spec },
    status,
  };
}

/** Of a group of which all is known and nothing is wrong, unless `more` says otherwise. */
export function aPicture(more: Partial<GroupPicture> & { from?: readonly Row[] } = {}): GroupPicture {
  const { from = ROWS, ...rest } = more;
  const object = 'object' in rest ? rest.object : anObject();
  const rows = 'rows' in rest ? rest.rows : decodeRows(from);
  const parsed = parseGroup(object ?? anObject());
  const pods = 'pods' in rest ? rest.pods : [];
  return {
    title: 'shop/orders',
    key: { namespace: 'shop', name: 'orders' },
    place: {
      groupId: 'shop.orders',
      table: 'kinesis-checkpoints-shop-orders',
      region: 'eu-west-1',
      stream: { name: 'orders', arn: undefined },
      kinesis: undefined,
      dynamodb: undefined,
    },
    group: parsed.outcome === 'ok' ? parsed.group : undefined,
    refused: [],
    stream: {
      name: 'orders',
      arn: 'arn:aws:kinesis:eu-west-1:123456789012:stream/orders',
      status: 'ACTIVE',
      createdAt: NOW - 1e9,
      retentionHours: 24,
      openShards: 3,
      mode: 'PROVISIONED',
      keysPlaceRecords: true,
    },
    shards: SHARDS,
    table: undefined,
    view: rows && groupView({ rows, shards: SHARDS, pods: pods ?? [], retentionHours: 24, nowMs: NOW }),
    events: [],
    silentMs: new Map(),
    unknown: [],
    nowMs: NOW,
    ...rest,
    object,
    rows,
    pods,
  };
}
