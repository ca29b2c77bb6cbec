import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../../src/lib/clock.ts';
import { silentLog } from '../../../src/lib/log.ts';
import { seededRandom } from '../../../src/lib/random.ts';
import type { ObjectCache, ObjectChange } from '../../../src/kubernetes/cluster.ts';
import { KubeCluster } from '../../../src/kubernetes/kube/cluster.ts';
import { FakeApiServer } from './fake-api-server.ts';

/*
 * What the API server itself never does to a watch, and what stands before it, or a restored backup behind it, may do. The cache has
 * to end with what there is, and to tell of nothing twice.
 */

const WIDGET = { apiVersion: 'test.kcg.dev/v1', kind: 'Widget', plural: 'widgets', namespaced: true };

let server: FakeApiServer;
let cluster: KubeCluster;
let stop: AbortController;
let cache: ObjectCache;
let changes: ObjectChange[];
/** Of the clock, in place of the system's. */
let nowMs: number | undefined;
beforeEach(async () => {
  server = new FakeApiServer();
  stop = new AbortController();
  changes = [];
  nowMs = undefined;
  cluster = new KubeCluster({
    access: await server.start(),
    clock: { ...systemClock, monotonic: () => nowMs ?? systemClock.monotonic() },
    random: seededRandom(1),
    log: silentLog,
    instance: 'test',
  });
});
afterEach(async () => {
  stop.abort();
  await cluster.close();
  await server.stop();
});

async function follow(from = 100): Promise<void> {
  cache = cluster.watch(WIDGET, { signal: stop.signal, onChange: (change) => changes.push(change) });
  await cache.whenSynced();
  await eventually(() => expect(server.requests).toContain(`watch ${from}`));
}

const eventually = (check: () => void) => vi.waitFor(check, { timeout: 300_000, interval: 2 });
const held = () => cache.list().map(({ metadata, value }) => `${metadata.name} ${String(value)}`);
const truth = () => [...server.truth.values()].map(({ metadata, value }) => `${metadata.name} ${value}`);
/** The last event is there, so that all before it are. */
async function ends(): Promise<void> {
  server.put('last', 1);
  server.put('end', 1);
  await eventually(() => expect(held()).toEqual(expect.arrayContaining(['last 1', 'end 1'])));
  expect(held().sort()).toEqual(truth().sort());
}
const told = () =>
  changes.map(({ type, object }) => `${type} ${object.metadata.name} ${String(object['value'])}`);

describe('a watch', () => {
  test('whose events come in another order ends with the newest of each', async () => {
    server.trouble.push({ with: 'watch', how: 'swapped' });
    await follow();
    server.put('a', 1);
    server.put('b', 1);
    server.put('a', 2);
    server.put('a', 3);
    server.put('b', 2);
    server.remove('b');
    await ends();
    expect(told()).toEqual([
      'added b 1',
      'added a 1',
      'updated a 3',
      'deleted b 2',
      'added end 1',
      'added last 1',
    ]);
  });

  test('whose events come again tells of each once', async () => {
    server.trouble.push({ with: 'watch', how: 'repeated' });
    await follow();
    server.put('a', 1);
    server.put('a', 2);
    server.remove('a');
    server.put('a', 3);
    await ends();
    const once = ['added a 1', 'updated a 2', 'deleted a 2', 'added a 3', 'added last 1', 'added end 1'];
    expect(told()).toEqual(once);
  });

  test('that brings one byte at a time brings all', async () => {
    server.trouble.push({ with: 'watch', how: 'trickling' });
    await follow();
    server.put('a', 1);
    server.put('a', 2);
    server.remove('a');
    await ends();
    expect(told()).toHaveLength(5);
  });

  test('of a server whose store was restored from a backup begins anew', async () => {
    server.put('lost', 1);
    await follow(101);
    server.restore();
    server.put('restored', 1);
    server.bookmark();
    await eventually(() => expect(held()).toEqual(['restored 1']));
    await ends();
  });

  test('is as old as what it heard last, be it an answer or a bookmark, until it ends', async () => {
    nowMs = 1_000;
    expect(cluster.heardAtMs).toBeUndefined();
    await follow();
    nowMs = 2_000;
    expect(cluster.heardAtMs).toBe(1_000);
    server.bookmark();
    await eventually(() => expect(cluster.heardAtMs).toBe(2_000));
    nowMs = 3_000;
    server.endWatches();
    await eventually(() => expect(cluster.heardAtMs).toBe(3_000));
    stop.abort();
    await eventually(() => expect(cluster.heardAtMs).toBeUndefined());
  });
});
