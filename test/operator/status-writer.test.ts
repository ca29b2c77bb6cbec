import { beforeEach, expect, test } from 'vitest';
import type { GroupStatus } from '../../src/api/group-status.ts';
import { KINDS, type KubeObject, type StoredObject } from '../../src/kubernetes/cluster.ts';
import { MemoryCluster } from '../../src/kubernetes/memory/cluster.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { silentLog } from '../../src/lib/log.ts';
import { StatusWriter } from '../../src/operator/apply/status-writer.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { groupObject, NAME } from './reconcile-harness.ts';

const { signal } = new AbortController();
const ready = {
  type: 'Ready',
  status: 'False' as const,
  lastTransitionTime: '',
  reason: 'Gone',
  message: 'no worker',
};
const status: GroupStatus = {
  conditions: [ready],
  shards: [{ shardId: 'shard-0', lagSeconds: 3, owner: 'a' }],
  scaling: { desired: 3, limitedBy: 'Shards' },
};

let clock: ManualClock;
let cluster: OldCrd;
let writer: StatusWriter;
beforeEach(() => {
  clock = new ManualClock();
  cluster = new OldCrd({ clock, clusterId: 'c' });
  cluster.create(KINDS.consumerGroup, groupObject());
  writer = new StatusWriter({ cluster, clock, log: silentLog });
});

/** Refuses a status as the API server does, in its words. */
class OldCrd extends MemoryCluster {
  refusal: (status: GroupStatus) => string | undefined = () => undefined;
  tried = 0;

  override async applyStatus(...args: Parameters<MemoryCluster['applyStatus']>) {
    this.tried += 1;
    const message = this.refusal((args[1] as { status: GroupStatus }).status);
    if (message !== undefined) throw new KcgError('InvalidInput', message);
    return super.applyStatus(...args);
  }
}

async function stored(): Promise<StoredObject> {
  return (await cluster.get(KINDS.consumerGroup, NAME))!;
}

const write = async (next = status) => (await writer.write(await stored(), next, signal)).outcome;
const typed = (path: string) =>
  `cannot patch kinesisconsumergroups shop/orders: failed to create typed patch object (shop/orders; kcg.dev/v1alpha1, Kind=KinesisConsumerGroup): ${path}: field not declared in schema`;

test.for<[string, (status: GroupStatus) => string | undefined, Partial<GroupStatus>]>([
  [
    'does not have a field',
    ({ scaling }) => (scaling?.limitedBy ? typed('.status.scaling.limitedBy') : undefined),
    { scaling: { desired: 3 } },
  ],
  [
    'does not have a field of the items of a list',
    ({ shards }) =>
      shards?.[0]?.lagSeconds ? typed('.status.shards[shardId="shard-0"].lagSeconds') : undefined,
    { shards: [{ shardId: 'shard-0', owner: 'a' }] },
  ],
  [
    'takes fewer items',
    ({ shards }) =>
      shards &&
      'KinesisConsumerGroup.kcg.dev "orders" is invalid: status.shards: Too many: 60: must have at most 50 items',
    { shards: undefined },
  ],
])('when the CRD %s, the rest is written, and the group says so', async ([, refusal, change]) => {
  cluster.refusal = refusal;
  expect(await write()).toBe('applied');
  const { status: kept } = (await stored()) as KubeObject & { status: GroupStatus };
  expect({ ...kept, conditions: [] }).toEqual(
    JSON.parse(JSON.stringify({ ...status, ...change, conditions: [] })),
  );
  const [told] = kept.conditions ?? [];
  expect(told?.message).toMatch(
    /^no worker\. The CustomResourceDefinition kinesisconsumergroups\.kcg\.dev .* apply/,
  );
  expect(cluster.events).toMatchObject([{ type: 'Warning', reason: 'StatusRefused' }]);
});

test('is not tried whole at each look, but again after a while', async () => {
  cluster.refusal = ({ scaling }) => (scaling?.limitedBy ? typed('.status.scaling.limitedBy') : undefined);
  await write();
  expect(cluster.tried).toBe(2);
  expect(await write()).toBe('unchanged');
  expect(cluster.tried).toBe(2);
  cluster.refusal = () => undefined;
  await clock.advance(300_000);
  expect(await write()).toBe('applied');
  expect((await stored()).status).toEqual(status);
});

test('a refusal that names no field is the caller’s', async () => {
  cluster.refusal = () => 'admission webhook "policy" denied the request';
  await expect(write()).rejects.toThrow('denied');
  cluster.refusal = () => typed('.status.conditions');
  await expect(write()).rejects.toThrow('not declared');
});
