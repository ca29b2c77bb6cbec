import { expect, test } from 'vitest';
import type { StoredObject } from '../../src/kubernetes/cluster.ts';
import { ObjectStore } from '../../src/kubernetes/object-store.ts';

const KEY = { namespace: 'shop', name: 'orders' };
const anObject = (uid: string, labels: Record<string, string> = {}): StoredObject => ({
  apiVersion: 'v1',
  kind: 'Widget',
  metadata: { ...KEY, uid, resourceVersion: `${uid}-${Object.keys(labels).length}`, labels },
});

test('keeps the last state of a deleted object that is asked for, beside its successor, until it is forgotten', () => {
  const keepsDeleted = ({ metadata }: StoredObject) => metadata.labels?.['keep'] === 'yes';
  const store = new ObjectStore({ keepsDeleted, onThrow: () => {} });
  store.put(anObject('a'));
  // The change and the deletion come together.
  store.remove(anObject('a', { keep: 'yes' }));
  store.put(anObject('b'));
  expect(store.get(KEY)?.metadata.uid).toBe('b');
  expect(store.deleted(KEY)?.metadata.uid).toBe('a');
  store.forgetDeleted(KEY);
  expect(store.deleted(KEY)).toBeUndefined();
  store.remove(anObject('b'));
  expect(store.deleted(KEY)).toBeUndefined();
});

test('follows an object that was deleted, and is there again in an older version, as after a restore', () => {
  const at = (resourceVersion: string): StoredObject => {
    const object = anObject('a');
    return { ...object, metadata: { ...object.metadata, resourceVersion } };
  };
  const store = new ObjectStore({ onThrow: () => {} });
  store.put(at('10'));
  store.remove(at('20'));
  expect(store.put(at('15'))).toBe(false);
  store.replace([at('5')]);
  expect(store.put(at('6'))).toBe(true);
  expect(store.get(KEY)?.metadata.resourceVersion).toBe('6');
});

test('keeps none by default', () => {
  const store = new ObjectStore({ onThrow: () => {} });
  store.put(anObject('a'));
  store.remove(anObject('a'));
  expect(store.deleted(KEY)).toBeUndefined();
});
