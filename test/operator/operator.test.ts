import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { GroupStatus } from '../../src/api/group-status.ts';
import { MemoryKinesis } from '../../src/kinesis/memory/stream.ts';
import { memoryStreamClient } from '../../src/kinesis/memory/stream-client.ts';
import { memoryStreamConsumers } from '../../src/kinesis/memory/stream-consumers.ts';
import { MemoryLeaseTable } from '../../src/leases/memory/lease-table.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { silentLog } from '../../src/lib/log.ts';
import { seededRandom } from '../../src/lib/random.ts';
import { keyOf, KINDS, type KubeObject } from '../../src/kubernetes/cluster.ts';
import { MemoryCluster } from '../../src/kubernetes/memory/cluster.ts';
import { MemoryTables } from '../../src/table/memory/table-admin.ts';
import { runOperator, type OperatorOptions } from '../../src/operator/operator.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { groupObject, NAME, WORKER } from './reconcile-harness.ts';

let clock: ManualClock;
let cluster: MemoryCluster;
let kinesis: MemoryKinesis;
let stop: AbortController;
let ended: Promise<void>;
let kubeFault: KcgError | undefined;
let rounds = 0;

function start(namespaces: string[] = [], more: Partial<OperatorOptions> = {}): void {
  const tables = new MemoryTables(clock);
  const rows = new Map<string, MemoryLeaseTable>();
  const rowsOf = (groupId: string) => {
    const table = rows.get(groupId) ?? new MemoryLeaseTable();
    rows.set(groupId, table);
    return table;
  };
  ended = runOperator(
    {
      cluster,
      aws: {
        streamClient: ({ stream }) => memoryStreamClient(kinesis, stream.name),
        streamConsumers: () => memoryStreamConsumers(kinesis),
        leaseTable: async (target) => rowsOf(target.groupId),
        groupIds: async () => [],
        tableAdmin: (target) => tables.admin(target.table),
        close: () => {},
      },
      clock,
      random: seededRandom(1),
      log: silentLog,
      options: { workerImage: 'kcg:test', namespaces },
      onReconcile: () => (rounds += 1),
      ...more,
    },
    stop.signal,
  );
}

beforeEach(() => {
  clock = new ManualClock();
  kubeFault = undefined;
  cluster = new MemoryCluster({
    clock,
    before: async (operation) => {
      if (kubeFault && operation.startsWith('apply')) throw kubeFault;
    },
  });
  kinesis = new MemoryKinesis({ clock, transitionMs: 0 });
  kinesis.createStream({ name: 'orders', shardCount: 2 });
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  await ended;
});

const replicas = async () =>
  ((await cluster.get(KINDS.deployment, WORKER))?.spec as { replicas?: number } | undefined)?.replicas;

