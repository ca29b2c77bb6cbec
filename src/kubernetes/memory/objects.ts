import { isDeepStrictEqual } from 'node:util';
import type { Clock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import type {
  KubeObject,
  ListOptions,
  ObjectKey,
  ResourceKind,
  StoredObject,
  WatchOptions,
} from '../cluster.ts';
import { describeObject, keyOf, keyString } from '../cluster.ts';
import type { FieldSet, Managed } from './apply.ts';
import { ObjectStore } from '../object-store.ts';

export interface Held {
  object: StoredObject;
  owners: Managed['owners'];
}

export interface MemoryObjectsOptions {
  clock: Clock;
  newUid: () => string;
  /** Complaints about an object; may fill in defaults. */
  admit: (object: KubeObject, old: StoredObject | undefined) => readonly string[];
}

interface Watch {
  kind: string;
  options: WatchOptions;
  store: ObjectStore;
  /** Deliveries happen one after another, in the order of the changes; the first in the next microtask. */
  tail: Promise<void>;
}

/** The storage of `MemoryCluster`: versions, generations, finalizers, garbage collection and watches. */
export class MemoryObjects {
  readonly #options: MemoryObjectsOptions;
  /** Kind → key → object. */
  readonly #kinds = new Map<string, Map<string, Held>>();
  readonly #watches = new Set<Watch>();
  readonly #uids = new Set<string>();
  #version = 0;

  constructor(options: MemoryObjectsOptions) {
    this.#options = options;
  }

  nextVersion(): string {
    this.#version += 1;
    return String(this.#version);
  }

  get(kind: ResourceKind, key: ObjectKey): Held | undefined {
    return this.#of(kind).get(keyString(key));
  }

  list(kind: ResourceKind, options: ListOptions): StoredObject[] {
    return [...this.#of(kind).values()]
      .map(({ object }) => object)
      .filter((object) => matches(object, options));
  }

  /**
   * Stores what `content` says over what is held; server-set metadata is ours. Returns the held object itself when nothing
   * differs.
   * @throws KcgError `InvalidInput` when admission complains.
   */
  put(kind: ResourceKind, content: KubeObject, owners: ReadonlyMap<string, FieldSet>): StoredObject {
    const id = keyString(keyOf(content));
    const held = this.#of(kind).get(id);
    const draft = plain({ ...content, apiVersion: kind.apiVersion, kind: kind.kind });
    draft.metadata = { ...draft.metadata, ...this.#serverMetadata(draft, held?.object) };
    const complaints = this.#options.admit(draft, held?.object);
    if (complaints.length > 0) {
      const resource = describeObject(draft);
      throw new KcgError('InvalidInput', `${resource} is invalid: ${complaints.join('; ')}`, { resource });
    }
    if (held && isDeepStrictEqual(draft, plain(held.object)) && isDeepStrictEqual(owners, held.owners)) {
      return held.object;
    }
    const generation =
      (held?.object.metadata.generation ?? 0) + (isNewGeneration(draft, held?.object) ? 1 : 0);
    const object = freeze({
      ...draft,
      metadata: { ...draft.metadata, generation, resourceVersion: this.nextVersion() },
    }) as StoredObject;
    this.#of(kind).set(id, { object, owners });
    this.#uids.add(object.metadata.uid);
    this.#tell(kind, object, 'put');
    if (isFinished(object)) this.#forget(kind, object);
    else if (isOrphan(object, this.#uids)) this.delete(kind, keyOf(object));
    return object;
  }

  /** Removes the object, or marks it when finalizers hold it. */
  delete(kind: ResourceKind, key: ObjectKey): void {
    const held = this.get(kind, key);
    if (!held) return;
    const { object, owners } = held;
    if ((object.metadata.finalizers ?? []).length === 0) {
      this.#forget(kind, object);
    } else if (object.metadata.deletionTimestamp === undefined) {
      const metadata = {
        ...object.metadata,
        deletionTimestamp: this.#timestamp(),
        generation: (object.metadata.generation ?? 0) + 1,
        resourceVersion: this.nextVersion(),
      };
      const marked = freeze({ ...object, metadata });
      this.#of(kind).set(keyString(key), { object: marked, owners });
      this.#tell(kind, marked, 'put');
    }
  }

  watch(kind: ResourceKind, options: WatchOptions, onThrow: (thrown: unknown) => void): ObjectStore {
    const store = new ObjectStore({ ...options, onThrow });
    const watch: Watch = { kind: nameOf(kind), options, store, tail: Promise.resolve() };
    this.#watches.add(watch);
    const list = this.list(kind, options);
    this.#deliver(watch, () => store.replace(list));
    const stop = () => {
      this.#watches.delete(watch);
      store.end();
    };
    if (options.signal.aborted) stop();
    else options.signal.addEventListener('abort', stop, { once: true });
    return store;
  }

  #serverMetadata(draft: KubeObject, held: StoredObject | undefined): Partial<StoredObject['metadata']> {
    const deletionTimestamp = held?.metadata.deletionTimestamp;
    return {
      uid: held?.metadata.uid ?? this.#options.newUid(),
      resourceVersion: held?.metadata.resourceVersion ?? '',
      generation: held?.metadata.generation ?? 0,
      creationTimestamp: held?.metadata.creationTimestamp ?? this.#timestamp(),
      name: draft.metadata.name,
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    };
  }

  #forget(kind: ResourceKind, last: StoredObject): void {
    this.#of(kind).delete(keyString(keyOf(last)));
    this.#uids.delete(last.metadata.uid);
    const object = freeze({ ...last, metadata: { ...last.metadata, resourceVersion: this.nextVersion() } });
    this.#tell(kind, object, 'remove');
    this.#collectGarbage(last.metadata.uid);
  }

  /** What was owned by `uid` and has no other living owner goes too. */
  #collectGarbage(uid: string): void {
    for (const [name, objects] of this.#kinds) {
      const orphans = [...objects.values()].filter(
        ({ object }) =>
          object.metadata.ownerReferences?.some((owner) => owner.uid === uid) && isOrphan(object, this.#uids),
      );
      for (const { object } of orphans) this.delete(kindOf(name, object), keyOf(object));
    }
  }

  #tell(kind: ResourceKind, object: StoredObject, event: 'put' | 'remove'): void {
    for (const watch of this.#watches) {
      if (watch.kind !== nameOf(kind) || !inNamespace(object, watch.options)) continue;
      const shown = event === 'put' && matches(object, watch.options);
      this.#deliver(watch, () => (shown ? watch.store.put(object) : watch.store.remove(object)));
    }
  }

  #deliver(watch: Watch, effect: () => unknown): void {
    watch.tail = watch.tail.then(() => {
      if (!watch.options.signal.aborted) effect();
    });
  }

  #of(kind: ResourceKind): Map<string, Held> {
    const objects = this.#kinds.get(nameOf(kind)) ?? new Map<string, Held>();
    this.#kinds.set(nameOf(kind), objects);
    return objects;
  }

  #timestamp(): string {
    return new Date(this.#options.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
  }
}

function nameOf({ apiVersion, kind }: ResourceKind): string {
  return `${apiVersion} ${kind}`;
}

function kindOf(name: string, object: StoredObject): ResourceKind {
  const [apiVersion = '', kind = ''] = name.split(' ');
  return { apiVersion, kind, plural: '', namespaced: object.metadata.namespace !== undefined };
}

function matches(object: StoredObject, options: ListOptions): boolean {
  const labels = Object.entries(options.labels ?? {});
  return (
    inNamespace(object, options) && labels.every(([name, value]) => object.metadata.labels?.[name] === value)
  );
}

function inNamespace(object: StoredObject, { namespace }: ListOptions): boolean {
  return namespace === undefined || object.metadata.namespace === namespace;
}

/** Anything but metadata and status is what a generation counts. */
function isNewGeneration(next: KubeObject, previous: StoredObject | undefined): boolean {
  if (!previous) return true;
  const { metadata: _, status: __, ...rest } = next;
  const { metadata: ___, status: ____, ...before } = previous;
  return !isDeepStrictEqual(rest, plain(before));
}

function isFinished({ metadata }: StoredObject): boolean {
  return metadata.deletionTimestamp !== undefined && (metadata.finalizers ?? []).length === 0;
}

function isOrphan({ metadata }: StoredObject, uids: ReadonlySet<string>): boolean {
  const owners = metadata.ownerReferences ?? [];
  return owners.length > 0 && !owners.some(({ uid }) => uids.has(uid));
}

/** As it would come back over the wire: a deep copy without undefined fields. */
export function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

function freeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const child of Object.values(value)) freeze(child);
  }
  return value;
}
