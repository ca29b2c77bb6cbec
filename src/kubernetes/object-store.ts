import type { ObjectCache, ObjectChange, ObjectKey, StoredObject, WatchOptions } from './cluster.ts';
import { keyOf, keyString } from './cluster.ts';

export interface ObjectStoreOptions extends Pick<
  WatchOptions,
  'onChange' | 'transform' | 'indexes' | 'keepsDeleted'
> {
  /** Told when `onChange` threw. */
  onThrow: (thrown: unknown) => void;
}

/** All there was at a version. */
export interface ObjectList {
  objects: readonly StoredObject[];
  version: string;
}

/** Of those that nobody takes. */
const DELETED_MAX = 1_000;
/** Of deleted objects, by which a change is known that comes after its object's deletion. */
const GONE_MAX = 1_000;

/**
 * The memory behind `Cluster.watch`: takes full lists and single events, finds out what changed, and tells. Objects are
 * told apart by uid, so one that was deleted and created again between two lists is two changes, not an update.
 */
export class ObjectStore implements ObjectCache {
  readonly stopped: Promise<void>;
  #hasSynced = false;
  readonly #options: ObjectStoreOptions;
  readonly #objects = new Map<string, StoredObject>();
  /** The oldest first. */
  readonly #deleted = new Map<string, StoredObject>();
  /** By uid, the version of the deletion; the oldest first. */
  readonly #gone = new Map<string, string>();
  /** Index name → index key → object keys. */
  readonly #indexes = new Map<string, Map<string, Set<string>>>();
  readonly #synced = Promise.withResolvers<void>();
  readonly #stop = Promise.withResolvers<void>();

  constructor(options: ObjectStoreOptions) {
    this.#options = options;
    this.stopped = this.#stop.promise;
    for (const name of Object.keys(options.indexes ?? {})) this.#indexes.set(name, new Map());
  }

  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  get size(): number {
    return this.#objects.size;
  }

  whenSynced(): Promise<void> {
    return this.#synced.promise;
  }

  get(key: ObjectKey): StoredObject | undefined {
    return this.#objects.get(keyString(key));
  }

