import { pageAssets } from '../../src/dashboard/assets.ts';
import { Board } from '../../src/dashboard/board.ts';
import { startDashboard, type Dashboard } from '../../src/dashboard/server.ts';
import { systemClock, type Clock } from '../../src/lib/clock.ts';
import type { Shard } from '../../src/kinesis/shard.ts';
import type { StoredObject } from '../../src/kubernetes/cluster.ts';
import type { GroupRows } from '../../src/leases/group-rows.ts';
import type { Lease } from '../../src/leases/lease.ts';
import type { PodView } from '../../src/view/group-view.ts';
import { groupView } from '../../src/view/group-view.ts';
import { ShardWindows } from '../../src/view/shard-windows.ts';
import { aLease, aWorker } from './builders.ts';

/* Groups as an operator would see them over an hour, for tests, figures and pictures of the dashboard. */

export interface SceneGroup {
  /** `namespace/name`. */
  key: string;
  /** Shards at the beginning; of every ten one is split and of every twenty two are merged half an hour before the end. */
  shards: number;
  workers: number;
  /** A shard whose handler fails: it stands still for the last 20 minutes. */
  stuck?: boolean;
  /** No stream, so no look at its rows. */
  unread?: boolean;
  status: StoredObject['status'];
  spec?: object;
}

export const END_MS = Date.UTC(2026, 10, 29, 12);
const MINUTE_MS = 60_000;
const RESHARD_MS = END_MS - 30 * MINUTE_MS;
const FAILOVER_MS = END_MS - 12 * MINUTE_MS;
const STUCK_MS = END_MS - 20 * MINUTE_MS;
const STEP_MS = 30_000;
const ALL = 2n ** 128n;

/** A board after an hour of looks (or less), and what makes one more. */
export function aScene(groups: readonly SceneGroup[], { minutes = 60 }: { minutes?: number } = {}) {
  const started = performance.now();
  const offset = { ms: 0 };
  const clock: Clock = {
    ...systemClock,
    now: () => Math.round(END_MS + offset.ms + performance.now() - started),
  };
  const scene = groups.map((group) => ({ group, object: objectOf(group), windows: new ShardWindows() }));
  const board = new Board({ clock, events: async () => eventsOf(groups) });
  board.role = { leads: true };
  board.follow({
    list: () => scene.map(({ object }) => object),
    get: ({ namespace, name }) => scene.find(({ group }) => group.key === `${namespace}/${name}`)?.object,
  });
  const look = (atMs: number) => {
    for (const { group, windows } of scene)
      if (!group.unread) board.onLook(group.key, lookOf(group, windows, atMs));
  };
  for (let atMs = END_MS - minutes * MINUTE_MS; atMs <= END_MS; atMs += STEP_MS) look(atMs);
  return {
    board,
    clock,
    /** One more look, `ms` later. */
    next(ms = 5_000) {
      offset.ms += ms;
      look(clock.now());
    },
  };
}

function lookOf(group: SceneGroup, windows: ShardWindows, atMs: number) {
  const shards = shardsOf(group, atMs);
  const rows = rowsOf(group, shards, atMs);
  const view = groupView({
    rows,
    shards,
    pods: podsOf(group),
    retentionHours: 24,
    nowMs: atMs,
    readTo: windows.readTo(),
  });
  const name = group.key.split('/')[1]!;
  return {
    atMs,
    place: {
      groupId: group.key.replace('/', '.'),
      table: `kinesis-checkpoints-${group.key.replace('/', '-')}`,
      region: 'eu-west-1',
      stream: { name, arn: undefined },
      kinesis: undefined,
      dynamodb: undefined,
    },
    rows,
    isFresh: true,
    stream: {
      name,
      arn: `arn:aws:kinesis:eu-west-1:123456789012:stream/${name}`,
      status: 'ACTIVE' as const,
      createdAt: END_MS - 86_400_000,
      retentionHours: 24,
      openShards: shards.filter(({ endingSequence }) => endingSequence === undefined).length,
      mode: 'PROVISIONED' as const,
      keysPlaceRecords: true,
    },
    shards,
    view: windows.judge({
      view,
      rows,
      nowMs: atMs,
      isFresh: true,
      isPaused: false,
      leaseDurationMs: 15_000,
      checkpointIntervalMs: 5_000,
    }),
    unknown: [],
    silentMs: new Map(rows.workers.map(({ worker }) => [worker, 0])),
  };
}

