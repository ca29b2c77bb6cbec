import { MANAGED_BY, MANAGED_BY_LABEL } from '../api/labels.ts';
import { describeError } from '../lib/errors.ts';
import {
  KINDS,
  keyOf,
  keyString,
  type Cluster,
  type ObjectCache,
  type ObjectChange,
  type StoredObject,
} from '../kubernetes/cluster.ts';
import type { Nudge } from './fence-workers.ts';
import { GROUPS_OF_TABLE, groupKeys, PODS_OF_GROUP, tablesOf } from './group-indexes.ts';
import { hasDied, type PodLike } from './plan/fence.ts';
import { GroupReconciler } from './reconcile.ts';
import type { ReconcilerOptions } from './reconcile-context.ts';
import { WorkQueue, type WorkQueueOptions } from '../kubernetes/work-queue.ts';

export interface OperatorOptions extends Omit<ReconcilerOptions, 'caches' | 'settings' | 'nudge'> {
  /** Without it workers find out by themselves, at their next beat. */
  nudge?: Nudge;
  options: OperatorSettings;
  /** Called when the caches are complete, so that work can begin at any time. */
  onReady?: () => void;
  /** Called after that: runs `work` while it is this process's turn. Default: at once, until the end. */
  lead?: (work: (signal: AbortSignal) => Promise<void>) => Promise<void>;
  /** After each look at a group, for metrics. */
  onReconcile?: WorkQueueOptions['onDone'];
}

export interface OperatorSettings extends Omit<ReconcilerOptions['settings'], 'seesAllNamespaces'> {
  /** Only these namespaces; all when empty. */
  namespaces?: readonly string[];
  /** Groups worked on at once; default 10. */
  concurrency?: number;
}

const CONCURRENCY = 10;
/** Pods come and go in bursts, and each look reads all rows of the group. */
const GAP_MS = 1_000;
const BACKOFF = { baseMs: 1_000, maxMs: 300_000 };
const OURS = { [MANAGED_BY_LABEL]: MANAGED_BY };

/**
 * Watches groups and what is theirs, and, while it leads, reconciles each group on every change and from time to time, until
 * `signal` aborts. One that stands by watches too: it takes over without a list, and is not ready when it could not.
 */
export async function runOperator(options: OperatorOptions, signal: AbortSignal): Promise<void> {
  const { clock, random, log } = options;
  const { namespaces = [], concurrency = CONCURRENCY, ...settings } = options.options;
  const queue = new WorkQueue({
    clock,
    random,
    concurrency,
    gapMs: GAP_MS,
    backoff: BACKOFF,
    onFailure: ({ key, error, failures, retryInMs }) => {
      const fields = { group: key, error: describeError(error), failures, retryInMs: Math.round(retryInMs) };
      log.warn('reconcile failed', fields);
    },
    ...(options.onReconcile ? { onDone: options.onReconcile } : {}),
  });
  const ended = new AbortController();
  const both = AbortSignal.any([signal, ended.signal]);
  let leads = false;
  // What is there when it begins to lead is looked at then.
  const enqueue: Enqueue = (key, options) => leads && queue.add(key, options);
  const caches = watchAll(options.cluster, namespaces, enqueue, both);
  const work = async (signal: AbortSignal) => {
    const { cluster, aws, nudge = async () => false } = options;
    const seesAllNamespaces = namespaces.length === 0;
    const reconciler = new GroupReconciler({
      cluster,
      aws,
      clock,
      random,
      log,
      nudge,
      caches,
      settings: { ...settings, seesAllNamespaces },
    });
    leads = true;
    const groups = caches.groups.list();
    log.info('watching consumer groups', { groups: groups.length });
    for (const group of groups) enqueue(keyString(keyOf(group)));
    await queue.run(signal, (key, signal) => reconciler.reconcile(key, signal));
  };
  try {
    await Promise.all(Object.values(caches).map((cache) => cache.whenSynced()));
    if (signal.aborted) return;
    options.onReady?.();
    await (options.lead?.(work) ?? work(signal));
  } finally {
    ended.abort();
    await Promise.all(Object.values(caches).map((cache) => cache.stopped));
  }
}

type Enqueue = (key: string, options?: { isUrgent: boolean }) => unknown;

function watchAll(
  cluster: Cluster,
  namespaces: readonly string[],
  enqueue: Enqueue,
  signal: AbortSignal,
): ReconcilerOptions['caches'] {
  const ofGroup = ({ object }: ObjectChange) => {
    for (const key of groupKeys(object)) enqueue(key);
  };
  // Nobody reads a dead worker's shards until it is fenced.
  const ofPod = ({ object, previous }: ObjectChange) => {
    const isUrgent = hasDied(object as unknown as PodLike, previous as unknown as PodLike | undefined);
    for (const key of groupKeys(object)) enqueue(key, { isUrgent });
  };
  const watched = (open: (namespace: string | undefined) => ObjectCache) =>
    namespaces.length === 0
      ? open(undefined)
      : joined(namespaces.map((namespace) => [namespace, open(namespace)]));
  return {
    groups: watched((namespace) =>
      cluster.watch(KINDS.consumerGroup, {
        namespace,
        signal,
        indexes: { [GROUPS_OF_TABLE]: tablesOf },
        onChange: (change) => {
          if (isWorthALook(change)) enqueue(keyString(keyOf(change.object)));
        },
      }),
    ),
    deployments: watched((namespace) =>
      cluster.watch(KINDS.deployment, { namespace, labels: OURS, signal, onChange: ofGroup }),
    ),
    podDisruptionBudgets: watched((namespace) =>
      cluster.watch(KINDS.podDisruptionBudget, { namespace, labels: OURS, signal }),
    ),
    pods: watched((namespace) =>
      cluster.watch(KINDS.pod, {
        namespace,
        labels: OURS,
        signal,
        onChange: ofPod,
        transform: slimPod,
        indexes: { [PODS_OF_GROUP]: groupKeys },
      }),
    ),
  };
}

/** Our own status writes come back as changes; they are no reason to look again. */
function isWorthALook({ type, object, previous }: ObjectChange): boolean {
  if (type !== 'updated' || !previous) return true;
  const of = ({ metadata }: StoredObject) =>
    JSON.stringify([
      metadata.uid,
      metadata.generation,
      metadata.annotations,
      metadata.finalizers,
      metadata.deletionTimestamp,
    ]);
  return of(object) !== of(previous);
}

/** Pods are many, and only a little of each is looked at. */
function slimPod(pod: StoredObject): StoredObject {
  const { nodeName } = (pod.spec ?? {}) as { nodeName?: string };
  return { ...pod, spec: nodeName === undefined ? {} : { nodeName } };
}

/** One cache out of one per namespace. */
function joined(caches: [string, ObjectCache][]): ObjectCache {
  const all = caches.map(([, cache]) => cache);
  const byNamespace = new Map(caches);
  return {
    get hasSynced() {
      return all.every((cache) => cache.hasSynced);
    },
    whenSynced: async () => {
      await Promise.all(all.map((cache) => cache.whenSynced()));
    },
    get: (key) => byNamespace.get(key.namespace)?.get(key),
    list: (namespace) =>
      namespace === undefined
        ? all.flatMap((cache) => cache.list())
        : (byNamespace.get(namespace)?.list(namespace) ?? []),
    by: (index, key) => all.flatMap((cache) => cache.by(index, key)),
    stopped: Promise.all(all.map((cache) => cache.stopped)).then(() => undefined),
  };
}
