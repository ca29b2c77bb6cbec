/** What a kind is called, in an object and in a URL. */
export interface ResourceKind {
  apiVersion: string;
  kind: string;
  plural: string;
  namespaced: boolean;
}

/** The kinds the operator touches. */
export const KINDS = {
  consumerGroup: kind('kcg.dev/v1alpha1', 'KinesisConsumerGroup', 'kinesisconsumergroups'),
  offsetReset: kind('kcg.dev/v1alpha1', 'KinesisOffsetReset', 'kinesisoffsetresets'),
  deployment: kind('apps/v1', 'Deployment', 'deployments'),
  replicaSet: kind('apps/v1', 'ReplicaSet', 'replicasets'),
  pod: kind('v1', 'Pod', 'pods'),
  podDisruptionBudget: kind('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets'),
  configMap: kind('v1', 'ConfigMap', 'configmaps'),
  secret: kind('v1', 'Secret', 'secrets'),
  service: kind('v1', 'Service', 'services'),
  serviceAccount: kind('v1', 'ServiceAccount', 'serviceaccounts'),
  event: kind('events.k8s.io/v1', 'Event', 'events'),
  leaderElectionLease: kind('coordination.k8s.io/v1', 'Lease', 'leases'),
  namespace: { ...kind('v1', 'Namespace', 'namespaces'), namespaced: false },
} as const satisfies Record<string, ResourceKind>;

/** How a used-up ResourceQuota is told, of a Deployment as of its pods. */
export const OVER_QUOTA = /exceeded quota/;
/** How the refusal of an admission webhook or policy is told. */
export const DENIED = /denied (the )?request/;

function kind(apiVersion: string, kind: string, plural: string): ResourceKind {
  return { apiVersion, kind, plural, namespaced: true };
}

export interface OwnerReference {
  apiVersion: string;
  kind: string;
  name: string;
  uid: string;
  controller?: boolean;
  blockOwnerDeletion?: boolean;
}

export interface ObjectMeta {
  name: string;
  /** Absent on cluster-scoped objects. */
  namespace?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
  finalizers?: string[];
  ownerReferences?: OwnerReference[];
  /** On a write: the write is lost unless this is the uid of the object that exists. */
  uid?: string;
  /** On a write: the write is lost unless the object is still at this version. */
  resourceVersion?: string;
  generation?: number;
  /** RFC 3339, whole seconds. */
  creationTimestamp?: string;
  /** Set once deletion was asked for; the object stays until its last finalizer is gone. */
  deletionTimestamp?: string;
}

/** An object as Kubernetes has it: untyped below metadata, unknown fields kept. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: ObjectMeta;
  spec?: unknown;
  status?: unknown;
  [field: string]: unknown;
}

/** An object that was read from the cluster. `metadata.managedFields` is always dropped. Treat as frozen. */
export interface StoredObject extends KubeObject {
  metadata: ObjectMeta & { uid: string; resourceVersion: string };
}

export interface ObjectKey {
  /** Empty for cluster-scoped kinds. */
  namespace: string;
  name: string;
}

export interface ObjectChange {
  type: 'added' | 'updated' | 'deleted';
  /** As it is now; for `deleted` the last state known. */
  object: StoredObject;
  /** As it was; with `updated` only. */
  previous?: StoredObject;
}

export interface ListOptions {
  /** All namespaces when absent. */
  namespace?: string | undefined;
  /** All of these labels with these values. */
  labels?: Readonly<Record<string, string>> | undefined;
  signal?: AbortSignal | undefined;
}

export interface WatchOptions extends ListOptions {
  /** Ends the watch. */
  signal: AbortSignal;
  /**
   * Called once per change, after the cache shows it and in order per object. Several changes of an object may arrive as
   * one; an object deleted and created again arrives as `deleted`, then `added`. A throw is logged and forgotten.
   */
  onChange?: ((change: ObjectChange) => void) | undefined;
  /** Applied to each object before it is kept, to drop what nobody reads. Must keep metadata's identity. */
  transform?: ((object: StoredObject) => StoredObject) | undefined;
  /** Secondary keys for `ObjectCache.by`: index name → the keys an object is filed under. */
  indexes?: Readonly<Record<string, (object: StoredObject) => readonly string[]>> | undefined;
  /** Objects whose last state is kept after their deletion, for `ObjectCache.deleted`; none by default. */
  keepsDeleted?: ((last: StoredObject) => boolean) | undefined;
}