const idOf = (index: number) => `shardId-${String(index).padStart(12, '0')}`;

function shardsOf({ shards: count }: SceneGroup, atMs: number): Shard[] {
  const edge = (index: number) => (ALL * BigInt(index)) / BigInt(count);
  const roots = Array.from({ length: count }, (_, index): Shard => ({
    shardId: idOf(index),
    hashStart: String(edge(index)),
    hashEnd: String(edge(index + 1) - 1n),
    startingSequence: '1',
  }));
  if (atMs < RESHARD_MS || count < 4) return roots;
  const born: Shard[] = [];
  const close = (shard: Shard) => (shard.endingSequence = '9');
  const bear = (shard: Omit<Shard, 'shardId' | 'startingSequence'>) =>
    born.push({ ...shard, shardId: idOf(count + born.length), startingSequence: '10' });
  for (let index = 2; index < count; index += 10) {
    const shard = roots[index]!;
    const middle = (BigInt(shard.hashStart) + BigInt(shard.hashEnd)) / 2n;
    close(shard);
    bear({ hashStart: shard.hashStart, hashEnd: String(middle), parentShardId: shard.shardId });
    bear({ hashStart: String(middle + 1n), hashEnd: shard.hashEnd, parentShardId: shard.shardId });
  }
  for (let index = 6; index + 1 < count; index += 20) {
    const [left, right] = [roots[index]!, roots[index + 1]!];
    close(left);
    close(right);
    bear({
      hashStart: left.hashStart,
      hashEnd: right.hashEnd,
      parentShardId: left.shardId,
      adjacentParentShardId: right.shardId,
    });
  }
  return [...roots, ...born];
}

function rowsOf(group: SceneGroup, shards: readonly Shard[], atMs: number): GroupRows {
  const lagging = new Map<string, Record<string, number>>();
  const open = new Set(shards.filter((shard, index) => !isRead(index, shard)).map(({ shardId }) => shardId));
  const leases = shards.map((shard, index): Lease => {
    const isEnded = isRead(index, shard);
    const isChild = shard.parentShardId !== undefined;
    const isWaiting = [shard.parentShardId, shard.adjacentParentShardId].some((id) => open.has(id ?? ''));
    if (isWaiting) return waiting(shard);
    const first = workerOf(group, index % group.workers);
    // One worker died, and its shards went to the next.
    const hasMoved = index % group.workers === 1 && atMs >= FAILOVER_MS && group.workers > 2;
    const worker = hasMoved ? workerOf(group, 2) : first;
    const isStuck = group.stuck === true && index === 1 && atMs >= STUCK_MS;
    const lagMs = isStuck ? atMs - STUCK_MS : waveMs(index, atMs);
    if (lagMs > 0 && !isEnded) lagging.set(worker, { ...lagging.get(worker), [shard.shardId]: lagMs });
    const moved = Math.floor((isStuck ? STUCK_MS : atMs) / 1_000);
    return aLease({
      shardId: shard.shardId,
      owner: `${worker}/i1`,
      epoch: hasMoved ? 42 : 41,
      takenAt: hasMoved ? FAILOVER_MS : isChild ? RESHARD_MS : END_MS - 50 * MINUTE_MS,
      checkpoint: isEnded ? { at: 'SHARD_END' } : { at: 'SEQUENCE', sequence: `4967${moved}${index}` },
      checkpointedAt: isStuck ? STUCK_MS : atMs - 2_000 - ((index * 731) % 4_000),
      behindMs: lagMs,
      readAt: atMs - 2_000,
      load: isStuck ? 0 : loadOf(index, atMs),
      parents: parentsIn(shard),
      hashStart: shard.hashStart,
      hashEnd: shard.hashEnd,
      lastChange: hasMoved
        ? { why: 'TakenFromDead', from: `${first}/i1` }
        : {
            why: isChild ? 'FirstOwner' : 'GivenToBalance',
            from: isChild ? undefined : `${workerOf(group, 0)}/i0`,
          },
    });
  });
  const workers = Array.from({ length: group.workers }, (_, index) => {
    const worker = workerOf(group, index);
    const own = Object.entries(lagging.get(worker) ?? {}).sort((a, b) => b[1] - a[1]);
    return aWorker({
      worker,
      state: index === 1 && atMs >= FAILOVER_MS && group.workers > 2 ? 'dead' : 'live',
      startedAt: END_MS - 50 * MINUTE_MS,
      beatAt: atMs,
      node: `ip-10-0-${index}-17`,
      leaseDurationMs: 15_000,
      lagging: Object.fromEntries(own.slice(0, 20)),
      handlerTrouble:
        group.stuck && index === 1 % group.workers && atMs >= STUCK_MS
          ? { shards: 1, error: 'TypeError: cannot read properties of undefined (reading "sku")' }
          : undefined,
    });
  });
  return { leases, workers, claim: undefined };
}

