import {
  FINALIZER,
  MANAGED_BY,
  MANAGED_BY_LABEL,
  OPERATOR_ANNOTATION,
  OVER_ANNOTATION,
  TABLE_ANNOTATION,
} from '../api/labels.ts';
import type { Clock } from '../lib/clock.ts';
import {
  KINDS,
  keyOf,
  keyString,
  parseKey,
  type Cluster,
  type ObjectCache,
  type ObjectChange,
  type StoredObject,
} from '../kubernetes/cluster.ts';
import type { Reason } from '../kubernetes/work-order.ts';
import { groupKeyOf } from '../api/offset-reset.ts';
import {
  GROUPS_OF_ID,
  GROUPS_OF_TABLE,
  groupIdIn,
  groupKeys,
  PODS_OF_GROUP,
  RESETS_OF_GROUP,
  tablesOf,
} from './observe/group-indexes.ts';
import { hasDied, type PodLike } from './plan/fence.ts';
import { mayBeUndone } from './steps/late-deletion.ts';
import type { ReconcilerOptions } from './reconcile-context.ts';

type Caches = ReconcilerOptions['caches'];

export interface ScopesOptions {
  cluster: Cluster;
  clock: Clock;
  /** One scope each; none = one scope of all namespaces. */
  namespaces: readonly string[];
  /** A group of a scope that is served needs a look: `namespace/name`. */
  onChange: (key: string, reason: Reason) => void;
  signal: AbortSignal;
}

interface Scope {
  /** Undefined = all. */
  namespace: string | undefined;
  caches: Caches;
  /** All its caches are complete. */
  isServed: boolean;
  served: Promise<void>;
}

/** Somebody waits for what a changed group asks for. */
const REASON_OF = { added: 'first', updated: 'urgent', deleted: 'changed' } as const;

const OURS = { [MANAGED_BY_LABEL]: MANAGED_BY };
/** How long the others wait for a namespace that may not be read, or is not there. */
const GRACE_MS = 5_000;

/** The namespaces that are watched, each by itself: one that cannot be read does not keep the others from being served. */
export class Scopes {
  /** Over all of them. */
  readonly caches: Caches;
  readonly #scopes: readonly Scope[];
  readonly #options: ScopesOptions;

  constructor(options: ScopesOptions) {
    this.#options = options;
    const { namespaces } = options;
    const names = namespaces.length === 0 ? [undefined] : [...new Set(namespaces)];
    this.#scopes = names.map((namespace) => this.#open(namespace));
    const over = (kind: keyof Caches) =>
      joined(this.#scopes.map(({ namespace, caches }) => [namespace, caches[kind]]));
    this.caches = {
      groups: over('groups'),
      deployments: over('deployments'),
      podDisruptionBudgets: over('podDisruptionBudgets'),
      pods: over('pods'),
      offsetResets: over('offsetResets'),
    };
  }

  /** Until at least one scope is served, and the others had a moment. Returns the namespaces that are not. */
  async whenServing(): Promise<string[]> {
    const { clock, signal } = this.#options;
    const all = this.#scopes.map(({ served }) => served);
    const ended = new AbortController();
    const grace = Promise.race(all).then(() =>
      clock.sleep(GRACE_MS, { signal: AbortSignal.any([signal, ended.signal]) }),
    );
    await Promise.race([Promise.all(all), grace]);
    ended.abort();
    return this.#scopes.filter(({ isServed }) => !isServed).map(({ namespace }) => namespace ?? '');
  }

  /** Calls back when a scope that was not served is; not for those that are now. */
  onServed(tell: (namespace: string) => void): void {
    for (const scope of this.#scopes) {
      if (!scope.isServed) void scope.served.then(() => scope.isServed && tell(scope.namespace ?? ''));
    }
  }

  /** Whether a group that is not in the caches is not there, in this namespace; undefined = in any. */
  sees(namespace: string | undefined): boolean {
    const holds = (scope: Scope) => scope.namespace === undefined || scope.namespace === namespace;
    return this.#scopes.some((scope) => scope.isServed && holds(scope));
  }

  /** What can be looked at, of one scope or of all: groups, and those that resets name and that are not there. */
  keys(of?: string): Set<string> {
    const served = this.#scopes.filter(
      ({ isServed, namespace }) => isServed && (of === undefined || namespace === of),
    );
    const all = served.flatMap(({ caches: { groups, offsetResets } }) => [
      ...groups.list().map((group) => keyString(keyOf(group))),
      ...offsetResets.list().flatMap(groupKeyOf),
    ]);
    return new Set(all);
  }

  get stopped(): Promise<unknown> {
    return Promise.all(
      this.#scopes.flatMap(({ caches }) => Object.values(caches).map((cache) => cache.stopped)),
    );
  }

  #open(namespace: string | undefined): Scope {
    const { cluster, signal, onChange } = this.#options;
    const tell: ScopesOptions['onChange'] = (key, reason) => {
      // Without its pods and objects, wrong things would be done for a group.
      if (scope.isServed) onChange(key, reason);
    };
    const caches = watchScope({
      cluster,
      namespace,
      tell,
      onGoing: (gone) => this.#tellRivals(gone),
      signal,
    });
    // Who applies the definitions by hand may not have that of resets yet: groups do not wait for it.
    const { offsetResets: _, ...needed } = caches;
    const served = Promise.all(Object.values(needed).map((cache) => cache.whenSynced())).then(() => {
      scope.isServed = Object.values(needed).every(({ hasSynced }) => hasSynced);
    });
    const scope: Scope = { namespace, caches, isServed: false, served };
    return scope;
  }

  /** Groups of the same id, of any scope: one of them may wait for the claim of the one that goes. */
  #tellRivals(gone: StoredObject): void {
    for (const rival of this.caches.groups.by(GROUPS_OF_ID, groupIdIn(gone))) {
      const { uid, namespace } = rival.metadata;
      const scope = this.#scopes.find((each) => each.namespace === undefined || each.namespace === namespace);
      if (uid !== gone.metadata.uid && scope?.isServed)
        this.#options.onChange(keyString(keyOf(rival)), 'urgent');
    }
  }
}