  list(namespace?: string): StoredObject[] {
    const all = [...this.#objects.values()];
    return namespace === undefined ? all : all.filter((object) => object.metadata.namespace === namespace);
  }

  by(index: string, key: string): StoredObject[] {
    const filed = this.#indexes.get(index)?.get(key) ?? [];
    return [...filed].map((id) => this.#objects.get(id)).filter((object) => object !== undefined);
  }

  deleted(key: ObjectKey): StoredObject | undefined {
    return this.#deleted.get(keyString(key));
  }

  forgetDeleted(key: ObjectKey): void {
    this.#deleted.delete(keyString(key));
  }

  /** A complete list: what is not in it is gone. Returns how many objects differed from what was held. */
  replace(objects: readonly StoredObject[]): number {
    let changes = 0;
    const present = new Set(objects.map((object) => keyString(keyOf(object))));
    for (const [id, object] of this.#objects) {
      if (present.has(id)) continue;
      this.#drop(id, object);
      changes += 1;
    }
    for (const object of objects) {
      // One that is there again comes from a backup of the server, which counts from an earlier version on.
      this.#gone.delete(object.metadata.uid);
      if (this.#put(object)) changes += 1;
    }
    if (!this.#hasSynced) {
      this.#hasSynced = true;
      this.#synced.resolve();
    }
    return changes;
  }

  /**
   * A change. One that is older than what is held, or than its object's deletion, came late or again: the API server sends each
   * once and in order, what stands before it may not. A label watch tells of a deletion when an object loses the label, and
   * of it anew when it has it again. Returns false when nothing is new.
   */
  put(arrived: StoredObject): boolean {
    const held = this.#objects.get(keyString(keyOf(arrived)));
    const { uid, resourceVersion } = arrived.metadata;
    const gone = this.#gone.get(uid);
    if (gone !== undefined && !isOlder(gone, resourceVersion)) return false;
    // Of this object, or of the one that had its name before.
    if (held && isOlder(resourceVersion, held.metadata.resourceVersion)) return false;
    return this.#put(arrived);
  }

  #put(arrived: StoredObject): boolean {
    const id = keyString(keyOf(arrived));
    const previous = this.#objects.get(id);
    if (previous && isSameVersion(previous, arrived)) return false;
    const object = this.#options.transform?.(arrived) ?? arrived;
    if (previous && previous.metadata.uid !== object.metadata.uid) this.#drop(id, previous);
    if (previous) this.#unfile(id, previous);
    this.#objects.set(id, object);
    this.#file(id, object);
    if (previous?.metadata.uid === object.metadata.uid) this.#tell({ type: 'updated', object, previous });
    else this.#tell({ type: 'added', object });
    return true;
  }

  /** A deletion that arrived with the object's last state. Another object of that name is left alone. */
  remove(last: StoredObject): void {
    const id = keyString(keyOf(last));
    const held = this.#objects.get(id);
    const { uid, resourceVersion } = last.metadata;
    const isHeld = held?.metadata.uid === uid;
    const known = isHeld ? held.metadata.resourceVersion : this.#gone.get(uid);
    // Late or again: since then it has its label again, or has lost it once more.
    if (isOlder(resourceVersion, known ?? '')) return;
    this.#gone.set(uid, resourceVersion);
    const [oldest] = this.#gone.keys();
    if (oldest !== undefined && this.#gone.size > GONE_MAX) this.#gone.delete(oldest);
    if (!isHeld) return;
    this.#drop(id, this.#options.transform?.(last) ?? last, held);
  }

  /**
   * How many changes it has not heard of, of those up to the version of a complete list: what the list has in a newer version than is held,
   * and what is held though the list does not have it.
   */
  lacks({ objects, version }: ObjectList): number {
    const present = new Set(objects.map((object) => keyString(keyOf(object))));
    const unheard = objects.filter((object) => {
      const { uid, resourceVersion } = object.metadata;
      const gone = this.#gone.get(uid);
      if (gone !== undefined && !isOlder(gone, resourceVersion)) return false;
      const held = this.get(keyOf(object));
      return held === undefined || isOlder(held.metadata.resourceVersion, resourceVersion);
    });
    const held = [...this.#objects].filter(
      ([id, { metadata }]) => !present.has(id) && !isOlder(version, metadata.resourceVersion),
    );
    return unheard.length + held.length;
  }

  /** Nothing is told after this. */
  end(): void {
    this.#synced.resolve();
    this.#stop.resolve();
  }

  #drop(id: string, object: StoredObject, held = object): void {
    this.#objects.delete(id);
    this.#unfile(id, held);
    if (this.#options.keepsDeleted?.(object)) this.#keepDeleted(id, object);
    this.#tell({ type: 'deleted', object });
  }

  #keepDeleted(id: string, object: StoredObject): void {
    this.#deleted.delete(id);
    this.#deleted.set(id, object);
    const [oldest] = this.#deleted.keys();
    if (oldest !== undefined && this.#deleted.size > DELETED_MAX) this.#deleted.delete(oldest);
  }

  #file(id: string, object: StoredObject): void {
    for (const [name, index] of this.#indexes) {
      for (const key of this.#options.indexes?.[name]?.(object) ?? []) {
        index.set(key, (index.get(key) ?? new Set()).add(id));
      }
    }
  }

  #unfile(id: string, object: StoredObject): void {
    for (const [name, index] of this.#indexes) {
      for (const key of this.#options.indexes?.[name]?.(object) ?? []) {
        const filed = index.get(key);
        filed?.delete(id);
        if (filed?.size === 0) index.delete(key);
      }
    }
  }

  #tell(change: ObjectChange): void {
    try {
      this.#options.onChange?.(change);
    } catch (thrown) {
      this.#options.onThrow(thrown);
    }
  }
}

function isSameVersion(a: StoredObject, b: StoredObject): boolean {
  return a.metadata.uid === b.metadata.uid && a.metadata.resourceVersion === b.metadata.resourceVersion;
}

const DECIMAL = /^[0-9]+$/;

/** Of two versions of one kind; false unless both are whole numbers, as those of Kubernetes are. */
export function isOlder(a: string, b: string): boolean {
  return DECIMAL.test(a) && DECIMAL.test(b) && BigInt(a) < BigInt(b);
}