describe('the operator', () => {
  test('looks at groups that are there, that come, and that change', async () => {
    cluster.create(KINDS.consumerGroup, groupObject());
    start();
    await clock.advance(100);
    expect(await replicas()).toBe(2);
    cluster.create(KINDS.consumerGroup, groupObject({}, { name: 'second' }));
    await clock.advance(100);
    expect(await cluster.get(KINDS.deployment, { namespace: 'shop', name: 'second-worker' })).toBeDefined();
    cluster.update(KINDS.consumerGroup, NAME, (draft) => {
      (draft.spec as Record<string, unknown>)['desiredState'] = 'Stopped';
    });
    await clock.advance(1_100);
    expect(await replicas()).toBe(0);
  });

  test.each<[string, string[]]>([
    ['all namespaces', []],
    ['a list of them', ['shop', 'audit']],
  ])('with %s lets who waits for a claim go on as soon as its holder is deleted', async (_, namespaces) => {
    const shared = { groupId: 'shared', checkpoints: { table: { name: 'shared' } } };
    const waiting = { namespace: 'audit', name: 'second' };
    const claimed = async () => {
      const { conditions = [] } = ((await cluster.get(KINDS.consumerGroup, waiting))?.status ??
        {}) as GroupStatus;
      const { status, reason } = conditions.find(({ type }) => type === 'GroupClaimed') ?? {};
      return `${status} ${reason}`;
    };
    cluster.create(KINDS.consumerGroup, groupObject(shared));
    start(namespaces);
    await clock.advance(100);
    cluster.create(KINDS.consumerGroup, groupObject(shared, waiting));
    await clock.advance(5_000);
    expect(await claimed()).toBe('False ClaimedByOtherResource');
    cluster.remove(KINDS.consumerGroup, NAME);
    await clock.advance(1_100);
    expect(await claimed()).toBe('True Claimed');
  });

  test('puts back what somebody deleted', async () => {
    cluster.create(KINDS.consumerGroup, groupObject());
    start();
    await clock.advance(100);
    cluster.remove(KINDS.deployment, WORKER);
    await clock.advance(1_100);
    expect(await replicas()).toBe(2);
  });

  test('sees by itself what AWS does not tell', async () => {
    cluster.create(KINDS.consumerGroup, groupObject());
    start();
    await clock.advance(100);
    kinesis.splitShard('orders', 'shardId-000000000000', '1000');
    await clock.advance(90_000);
    expect(await replicas()).toBe(3);
  });

  test('tries again when Kubernetes fails', async () => {
    kubeFault = new KcgError('Unavailable', 'no API server');
    cluster.create(KINDS.consumerGroup, groupObject());
    start();
    await clock.advance(5_000);
    expect(await replicas()).toBeUndefined();
    kubeFault = undefined;
    await clock.advance(20_000);
    expect(await replicas()).toBe(2);
  });

  test('is quiet while nothing happens', async () => {
    cluster.create(KINDS.consumerGroup, groupObject());
    start();
    await clock.advance(120_000); // until it is told that nobody reads
    const before = cluster.writes.length;
    await clock.advance(120_000);
    expect(cluster.writes.length).toBe(before);
  });

  test('does not look again because of a status, its own or not', async () => {
    cluster.create(KINDS.consumerGroup, groupObject());
    start();
    await clock.advance(30_000);
    const before = rounds;
    const status = (draft: KubeObject) => (draft.status = { ...(draft.status as object), replicas: 77 });
    cluster.update(KINDS.consumerGroup, NAME, status);
    await clock.advance(10);
    expect(rounds).toBe(before);
  });

  test('does not look again because of what it has itself written on a group, but when that is taken off', async () => {
    const [policy, kept] = [{ deletionPolicy: 'Delete' }, ['kcg.dev/operator', 'kcg.dev/table']];
    cluster.create(KINDS.consumerGroup, groupObject({ checkpoints: policy }));
    const first = rounds + 1;
    start([], { options: { workerImage: 'kcg:test', instance: 'kcg-system/kcg-operator' } });
    await clock.advance(10);
    const metadata = async () => (await cluster.get(KINDS.consumerGroup, NAME))!.metadata;
    expect(Object.keys((await metadata()).annotations ?? {}).sort()).toEqual(kept);
    expect((await metadata()).finalizers).toHaveLength(1);
    expect(await replicas()).toBeGreaterThan(0);
    expect(rounds).toBe(first);
    for (const field of ['annotations', 'finalizers'] as const) {
      await clock.advance(10_000);
      const before = rounds;
      cluster.update(KINDS.consumerGroup, NAME, (draft) => delete draft.metadata[field]);
      await clock.advance(10);
      expect(rounds).toBe(before + 1);
    }
    expect(Object.keys((await metadata()).annotations ?? {}).sort()).toEqual(kept);
    expect((await metadata()).finalizers).toHaveLength(1);
  });

  test('looks at the first pod of a burst at once, and at the rest together', async () => {
    cluster.create(KINDS.consumerGroup, groupObject());
    start();
    await clock.advance(10_000);
    const before = rounds;
    for (let index = 0; index < 50; index += 1) {
      const labels = { 'app.kubernetes.io/managed-by': 'kcg', 'kcg.dev/group': 'orders' };
      const metadata = { namespace: 'shop', name: `p-${index}`, labels };
      cluster.create(KINDS.pod, { apiVersion: 'v1', kind: 'Pod', metadata });
      await clock.advance(10);
    }
    await clock.advance(1_000);
    expect(rounds - before).toBeGreaterThanOrEqual(2);
    expect(rounds - before).toBeLessThanOrEqual(3);
  });

  test('looks at once when a worker has ended, also right after another look', async () => {
    cluster.create(KINDS.consumerGroup, groupObject());
    start();
    await clock.advance(10_000);
    const metadata = {
      namespace: 'shop',
      name: 'p-0',
      labels: { 'app.kubernetes.io/managed-by': 'kcg', 'kcg.dev/group': 'orders' },
      annotations: { 'kcg.dev/worker-container': 'worker' },
    };
    const pod = cluster.create(KINDS.pod, { apiVersion: 'v1', kind: 'Pod', metadata });
    const say = (status: unknown) =>
      cluster.update(KINDS.pod, keyOf(pod), (draft) => void (draft.status = status));
    await clock.advance(10);
    const before = rounds;
    say({ phase: 'Running' });
    await clock.advance(10);
    expect(rounds).toBe(before);
    const finishedAt = new Date(clock.now()).toISOString();
    say({ containerStatuses: [{ name: 'worker', state: { terminated: { finishedAt } } }] });
    await clock.advance(10);
    expect(rounds).toBe(before + 1);
  });

  test('keeps to its namespaces', async () => {
    cluster.create(KINDS.consumerGroup, groupObject());
    cluster.create(KINDS.consumerGroup, groupObject({}, { namespace: 'other' }));
    start(['other']);
    await clock.advance(100);
    expect(await replicas()).toBeUndefined();
    expect(await cluster.get(KINDS.deployment, { namespace: 'other', name: 'orders-worker' })).toBeDefined();
  });

  test('watches a namespace once that it is given twice', async () => {
    const watched: string[] = [];
    const watch = cluster.watch.bind(cluster);
    cluster.watch = (kind, options) => {
      watched.push(`${kind.kind} ${options.namespace}`);
      return watch(kind, options);
    };
    cluster.create(KINDS.consumerGroup, groupObject());
    start(['shop', 'shop']);
    await clock.advance(100);
    expect(await replicas()).toBe(2);
    expect(watched.filter((each) => each === 'KinesisConsumerGroup shop')).toHaveLength(1);
  });

  test('serves the namespaces that it can read, and the others once it can', async () => {
    const late = Promise.withResolvers<void>();
    const watch = cluster.watch.bind(cluster);
    // The pods of the namespace "gone" may not be listed at first.
    cluster.watch = (kind, options) => {
      const cache = watch(kind, options);
      if (options.namespace !== 'gone' || kind !== KINDS.pod) return cache;
      let hasSynced = false;
      void late.promise.then(() => (hasSynced = true));
      return {
        get hasSynced() {
          return hasSynced;
        },
        whenSynced: () => late.promise,
        get: (key) => cache.get(key),
        list: (namespace) => cache.list(namespace),
        by: (index, key) => cache.by(index, key),
        stopped: cache.stopped,
      };
    };
    let isReady = false;
    cluster.create(KINDS.consumerGroup, groupObject());
    cluster.create(KINDS.consumerGroup, groupObject({}, { namespace: 'gone' }));
    start(['shop', 'gone'], { onReady: () => (isReady = true) });
    await clock.advance(6_000);
    expect(isReady).toBe(true);
    expect(await replicas()).toBe(2);
    const other = () => cluster.get(KINDS.deployment, { namespace: 'gone', name: 'orders-worker' });
    expect(await other()).toBeUndefined();
    const metadata = { namespace: 'gone', name: 'early' };
    const { kind } = KINDS.offsetReset;
    const spec = { group: 'nobody', to: { type: 'TrimHorizon' } };
    cluster.create(KINDS.offsetReset, { apiVersion: 'kcg.dev/v1alpha1', kind, metadata, spec });
    await clock.advance(6_000);
    const told = async () => (await cluster.get(KINDS.offsetReset, metadata))?.status;
    expect(await told()).toBeUndefined();
    late.resolve();
    await clock.advance(1_100);
    expect(await other()).toBeDefined();
    expect(await told()).toMatchObject({ conditions: [{ reason: 'GroupNotFound' }, {}, {}] });
  });

  test('is ready once its caches are complete, and stands by until it leads', async () => {
    const turn = Promise.withResolvers<void>();
    const leading = new AbortController();
    let isReady = false;
    cluster.create(KINDS.consumerGroup, groupObject());
    start([], {
      onReady: () => (isReady = true),
      lead: async (work) => {
        await turn.promise;
        await work(leading.signal, () => true);
      },
    });
    expect(isReady).toBe(false);
    await clock.advance(0);
    expect(isReady).toBe(true);
    cluster.create(KINDS.consumerGroup, groupObject({}, { name: 'second' }));
    await clock.advance(60_000);
    expect(cluster.writes).toEqual([]);
    turn.resolve();
    await clock.advance(100);
    expect(await replicas()).toBe(2);
    expect(await cluster.get(KINDS.deployment, { namespace: 'shop', name: 'second-worker' })).toBeDefined();
    leading.abort();
    await ended;
  });

  test('does nothing for a group that is annotated so but say it', async () => {
    cluster.create(
      KINDS.consumerGroup,
      groupObject({}, { annotations: { 'kcg.dev/reconcile-paused': 'true' } }),
    );
    start();
    await clock.advance(10_000);
    expect(cluster.writes.map(({ verb }) => verb)).toEqual(['applyStatus']);
  });
});