/** A shard that a reshard has closed, and that is read to its end. */
const isRead = (index: number, { endingSequence }: Shard) => endingSequence !== undefined && index % 3 !== 0;

const parentsIn = ({ parentShardId, adjacentParentShardId }: Shard) =>
  [parentShardId, adjacentParentShardId].filter((id) => id !== undefined);

/** Nobody may read it yet. */
const waiting = (shard: Shard): Lease =>
  aLease({
    shardId: shard.shardId,
    parents: parentsIn(shard),
    hashStart: shard.hashStart,
    hashEnd: shard.hashEnd,
  });

const workerOf = ({ key }: SceneGroup, index: number) =>
  `${key.split('/')[1]}-worker-6d9f4c7b8-${['x2kvq', 'b7tzn', 'q9wlm', 'h4rsd', 'm5gcp', 'k8jvf'][index % 6]}${index >= 6 ? index : ''}`;

/** Most shards are caught up; some come and go by a few seconds. */
function waveMs(index: number, atMs: number): number {
  const wave = Math.sin(atMs / 400_000 + index * 1.7) + Math.sin(atMs / 90_000 + index * 0.9) - 1.2;
  return wave > 0 ? Math.round(wave * 14_000) : 0;
}

function loadOf(index: number, atMs: number): number {
  const hot = index % 13 === 4 ? 3 : 1;
  return hot * (60 + 25 * Math.sin(atMs / 500_000 + index * 0.4) + 8 * Math.sin(atMs / 45_000 + index * 2.1));
}

function podsOf(group: SceneGroup): PodView[] {
  return Array.from({ length: group.workers }, (_, index) => ({
    name: workerOf(group, index),
    uid: `${index}`,
    node: `ip-10-0-${index}-17`,
    phase: 'Running',
    ready: !(group.stuck && index === 1 && group.workers > 2),
    terminating: false,
    trouble: undefined,
    down: [],
    restarts: index === 1 ? 1 : 0,
  }));
}

function objectOf({ key, status, spec = {} }: SceneGroup): StoredObject {
  const [namespace, name] = key.split('/') as [string, string];
  return {
    apiVersion: 'kcg.dev/v1alpha1',
    kind: 'KinesisConsumerGroup',
    metadata: {
      name,
      namespace,
      uid: key,
      resourceVersion: '1',
      generation: 1,
      creationTimestamp: '2026-11-20T10:00:00Z',
    },
    spec: {
      stream: { name },
      region: 'eu-west-1',
      handler: { http: { container: 'app', port: 8080 } },
      template: { spec: { containers: [{ name: 'app', image: 'orders:1' }] } },
      ...spec,
    },
    status,
  };
}

function eventsOf(groups: readonly SceneGroup[]): StoredObject[] {
  return groups.flatMap(({ key, stuck }) => {
    const [namespace, name] = key.split('/') as [string, string];
    const event = (ms: number, reason: string, note: string, more: object = {}) => ({
      apiVersion: 'events.k8s.io/v1',
      kind: 'Event',
      metadata: { name: `${name}.${reason}`, namespace, uid: `${key}${reason}`, resourceVersion: '1' },
      eventTime: new Date(END_MS - ms).toISOString(),
      type: 'Normal',
      reason,
      note,
      regarding: { kind: 'KinesisConsumerGroup', name },
      ...more,
    });
    const pod = { kind: 'Pod', name: workerOf({ key } as SceneGroup, 1) };
    return [
      event(
        29 * MINUTE_MS,
        'Scaled',
        'from 4 to 6 workers: 12 shards can be consumed in parallel, 2 per worker',
      ),
      event(12 * MINUTE_MS, 'FailedOver', '2 shards taken from a worker that died, after 1 s: OOMKilled'),
      event(12 * MINUTE_MS + 4_000, 'BackOff', 'Back-off restarting failed container app', {
        type: 'Warning',
        regarding: pod,
        series: { count: 3, lastObservedTime: new Date(END_MS - 11 * MINUTE_MS).toISOString() },
      }),
      ...(stuck
        ? [
            event(
              19 * MINUTE_MS,
              'HandlerFailing',
              '1 shard waits for the handler: TypeError: cannot read properties of undefined (reading "sku")',
              {
                type: 'Warning',
              },
            ),
            event(15 * MINUTE_MS, 'ShardsStalled', '1 shard stalled: shardId-000000000001 (HandlerFails)', {
              type: 'Warning',
            }),
          ]
        : []),
    ];
  });
}

