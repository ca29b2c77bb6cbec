import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type {
  Cluster,
  KubeObject,
  ObjectChange,
  StoredObject,
  WatchOptions,
} from '../../src/kubernetes/cluster.ts';
import { keyOf } from '../../src/kubernetes/cluster.ts';
import { applied, WIDGET, type ClusterFixture } from './cluster-contract.ts';

/** What the caches of every `Cluster` do. */
export function clusterWatchContract(name: string, start: () => Promise<ClusterFixture>): void {
  describe(`${name}, watched,`, () => {
    let fixture: ClusterFixture;
    let cluster: Cluster;
    let namespace: string;
    const stop = new AbortController();

    beforeAll(async () => {
      fixture = await start();
      cluster = fixture.cluster;
    });
    beforeEach(async () => {
      namespace = await fixture.newNamespace();
    });
    afterAll(async () => {
      stop.abort();
      await fixture?.stop();
    });

    const aWidget = (
      fields: Partial<KubeObject> = {},
      metadata: Partial<KubeObject['metadata']> = {},
    ): KubeObject => ({
      apiVersion: WIDGET.apiVersion,
      kind: WIDGET.kind,
      metadata: { namespace, name: 'w', ...metadata },
      ...fields,
    });
    const apply = async (object: KubeObject): Promise<StoredObject> =>
      applied(await cluster.apply(WIDGET, object, { fieldManager: 'kcg' }));
    const eventually = (check: () => void | Promise<void>) =>
      expect
        .poll(async () => (await check(), true), { timeout: fixture.patienceMs, interval: 20 })
        .toBe(true);

    function follow(options: Omit<WatchOptions, 'signal' | 'onChange'> = { namespace }) {
      const changes: ObjectChange[] = [];
      const cache = cluster.watch(WIDGET, {
        ...options,
        signal: stop.signal,
        onChange: (change) => changes.push(change),
      });
      const told = () => changes.map(({ type, object }) => `${type} ${object.metadata.name}`);
      return { cache, changes, told };
    }

    test('follows a kind: what was there, what comes, changes and goes', async () => {
      const old = await apply(aWidget({ spec: { size: 1 } }, { name: 'old' }));
      const { cache, changes, told } = follow();
      await cache.whenSynced();
      expect(cache.hasSynced).toBe(true);
      expect(cache.get(keyOf(old))).toEqual(old);
      await apply(aWidget({ spec: { size: 1 } }, { name: 'new' }));
      const grown = await apply(aWidget({ spec: { size: 2 } }, { name: 'old' }));
      await eventually(() => expect(told()).toEqual(['added old', 'added new', 'updated old']));
      expect(changes[2]).toEqual({ type: 'updated', object: grown, previous: old });
      await cluster.delete(WIDGET, keyOf(old));
      await eventually(() => expect(told().at(-1)).toBe('deleted old'));
      expect(cache.list().map(({ metadata }) => metadata.name)).toEqual(['new']);
      expect(cache.list('elsewhere')).toEqual([]);
    });

    test('tells an object that came again from the one it was', async () => {
      const first = await apply(aWidget({ spec: {} }));
      const { cache, told } = follow();
      await cache.whenSynced();
      await cluster.delete(WIDGET, keyOf(first));
      const second = await apply(aWidget({ spec: {} }));
      await eventually(() => expect(told()).toEqual(['added w', 'deleted w', 'added w']));
      expect(cache.get(keyOf(first))?.metadata.uid).toBe(second.metadata.uid);
    });

    test('shows a label watch only what carries the labels, as they come and go', async () => {
      const held = await apply(aWidget({ spec: {} }, { labels: { team: 'x' } }));
      await apply(aWidget({ spec: {} }, { name: 'unlabelled' }));
      const { cache, told } = follow({ namespace, labels: { team: 'x' } });
      await cache.whenSynced();
      await apply(aWidget({ spec: {} }, { labels: { team: 'y' } }));
      await eventually(() => expect(told()).toEqual(['added w', 'deleted w']));
      expect(cache.get(keyOf(held))).toBeUndefined();
      await apply(aWidget({ spec: {} }, { labels: { team: 'x' } }));
      await eventually(() => expect(told()).toEqual(['added w', 'deleted w', 'added w']));
    });

    test('files objects under index keys and follows their changes', async () => {
      const size = (object: StoredObject) => [String((object.spec as { size?: number }).size)];
      const { cache } = follow({ namespace, indexes: { size } });
      await cache.whenSynced();
      await apply(aWidget({ spec: { size: 1 } }, { name: 'a' }));
      await apply(aWidget({ spec: { size: 1 } }, { name: 'b' }));
      await apply(aWidget({ spec: { size: 2 } }, { name: 'a' }));
      const names = (key: string) => cache.by('size', key).map(({ metadata }) => metadata.name);
      await eventually(() => expect([names('1'), names('2'), names('3')]).toEqual([['b'], ['a'], []]));
    });

    test('stops telling when the signal aborts', async () => {
      const end = new AbortController();
      const seen: string[] = [];
      const cache = cluster.watch(WIDGET, {
        namespace,
        signal: end.signal,
        onChange: ({ object }) => seen.push(object.metadata.name),
      });
      await cache.whenSynced();
      end.abort();
      await cache.stopped;
      await apply(aWidget({ spec: {} }));
      const { cache: witness } = follow();
      await witness.whenSynced();
      expect(seen).toEqual([]);
    });
  });
}
