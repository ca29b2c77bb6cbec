import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { StoredObject } from '../../src/kubernetes/cluster.ts';
import { ObjectStore } from '../../src/kubernetes/object-store.ts';
import { seededRandom } from '../../src/lib/random.ts';

const KEY = { namespace: 'shop', name: 'orders' };
const anObject = (uid: string, labels: Record<string, string> = {}): StoredObject => ({
  apiVersion: 'v1',
  kind: 'Widget',
  metadata: { ...KEY, uid, resourceVersion: `${uid}-${Object.keys(labels).length}`, labels },
});
/** The same object by default. */
const version = (resourceVersion: string, uid = 'a'): StoredObject => {
  const object = anObject(uid);
  return { ...object, metadata: { ...object.metadata, resourceVersion } };
};

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
  const store = new ObjectStore({ onThrow: () => {} });
  store.put(version('10'));
  store.remove(version('20'));
  expect(store.put(version('15'))).toBe(false);
  store.replace([version('5')]);
  expect(store.put(version('6'))).toBe(true);
  expect(store.get(KEY)?.metadata.resourceVersion).toBe('6');
});

/** What becomes of objects of two names, as the watch of a label tells it: `loses` is told as a deletion, and so is `goes`. */
const ACTS = ['changes', 'loses', 'goes'] as const;
const histories = fc.array(fc.record({ name: fc.constantFrom('a', 'b'), act: fc.constantFrom(...ACTS) }), {
  maxLength: 12,
});

test('ends with what there is, in whatever order changes come and however often, and has told of it', () => {
  const property = fc.property(histories, fc.nat(), (history, seed) => {
    const truth = new Map<string, StoredObject>();
    const uids = new Map<string, number>();
    const events = history.map(({ name, act }, index) => {
      const uid = `${name}${uids.get(name) ?? 0}`;
      const metadata = { namespace: 'shop', name, uid, resourceVersion: String(index + 8) };
      const object = { ...anObject(uid), metadata };
      if (act === 'changes') truth.set(name, object);
      else truth.delete(name);
      if (act === 'goes') uids.set(name, (uids.get(name) ?? 0) + 1);
      return { act, object };
    });
    const told = new Map<string, StoredObject>();
    const store = new ObjectStore({
      onThrow: () => {},
      onChange: ({ type, object }) => {
        if (type === 'deleted') told.delete(object.metadata.name);
        else told.set(object.metadata.name, object);
      },
    });
    const random = seededRandom(seed);
    const again = events.filter(() => random() < 0.5);
    const coming = [...events, ...again].map((event) => ({ ...event, at: random() }));
    for (const { act, object } of coming.toSorted((one, other) => one.at - other.at)) {
      if (act === 'changes') store.put(object);
      else store.remove(object);
    }
    const byName = (objects: Iterable<StoredObject>) =>
      Object.fromEntries([...objects].map((object) => [object.metadata.name, object]));
    expect(byName(store.list())).toEqual(byName(truth.values()));
    expect(byName(told.values())).toEqual(byName(truth.values()));
  });
  fc.assert(property, { numRuns: 1_000 });
});

test.each<[string, string, (store: ObjectStore) => void, number]>([
  ['what it has not heard of', '20', () => {}, 1],
  ['a version that it has not heard of', '20', (store) => store.put(version('10')), 1],
  ['one that took the place of what it holds', '20', (store) => store.put(version('10', 'b')), 1],
  ['nothing that it holds', '20', (store) => store.put(version('20')), 0],
  ['nothing that it knows of since', '20', (store) => store.put(version('30')), 0],
  ['nothing that it knows to be gone since', '20', (store) => store.remove(version('30')), 0],
  ['a deletion', '', (store) => store.put(version('25')), 1],
  ['nothing of what has come since', '', (store) => store.put(version('26')), 0],
])('lacks, of a list at version 25, %s', (_, listed, before, lacking) => {
  const store = new ObjectStore({ onThrow: () => {} });
  before(store);
  expect(store.lacks({ objects: listed === '' ? [] : [version(listed)], version: '25' })).toBe(lacking);
});

test('keeps none by default', () => {
  const store = new ObjectStore({ onThrow: () => {} });
  store.put(anObject('a'));
  store.remove(anObject('a'));
  expect(store.deleted(KEY)).toBeUndefined();
});
