import type { Clock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import { randomInt, randomName, seededRandom, type Random } from '../../lib/random.ts';
import type {
  ApplyOptions,
  ApplyResult,
  CallOptions,
  Cluster,
  EventInput,
  KubeObject,
  LeaderElectionLease,
  LeaderElectionRecord,
  LeaseWriteResult,
  ListOptions,
  MetadataPatch,
  ObjectCache,
  ObjectKey,
  PatchResult,
  ResourceKind,
  StatusResult,
  StoredObject,
  WatchOptions,
} from '../cluster.ts';
import { describeObject, KINDS, keyOf, keyString } from '../cluster.ts';
import { CONTROLLER, eventKey, eventObject, eventSeries } from '../event-object.ts';
import { applyFields, emptiedMap, replaceContent } from './apply.ts';
import { contentOf, lostReason, managedOf, mergeMap } from './content.ts';
import { MemoryObjects, plain } from './objects.ts';

export type WriteVerb = 'apply' | 'applyStatus' | 'patchMetadata' | 'delete' | 'recordEvent' | 'writeLease';

export interface RecordedWrite {
  verb: WriteVerb;
  /** Kind and key: `Deployment shop/orders`. */
  on: string;
  /** False for a write that was lost, refused or moved nothing. */
  changed: boolean;
}

export interface MemoryClusterOptions {
  clock: Clock;
  random?: Random;
  clusterId?: string;
  /**
   * What the API server's schema does: the complaints about an object, none when it is fine. `object` may be changed
   * here, to fill in defaults.
   */
  admit?: (object: KubeObject, old: StoredObject | undefined) => readonly string[];
  /** Called before the effect of each call of the port, with the kind where there is one; may wait, and may throw to fail the call. */
  before?: (operation: string, signal?: AbortSignal, kind?: string) => Promise<void>;
}

/** Writes and events kept for tests to look at. */
const MAX_WRITES = 1_000;
/** A patch is another owner than an apply, even by the same client. */
const PATCH_MANAGER = 'kcg (patch)';

/**
 * The API server as a map: versions, generations, server-side apply with conflicts, finalizers, garbage collection by
 * owner, and watches that come a little later. `create`, `update` and `remove` are the other clients: kubectl, controllers.
 */
export class MemoryCluster implements Cluster {
  /** Every call of the port that writes, the oldest first, at most 1,000. */
  readonly writes: RecordedWrite[] = [];
  /** Every event, counted up as a cluster would show it. */
  readonly events: (EventInput & { count: number; key: ObjectKey })[] = [];
  readonly #options: MemoryClusterOptions;
  readonly #objects: MemoryObjects;
  readonly #leases = new Map<string, LeaderElectionLease>();
  readonly #clusterId: string;
  readonly #random: Random;

  constructor(options: MemoryClusterOptions) {
    this.#options = options;
    const random = options.random ?? seededRandom(1);
    this.#random = random;
    this.#clusterId = options.clusterId ?? uuid(random);
    this.#objects = new MemoryObjects({
      clock: options.clock,
      newUid: () => uuid(random),
      admit: options.admit ?? (() => []),
    });
  }

  watch(kind: ResourceKind, options: WatchOptions): ObjectCache {
    return this.#objects.watch(kind, options, rethrow);
  }

  async get(
    kind: ResourceKind,
    key: ObjectKey,
    { signal }: CallOptions = {},
  ): Promise<StoredObject | undefined> {
    await this.#options.before?.('get', signal, kind.kind);
    return this.#objects.get(kind, key)?.object;
  }

  async list(kind: ResourceKind, options: ListOptions = {}): Promise<StoredObject[]> {
    await this.#options.before?.('list', options.signal, kind.kind);
    return this.#objects.list(kind, options);
  }

  async apply(kind: ResourceKind, object: KubeObject, options: ApplyOptions): Promise<ApplyResult> {
    await this.#options.before?.('apply', options.signal, kind.kind);
    return this.#merge('apply', kind, object, options);
  }

  async applyStatus(kind: ResourceKind, object: KubeObject, options: ApplyOptions): Promise<StatusResult> {
    await this.#options.before?.('applyStatus', options.signal, kind.kind);
    const result = this.#merge('applyStatus', kind, object, options);
    if (result.outcome !== 'applied') return result;
    const { outcome, changed } = result;
    return { outcome, changed, version: result.object.metadata.resourceVersion };
  }

  async patchMetadata(
    kind: ResourceKind,
    object: StoredObject,
    patch: MetadataPatch,
    { signal }: CallOptions = {},
  ): Promise<PatchResult> {
    await this.#options.before?.('patchMetadata', signal, kind.kind);
    const held = this.#objects.get(kind, keyOf(object));
    const lost = lostReason(object, held?.object);
    if (lost || !held) {
      this.#record('patchMetadata', object, false);
      return { outcome: 'lost', message: lost ?? 'it is gone' };
    }
    const content = plain<KubeObject>(held.object);
    if (patch.labels) content.metadata.labels = mergeMap(content.metadata.labels, patch.labels);
    if (patch.annotations) {
      content.metadata.annotations = mergeMap(content.metadata.annotations, patch.annotations);
    }
    if (patch.finalizers?.length === 0) delete content.metadata.finalizers;
    else if (patch.finalizers) content.metadata.finalizers = [...patch.finalizers];
    const next = this.#replace(kind, content, PATCH_MANAGER);
    this.#record('patchMetadata', object, next !== held.object);
    return { outcome: 'patched', object: next };
  }

  async delete(
    kind: ResourceKind,
    key: ObjectKey,
    { uid, signal }: CallOptions & { uid?: string | undefined } = {},
  ): Promise<{ outcome: 'deleted' | 'gone' }> {
    await this.#options.before?.('delete', signal, kind.kind);
    const held = this.#objects.get(kind, key)?.object;
    const gone = !held || (uid !== undefined && held.metadata.uid !== uid);
    this.#record('delete', { kind: kind.kind, metadata: key }, !gone);
    if (gone) return { outcome: 'gone' };
    this.#objects.delete(kind, key);
    return { outcome: 'deleted' };
  }

  recordEvent(event: EventInput): void {
    this.#record('recordEvent', event.regarding, true);
    const now = this.#options.clock.now();
    const same = this.events.find((seen) => eventKey(seen) === eventKey(event));
    if (same) {
      same.count += 1;
      const change = (draft: KubeObject) => Object.assign(draft, eventSeries(same.count, now));
      this.update(KINDS.event, same.key, change, CONTROLLER);
      return;
    }
    const suffix = randomName(this.#random, 12);
    const object = eventObject(event, { instance: CONTROLLER, suffix, now });
    this.events.push({ ...event, count: 1, key: keyOf(this.create(KINDS.event, object, CONTROLLER)) });
    const oldest = this.events.length > MAX_WRITES ? this.events.shift() : undefined;
    if (oldest) this.remove(KINDS.event, oldest.key);
  }

  async clusterId({ signal }: CallOptions = {}): Promise<string> {
    await this.#options.before?.('clusterId', signal);
    return this.#clusterId;
  }

  async now({ signal }: CallOptions = {}): Promise<number | undefined> {
    await this.#options.before?.('now', signal);
    return Math.floor(this.#options.clock.now() / 1_000) * 1_000;
  }

  async readLeaderElectionLease(
    key: ObjectKey,
    { signal }: CallOptions = {},
  ): Promise<LeaderElectionLease | undefined> {
    await this.#options.before?.('readLease', signal);
    return this.#leases.get(keyString(key));
  }

  async writeLeaderElectionLease(
    key: ObjectKey,
    record: LeaderElectionRecord,
    { version, signal }: CallOptions & { version?: string | undefined } = {},
  ): Promise<LeaseWriteResult> {
    await this.#options.before?.('writeLease', signal);
    const held = this.#leases.get(keyString(key));
    const lost = held?.version !== version;
    this.#record('writeLease', { kind: 'Lease', metadata: key }, !lost);
    if (lost) return { outcome: 'lost', message: `the Lease is at version ${held?.version ?? 'none'}` };
    const next = this.#objects.nextVersion();
    this.#leases.set(keyString(key), { record: { ...record }, version: next });
    return { outcome: 'written', version: next };
  }

  async close(): Promise<void> {}

  /** Another client creates an object, status included. */
  create(kind: ResourceKind, object: KubeObject, manager = 'kubectl'): StoredObject {
    if (this.#objects.get(kind, keyOf(object)))
      throw new KcgError('Conflict', `${describeObject(object)} exists`);
    return this.#replace(kind, object, manager);
  }

  /** Another client changes an object; it owns the fields it changed. */
  update(
    kind: ResourceKind,
    key: ObjectKey,
    change: (draft: KubeObject) => void,
    manager = 'kubectl',
  ): StoredObject {
    const held = this.#objects.get(kind, key);
    if (!held) throw new KcgError('NotFound', `${kind.kind} ${keyString(key)} does not exist`);
    const draft = plain<KubeObject>(held.object);
    change(draft);
    return this.#replace(kind, draft, manager);
  }

  /** Another client asks for deletion. */
  remove(kind: ResourceKind, key: ObjectKey): void {
    this.#objects.delete(kind, key);
  }

  #replace(kind: ResourceKind, object: KubeObject, manager: string): StoredObject {
    const before = managedOf(this.#objects.get(kind, keyOf(object)));
    return this.#objects.put(kind, object, replaceContent(before, contentOf(object), manager).owners);
  }

  #merge(
    verb: 'apply' | 'applyStatus',
    kind: ResourceKind,
    object: KubeObject,
    { fieldManager, force = false }: ApplyOptions,
  ): ApplyResult {
    const held = this.#objects.get(kind, keyOf(object));
    const lost =
      lostReason(object, held?.object) ?? (verb === 'applyStatus' && !held ? 'it is gone' : undefined);
    if (lost !== undefined) {
      this.#record(verb, object, false);
      return { outcome: 'lost', message: lost };
    }
    const { status, ...main } = contentOf(object);
    const fields = verb === 'apply' ? main : { status };
    const manager = verb === 'apply' ? fieldManager : `${fieldManager}/status`;
    const merged = applyFields(managedOf(held), plain(fields), { manager, force });
    if (merged.outcome === 'conflict') {
      this.#record(verb, object, false);
      const owners = merged.fields.map(({ field, manager }) => `${manager}: ${field}`).join(', ');
      return { outcome: 'conflict', message: `conflicts with ${owners}`, fields: merged.fields };
    }
    const emptied = emptiedMap(held?.object.status, merged.managed.content['status']);
    if (emptied !== undefined)
      throw new KcgError(
        'InvalidInput',
        `${describeObject(object)}: status${emptied}: Invalid value: "null"`,
      );
    const { name, namespace } = object.metadata;
    const metadata = {
      ...(merged.managed.content['metadata'] as object),
      name,
      ...(namespace && { namespace }),
    };
    const content = { ...merged.managed.content, apiVersion: kind.apiVersion, kind: kind.kind, metadata };
    const next = this.#objects.put(kind, content, merged.managed.owners);
    this.#record(verb, object, next !== held?.object);
    return { outcome: 'applied', object: next, changed: next !== held?.object };
  }

  #record(
    verb: WriteVerb,
    object: { kind: string; metadata: { namespace?: string; name: string } },
    changed: boolean,
  ) {
    const key = { namespace: object.metadata.namespace ?? '', name: object.metadata.name };
    this.writes.push({ verb, on: `${object.kind} ${keyString(key)}`, changed });
    if (this.writes.length > MAX_WRITES) this.writes.shift();
  }
}

function uuid(random: Random): string {
  const hex = (length: number) => Array.from({ length }, () => randomInt(random, 16).toString(16)).join('');
  return `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`;
}

/** What a watcher's `onChange` throws ends the process, so that a test fails. */
function rethrow(thrown: unknown): void {
  void Promise.reject(thrown instanceof Error ? thrown : new Error(String(thrown)));
}