const condition = (type: string, status: string, reason: string, message: string) => ({
  type,
  status,
  reason,
  message,
  lastTransitionTime: new Date(END_MS - 15 * MINUTE_MS).toISOString(),
});

/** Statuses as the operator writes them. */
export const STATUSES = {
  ready: (shards: string, pods: string, lag = '0s') => ({
    observedGeneration: 1,
    summary: { shards, pods, lag },
    conditions: [
      condition(
        'Ready',
        'True',
        'Available',
        `${shards.split('/')[0]} of ${shards.split('/')[1]} shards owned by a live worker`,
      ),
      condition('Reconciling', 'False', 'UpToDate', 'everything is as the spec wants it'),
      condition('Stalled', 'False', 'NotStalled', 'nothing blocks the group for good'),
      condition('StreamReady', 'True', 'StreamActive', 'the stream is ACTIVE'),
      condition('TableReady', 'True', 'TableActive', 'the table is ACTIVE'),
      condition('ShardsProgressing', 'True', 'Progressing', 'positions move wherever records wait'),
    ],
  }),
  stuck: (shards: string, pods: string) => ({
    observedGeneration: 1,
    summary: { shards, pods, lag: '20m' },
    scaling: { desired: 6, limitedBy: 'HandlerFails' },
    conditions: [
      condition('Ready', 'True', 'Available', `${shards.replace('/', ' of ')} shards owned by a live worker`),
      condition(
        'HandlerHealthy',
        'False',
        'HandlerFailing',
        '1 shard waits for the handler: TypeError: cannot read properties of undefined (reading "sku")',
      ),
      condition(
        'ShardsProgressing',
        'False',
        'ShardsStalled',
        '1 shard stalled: shardId-000000000001 (HandlerFails)',
      ),
      condition('StreamReady', 'True', 'StreamActive', 'the stream is ACTIVE'),
      condition('TableReady', 'True', 'TableActive', 'the table is ACTIVE'),
    ],
  }),
  noStream: () => ({
    observedGeneration: 1,
    summary: { shards: '0/0', pods: '0/0' },
    conditions: [
      condition('Ready', 'False', 'StreamNotFound', 'there is no stream tracking in eu-west-1'),
      condition('StreamReady', 'False', 'StreamNotFound', 'there is no stream tracking in eu-west-1'),
    ],
  }),
};

/** What the pictures show: one group in trouble, one without its stream, one paused, and others that are well. */
export const GROUPS: readonly SceneGroup[] = [
  { key: 'shop/orders', shards: 12, workers: 6, stuck: true, status: STATUSES.stuck('13/13', '5/6') },
  { key: 'logistics/tracking', shards: 4, workers: 2, unread: true, status: STATUSES.noStream() },
  { key: 'shop/payments', shards: 4, workers: 2, status: STATUSES.ready('4/4', '2/2') },
  { key: 'shop/clicks', shards: 50, workers: 6, status: STATUSES.ready('52/52', '6/6', '9s') },
  { key: 'media/views', shards: 1000, workers: 40, status: STATUSES.ready('1050/1050', '40/40', '11s') },
  { key: 'media/likes', shards: 1, workers: 1, status: STATUSES.ready('1/1', '1/1') },
  {
    key: 'billing/invoices',
    shards: 2,
    workers: 1,
    unread: true,
    spec: { desiredState: 'Paused' },
    status: STATUSES.ready('0/2', '1/1'),
  },
];

/** On loopback; `port` 0 = any free one. */
export function serveScene(
  { board, clock }: Pick<ReturnType<typeof aScene>, 'board' | 'clock'>,
  port = 0,
  assets = pageAssets(),
): Promise<Dashboard> {
  const portOption = '--dashboard-port';
  return startDashboard({ board, clock, assets, host: '127.0.0.1', port, portOption });
}