/** What the cluster held a moment ago: never behind for good, however often the watch breaks. */
export interface ObjectCache {
  /** False until the first complete list is in; an empty cache means nothing before that. */
  readonly hasSynced: boolean;
  /** The same of one namespace, where each is listed by itself; default: `hasSynced`. */
  hasSyncedIn?(namespace: string): boolean;
  /** Resolves when `hasSynced`, or when the watch ended before that. */
  whenSynced(): Promise<void>;
  get(key: ObjectKey): StoredObject | undefined;
  /** In no order. */
  list(namespace?: string): StoredObject[];
  /** The objects filed under `key` in an index of `WatchOptions.indexes`. */
  by(index: string, key: string): StoredObject[];
  /** The last state of the object that was deleted under `key`, if `WatchOptions.keepsDeleted` says so, until it is forgotten. */
  deleted?(key: ObjectKey): StoredObject | undefined;
  forgetDeleted?(key: ObjectKey): void;
  /** Resolves after the signal's abort, when nothing more will be called. */
  readonly stopped: Promise<void>;
}

export interface FieldConflict {
  /** Path as Kubernetes prints it: `.spec.replicas`. */
  field: string;
  /** Who owns the field, as Kubernetes prints it: `"kubectl" using apps/v1`. */
  manager: string;
}

/** `changed` is false only when it is known that nothing moved. */
export type ApplyResult =
  | { outcome: 'applied'; object: StoredObject; changed: boolean }
  | { outcome: 'conflict'; message: string; fields: FieldConflict[] } // others own the fields; nothing was written
  | { outcome: 'lost'; message: string }; // uid or resourceVersion no longer hold, or (status) the object is gone

/** Of the object no more than its version. */
export type StatusResult =
  | { outcome: 'applied'; version: string; changed: boolean }
  | Exclude<ApplyResult, { outcome: 'applied' }>;

export type PatchResult = { outcome: 'patched'; object: StoredObject } | { outcome: 'lost'; message: string };

export interface CallOptions {
  signal?: AbortSignal | undefined;
}

export interface ApplyOptions extends CallOptions {
  /** Stable name of the writer; one per set of fields. */
  fieldManager: string;
  /** Takes fields over from other managers instead of reporting a conflict. */
  force?: boolean;
  /** The object as the caller knows it, to tell `changed`. */
  known?: StoredObject | undefined;
}

/** `null` removes a key; keys not named stay. `finalizers` replaces the whole list. */
export interface MetadataPatch {
  labels?: Record<string, string | null>;
  annotations?: Record<string, string | null>;
  finalizers?: string[];
}

export interface EventInput {
  /** What it is about; shown by `kubectl describe`. */
  regarding: StoredObject;
  type: 'Normal' | 'Warning';
  /** CamelCase, stable, documented; at most 128 characters. */
  reason: string;
  /** For people; cut at 1,000 characters. */
  note: string;
  /** CamelCase: what the operator was doing. */
  action: string;
  /** A step on the way to something: told together with what comes within the next half minute. */
  isStep?: boolean;
}

/** Kubernetes' coordination Lease, which elects one operator. Not a shard's lease. */
export interface LeaderElectionRecord {
  /** Empty when released. */
  holder: string;
  leaseDurationSeconds: number;
  /** Ms since the epoch; for people, expiry is judged by watching the record change. */
  acquiredAt: number;
  /** Ms since the epoch, and for people too. */
  renewedAt: number;
  /** How often it was taken over; 0 with its first holder. */
  transitions: number;
  /** What the holder looks after; absent = all namespaces. */
  namespaces?: readonly string[] | undefined;
}

export interface LeaderElectionLease {
  record: LeaderElectionRecord;
  /** Any write by anybody changes it. */
  version: string;
}

