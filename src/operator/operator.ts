import { describeError } from '../lib/errors.ts';
import { parseKey, type ObjectCache, type StoredObject } from '../kubernetes/cluster.ts';
import type { Reason } from '../kubernetes/work-order.ts';
import { WorkQueue, type WorkQueueOptions } from '../kubernetes/work-queue.ts';
import type { Nudge } from './steps/fence-workers.ts';
import { onlyWhileLeading } from './only-while-leading.ts';
import { GroupReconciler } from './reconcile.ts';
import type { ReconcilerOptions } from './reconcile-context.ts';
import { Scopes } from './scopes.ts';
import { Tellers, type Listen } from './observe/tellers.ts';

export interface OperatorOptions extends Omit<
  ReconcilerOptions,
  'caches' | 'settings' | 'nudge' | 'tellers'
> {
  /** Without it workers find out by themselves, at their next beat. */
  nudge?: Nudge;
  /** Without it the rows of each group are read every few seconds. */
  listen?: Listen;
  options: OperatorSettings;
  /** Called when the caches are complete, so that work can begin at any time; `groups` is that of the groups. */
  onReady?: ((groups: Pick<ObjectCache, 'get' | 'list'>) => void) | undefined;
  /** Called after that: runs `work` while it is this process's turn. Default: at once, until the end. */
  lead?: (work: Work) => Promise<void>;
  /** After each look at a group, for metrics. */
  onReconcile?: WorkQueueOptions['onDone'];
  /** Called once with the looks there will be, for metrics. */
  onQueue?: (queue: Pick<WorkQueue, 'longestRoundMs'>) => void;
}

/** Until `signal` aborts. Nothing is written, either, once `leads` says no: it may before anything can abort. */
export type Work = (signal: AbortSignal, leads: () => boolean) => Promise<void>;

export interface OperatorSettings extends Omit<ReconcilerOptions['settings'], 'sees'> {
  /** Only these namespaces; all when empty. */
  namespaces?: readonly string[];
  /** Groups worked on at once; default 10. */
  concurrency?: number;
}

const CONCURRENCY = 10;
/** Pods come and go in bursts, and each look reads all rows of the group. */
const GAP_MS = 1_000;
const BACKOFF = { baseMs: 1_000, maxMs: 300_000 };

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
    laneOf: (key) => laneOf(scopes.caches.groups.get(parseKey(key))),
    gapMs: GAP_MS,
    backoff: BACKOFF,
    onFailure: ({ key, error, failures, retryInMs }) => {
      const fields = { group: key, error: describeError(error), failures, retryInMs: Math.round(retryInMs) };
      log.warn('reconcile failed', fields);
    },
    ...(options.onReconcile ? { onDone: options.onReconcile } : {}),
  });
  options.onQueue?.(queue);
  const ended = new AbortController();
  const both = AbortSignal.any([signal, ended.signal]);
  let isLeading = false;
  // What is there when it begins to lead is looked at then.
  const onChange = (key: string, reason: Reason) => isLeading && queue.add(key, { reason });
  const scopes = new Scopes({ cluster: options.cluster, clock, namespaces, onChange, signal: both });
  const work: Work = async (signal, leads) => {
    const { cluster, aws } = onlyWhileLeading(options, leads);
    const { listen, nudge = async () => false } = options;
    const tellers = listen && new Tellers({ clock, listen, onChange: (key) => onChange(key, 'changed') });
    const reconciler = new GroupReconciler({
      cluster,
      aws,
      clock,
      random,
      log,
      nudge,
      tellers,
      ...(options.onJudged ? { onJudged: options.onJudged } : {}),
      onLook: options.onLook,
      caches: scopes.caches,
      settings: { ...settings, sees: (namespace) => scopes.sees(namespace) },
    });
    isLeading = true;
    const keys = scopes.keys();
    log.info('watching consumer groups', { groups: keys.size });
    for (const key of keys) onChange(key, 'first');
    const told = tellers?.run(signal);
    await queue.run(signal, (key, signal) => reconciler.reconcile(key, signal));
    await told;
  };
  try {
    const unserved = await scopes.whenServing();
    if (signal.aborted) return;
    if (unserved.length > 0) {
      const fix =
        'Create the namespace and give the operator its role there, or take it off the list of namespaces to watch.';
      log.warn('namespaces cannot be read; the others are served', { namespaces: unserved.join(','), fix });
    }
    scopes.onServed((namespace) => {
      if (signal.aborted) return;
      log.info('namespace is served from now on', { namespace });
      for (const key of scopes.keys(namespace)) onChange(key, 'first');
    });
    options.onReady?.(scopes.caches.groups);
    await (options.lead?.(work) ?? work(signal, () => true));
  } finally {
    ended.abort();
    await scopes.stopped;
  }
}

/** Groups that call AWS at the same place as the same role: when it does not answer, these wait, and no others. */
function laneOf(group: StoredObject | undefined): string {
  const { region, endpoints, aws } = (group?.spec ?? {}) as Record<string, unknown>;
  return JSON.stringify([region, endpoints, aws]);
}