function watchScope({
  cluster,
  namespace,
  tell,
  onGoing,
  signal,
}: Pick<ScopesOptions, 'cluster' | 'signal'> & {
  namespace: string | undefined;
  tell: ScopesOptions['onChange'];
  /** A group is gone, or begins to go. */
  onGoing: (group: StoredObject) => void;
}): Caches {
  const ofGroup = ({ object }: ObjectChange) => {
    for (const key of groupKeys(object)) tell(key, 'changed');
  };
  // Nobody reads a dead worker's shards until it is fenced.
  const ofPod = ({ object, previous }: ObjectChange) => {
    const isDeath = hasDied(object as unknown as PodLike, previous as unknown as PodLike | undefined);
    for (const key of groupKeys(object)) tell(key, isDeath ? 'urgent' : 'changed');
  };
  return {
    groups: cluster.watch(KINDS.consumerGroup, {
      namespace,
      signal,
      indexes: { [GROUPS_OF_TABLE]: tablesOf, [GROUPS_OF_ID]: (group) => [groupIdIn(group)] },
      keepsDeleted: mayBeUndone,
      onChange: (change) => {
        if (isWorthALook(change)) tell(keyString(keyOf(change.object)), REASON_OF[change.type]);
        if (isGoing(change)) onGoing(change.object);
      },
    }),
    deployments: cluster.watch(KINDS.deployment, { namespace, labels: OURS, signal, onChange: ofGroup }),
    podDisruptionBudgets: cluster.watch(KINDS.podDisruptionBudget, { namespace, labels: OURS, signal }),
    pods: cluster.watch(KINDS.pod, {
      namespace,
      labels: OURS,
      signal,
      onChange: ofPod,
      transform: slimPod,
      indexes: { [PODS_OF_GROUP]: groupKeys },
    }),
    offsetResets: cluster.watch(KINDS.offsetReset, {
      namespace,
      signal,
      indexes: { [RESETS_OF_GROUP]: groupKeyOf },
      onChange: (change) => {
        if (isWorthALook(change)) for (const key of groupKeyOf(change.object)) tell(key, 'changed');
      },
    }),
  };
}

function isGoing({ type, object, previous }: ObjectChange): boolean {
  if (type === 'deleted') return true;
  return object.metadata.deletionTimestamp !== undefined && !previous?.metadata.deletionTimestamp;
}

/** Our own writes of the status, and first ones of the metadata, come back as changes; they are no reason to look again. */
function isWorthALook({ type, object, previous }: ObjectChange): boolean {
  if (type !== 'updated' || !previous) return true;
  const { annotations = {}, finalizers = [] } = previous.metadata;
  const isNews = (name: string) => name in annotations || finalizers.includes(name) || !WRITTEN.has(name);
  const of = ({ metadata }: StoredObject) =>
    JSON.stringify([
      metadata.uid,
      metadata.generation,
      Object.entries(metadata.annotations ?? {}).filter(([name]) => isNews(name)),
      metadata.finalizers?.filter(isNews) ?? [],
      metadata.deletionTimestamp,
    ]);
  return of(object) !== of(previous);
}

/** By an operator alone, each on the way of a pass that goes on with it. */
const WRITTEN: ReadonlySet<string> = new Set([
  OPERATOR_ANNOTATION,
  TABLE_ANNOTATION,
  OVER_ANNOTATION,
  FINALIZER,
]);

/** Pods are many, and only a little of each is looked at. */
function slimPod(pod: StoredObject): StoredObject {
  const { nodeName } = (pod.spec ?? {}) as { nodeName?: string };
  return { ...pod, spec: nodeName === undefined ? {} : { nodeName } };
}

/** One cache out of one per namespace. */
function joined(caches: readonly [string | undefined, ObjectCache][]): ObjectCache {
  const [first] = caches;
  if (first && first[0] === undefined) return first[1];
  const all = caches.map(([, cache]) => cache);
  const byNamespace = new Map(caches);
  return {
    get hasSynced() {
      return all.every((cache) => cache.hasSynced);
    },
    hasSyncedIn: (namespace) => byNamespace.get(namespace)?.hasSynced ?? false,
    whenSynced: async () => {
      await Promise.all(all.map((cache) => cache.whenSynced()));
    },
    get: (key) => byNamespace.get(key.namespace)?.get(key),
    list: (namespace) =>
      namespace === undefined
        ? all.flatMap((cache) => cache.list())
        : (byNamespace.get(namespace)?.list(namespace) ?? []),
    // What the indexes file has its namespace in the key, or is wanted of all.
    by: (index, key) => {
      const one = byNamespace.get(parseKey(key).namespace);
      return one ? one.by(index, key) : all.flatMap((cache) => cache.by(index, key));
    },
    deleted: (key) => byNamespace.get(key.namespace)?.deleted?.(key),
    forgetDeleted: (key) => byNamespace.get(key.namespace)?.forgetDeleted?.(key),
    stopped: Promise.all(all.map((cache) => cache.stopped)).then(() => undefined),
  };
}