export type LeaseWriteResult = { outcome: 'written'; version: string } | { outcome: 'lost'; message: string };

/**
 * A Kubernetes cluster, as the operator needs it. Lost races and field conflicts are values; every method throws
 * `KcgError` for the rest: `AccessDenied` (names verb and resource), `Credentials`, `InvalidInput` (the server's validation
 * or an admission plugin said no), `LimitExceeded` (a quota), `NotFound` (no such kind or namespace), `Throttled`, `Timeout`,
 * `Unavailable`. Calls are bounded in time, and repeated a few times where that is safe; a write whose answer was lost can have
 * happened, so the next reconcile looks again.
 */
export interface Cluster {
  /** A cache that follows the cluster until `signal` aborts, whatever fails meanwhile. */
  watch(kind: ResourceKind, options: WatchOptions): ObjectCache;
  get(kind: ResourceKind, key: ObjectKey, options?: CallOptions): Promise<StoredObject | undefined>;
  /** All pages. */
  list(kind: ResourceKind, options?: ListOptions): Promise<StoredObject[]>;
  /**
   * Server-side apply: creates the object or merges the given fields; fields this manager gave before and not now are
   * removed unless others own them too. `status` is ignored.
   */
  apply(kind: ResourceKind, object: KubeObject, options: ApplyOptions): Promise<ApplyResult>;
  /**
   * The same for the status subresource of an object that exists; everything but `status` is ignored. A successor of another
   * uid can get the status before `lost` is reported; with `resourceVersion` it cannot.
   */
  applyStatus(kind: ResourceKind, object: KubeObject, options: ApplyOptions): Promise<StatusResult>;
  /** Merge patch of metadata, on condition that the object is unchanged since `object` was read. */
  patchMetadata(
    kind: ResourceKind,
    object: StoredObject,
    patch: MetadataPatch,
    options?: CallOptions,
  ): Promise<PatchResult>;
  /** Asks for deletion (dependents follow in the background). With `uid`, another object of that name is left alone. */
  delete(
    kind: ResourceKind,
    key: ObjectKey,
    options?: CallOptions & { uid?: string | undefined },
  ): Promise<{ outcome: 'deleted' | 'gone' }>;
  /**
   * Never waits, never fails: written in the background, dropped when there are too many. The same regarding, reason and
   * note within ten minutes count up one Event.
   */
  recordEvent(event: EventInput): void;
  /** The uid of the namespace kube-system, or what was set in its place: tells clusters apart for as long as they live. */
  clusterId(options?: CallOptions): Promise<string>;
  /** The API server's clock, ms since the epoch in whole seconds, by which objects are created; undefined = it does not say. */
  now(options?: CallOptions): Promise<number | undefined>;
  readLeaderElectionLease(key: ObjectKey, options?: CallOptions): Promise<LeaderElectionLease | undefined>;
  /** Creates when `version` is absent, else replaces what has that version. */
  writeLeaderElectionLease(
    key: ObjectKey,
    record: LeaderElectionRecord,
    options?: CallOptions & { version?: string | undefined },
  ): Promise<LeaseWriteResult>;
  /** Waits a moment for events under way, then closes connections. */
  close(): Promise<void>;
}

/** With an empty namespace for a cluster-scoped object. */
export function keyOf({ metadata }: KubeObject): ObjectKey {
  return { namespace: metadata.namespace ?? '', name: metadata.name };
}

/** `namespace/name`, or `name` for cluster-scoped objects: the form of work-queue keys. */
export function keyString({ namespace, name }: ObjectKey): string {
  return namespace ? `${namespace}/${name}` : name;
}

/** Takes apart what `keyString` gives; a text without a slash has an empty namespace. */
export function parseKey(key: string): ObjectKey {
  const slash = key.indexOf('/');
  return { namespace: slash < 0 ? '' : key.slice(0, slash), name: key.slice(slash + 1) };
}

/** `kind namespace/name`, for messages. */
export function describeObject(object: KubeObject): string {
  return `${object.kind} ${keyString(keyOf(object))}`;
}