describe('the operator among many new groups', () => {
  const GROUPS = 12;
  const nameOf = (index: number) => `group-${String(index).padStart(2, '0')}`;
  const LAST = nameOf(GROUPS - 1);
  /** Names of groups, as they were looked at. */
  let looks: string[];

  /** One look after the other, as writes take their time. */
  beforeEach(() => {
    looks = [];
    cluster = new MemoryCluster({
      clock,
      before: async (operation) => {
        if (operation.startsWith('apply')) await clock.sleep(100, { signal: stop.signal });
      },
    });
    for (let index = 0; index < GROUPS; index += 1)
      cluster.create(KINDS.consumerGroup, groupObject({}, { name: nameOf(index) }));
    start([], {
      options: { workerImage: 'kcg:test', concurrency: 1 },
      onReconcile: ({ key }) => looks.push(key.replace('shop/', '')),
    });
  });

  test('looks at one whose Deployment has come before those never looked at', async () => {
    while (!looks.includes(LAST)) await clock.advance(100);
    expect(looks.indexOf(nameOf(0), 1)).toBeGreaterThan(0);
    expect(looks.indexOf(nameOf(0), 1)).toBeLessThan(looks.indexOf(LAST));
  });

  test('looks next at one that a user changes', async () => {
    const change = (index: number, maxReplicas: number) =>
      cluster.update(KINDS.consumerGroup, { namespace: 'shop', name: nameOf(index) }, (draft) => {
        (draft.spec as Record<string, unknown>)['scaling'] = { maxReplicas };
      });
    while (looks.length < 2) await clock.advance(100);
    const before = looks.length;
    change(GROUPS - 1, 5);
    while (looks.length < before + 2) await clock.advance(100);
    // Behind the look that was under way.
    expect(looks[before + 1]).toBe(LAST);
  });

  test('looks at each new one, whatever else is changed again and again', async () => {
    for (let round = 0; round < 1_000 && new Set(looks).size < GROUPS; round += 1) {
      cluster.update(KINDS.consumerGroup, { namespace: 'shop', name: nameOf(round % 2) }, (draft) => {
        (draft.spec as Record<string, unknown>)['scaling'] = { maxReplicas: 1 + (round % 9) };
      });
      await clock.advance(100);
    }
    expect(new Set(looks).size).toBe(GROUPS);
  });
});
