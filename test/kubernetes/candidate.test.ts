import { beforeEach, describe, expect, test } from 'vitest';
import { candidateIdentity, hasPodEnded, markLeaderPod } from '../../src/kubernetes/candidate.ts';
import { KINDS } from '../../src/kubernetes/cluster.ts';
import { MemoryCluster } from '../../src/kubernetes/memory/cluster.ts';
import { ManualClock } from '../support/manual-clock.ts';

const KEY = { namespace: 'kcg', name: 'kcg-1' };
const { signal } = new AbortController();
let cluster: MemoryCluster;
let uid: string;
beforeEach(() => {
  cluster = new MemoryCluster({ clock: new ManualClock() });
  uid = cluster.create(KINDS.pod, { apiVersion: 'v1', kind: 'Pod', metadata: KEY }).metadata.uid;
});

describe('the holder of a Lease', () => {
  const ended = (holder: string) => hasPodEnded(cluster, { namespace: 'kcg', holder, signal });
  const holder = () => candidateIdentity({ name: 'kcg-1', uid }, 'x');

  test('has not ended while its pod is there, and has when it is gone or another', async () => {
    expect(await ended(holder())).toBe(false);
    cluster.remove(KINDS.pod, KEY);
    expect(await ended(holder())).toBe(true);
    cluster.create(KINDS.pod, { apiVersion: 'v1', kind: 'Pod', metadata: KEY });
    expect(await ended(holder())).toBe(true);
  });

  test('that is no pod is not judged', async () => {
    expect(await ended(candidateIdentity({ name: 'a-laptop', uid: undefined }, 'x'))).toBe(false);
    expect(await ended('somebody')).toBe(false);
  });
});

test("the leader's pod is marked as the last to go and as what a Service leads to, and no other", async () => {
  const marks = async () => {
    const { annotations, labels } = (await cluster.get(KINDS.pod, KEY))!.metadata;
    return [annotations?.['controller.kubernetes.io/pod-deletion-cost'], labels?.['kcg.dev/leader']];
  };
  await markLeaderPod(cluster, KEY, true);
  expect(await marks()).toEqual(['1', 'true']);
  await markLeaderPod(cluster, KEY, true);
  await markLeaderPod(cluster, KEY, false);
  expect(await marks()).toEqual([undefined, undefined]);
  expect(cluster.writes.map(({ verb }) => verb)).toEqual(['patchMetadata', 'patchMetadata']);
  await markLeaderPod(cluster, { ...KEY, name: 'gone' }, true);
});

test('a pod that the kubelet writes to at the same moment is marked all the same', async () => {
  let writes = 0;
  const busy: MemoryCluster = new MemoryCluster({
    clock: new ManualClock(),
    before: async (operation) => {
      if (operation !== 'patchMetadata' || writes === 2) return;
      writes += 1;
      busy.update(KINDS.pod, KEY, (pod) => void (pod.status = { writes }));
    },
  });
  busy.create(KINDS.pod, { apiVersion: 'v1', kind: 'Pod', metadata: KEY });
  await markLeaderPod(busy, KEY, true);
  expect((await busy.get(KINDS.pod, KEY))?.metadata.labels).toEqual({ 'kcg.dev/leader': 'true' });
});
