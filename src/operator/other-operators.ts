import { jitterMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { OPERATOR_ANNOTATION } from '../api/labels.ts';
import {
  keyOf,
  keyString,
  parseKey,
  type Cluster,
  type LeaderElectionRecord,
  type StoredObject,
} from '../kubernetes/cluster.ts';
import { isDeepStrictEqual } from 'node:util';
import { hasCode } from '../lib/errors.ts';
import { KINDS } from '../kubernetes/cluster.ts';
import type { EventReason } from '../api/events.ts';
import type { ReconcilerOptions } from './reconcile-context.ts';

/** How long the Lease of another operator has to stand still, or to be free, before its groups are taken over. */
const TAKE_OVER_MS = 60_000;
/** What a Lease said serves all groups for so long. */
const FRESH_MS = 10_000;
/** Between two looks at a group of another operator. */
const AGAIN_MS = 30_000;

interface Seen {
  record: LeaderElectionRecord | undefined;
  /** Monotonic: since when it stands still, and when it was read. */
  sinceMs: number;
  readMs: number;
}

/**
 * Two operators on one cluster would change each group's objects back and forth, by their own image and settings. So a group
 * carries an annotation that names the Lease its operator holds, written on condition that nobody wrote it meanwhile. Another
 * operator keeps off for as long as that Lease moves and is for the group's namespace. Clocks are not compared: what was never
 * seen before counts as moving.
 */
export class OtherOperators {
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  readonly #seen = new Map<string, Seen>();

  constructor({ cluster, clock }: { cluster: Cluster; clock: Clock }) {
    this.#cluster = cluster;
    this.#clock = clock;
  }

  /**
   * @param lease `namespace/name` of the Lease that an operator elects its leader by
   * @returns `unreadable` when the Lease may not be read
   */
  async looksAfter(lease: string, namespace: string, signal: AbortSignal): Promise<boolean | 'unreadable'> {
    const seen = await this.#look(lease, signal).catch((thrown: unknown) => {
      if (hasCode(thrown, 'AccessDenied')) return undefined;
      throw thrown;
    });
    if (!seen) return 'unreadable';
    const { record, sinceMs, readMs } = seen;
    if (!record || readMs - sinceMs >= TAKE_OVER_MS) return false;
    return record.namespaces === undefined || record.namespaces.includes(namespace);
  }

  async #look(lease: string, signal: AbortSignal): Promise<Seen> {
    const known = this.#seen.get(lease);
    if (known && this.#clock.monotonic() - known.readMs < FRESH_MS) return known;
    const record = (await this.#cluster.readLeaderElectionLease(parseKey(lease), { signal }))?.record;
    const readMs = this.#clock.monotonic();
    const isStill = known !== undefined && isDeepStrictEqual(known.record, record);
    const seen = { record, readMs, sinceMs: isStill ? known.sinceMs : readMs };
    this.#seen.set(lease, seen);
    return seen;
  }
}

/** What is remembered of a group that another operator looks after. */
export interface KeptOff {
  /** Its Lease, which was told of. */
  from: string | undefined;
}

/**
 * Makes the group this operator's own.
 * @returns the group as it is then; how many ms to keep off when it is another's, or has just changed
 */
export async function holdGroup(
  { cluster, log, random, settings }: Pick<ReconcilerOptions, 'cluster' | 'log' | 'random' | 'settings'>,
  others: OtherOperators,
  { object, keptOff, signal }: { object: StoredObject; keptOff: KeptOff; signal: AbortSignal },
): Promise<StoredObject | number> {
  const { instance } = settings;
  const holder = object.metadata.annotations?.[OPERATOR_ANNOTATION];
  if (holder === instance || (holder === undefined && instance === undefined)) return object;
  const looksAfter =
    holder !== undefined && (await others.looksAfter(holder, object.metadata.namespace ?? '', signal));
  if (looksAfter) {
    if (keptOff.from !== holder) {
      const note =
        looksAfter === 'unreadable'
          ? unreadable(object, holder)
          : `the operator with the Lease ${holder} looks after this group, so the one with ${instance ?? 'none'} keeps off. Remove one of them, or give each namespaces of its own (watchNamespaces).`;
      log.warn('another operator looks after a group', { group: keyString(keyOf(object)), note });
      cluster.recordEvent({
        regarding: object,
        type: 'Warning',
        reason: 'OtherOperator' satisfies EventReason,
        note,
        action: 'Reconcile',
      });
    }
    keptOff.from = holder;
    return jitterMs(AGAIN_MS, 0.2, random);
  }
  keptOff.from = undefined;
  if (instance === undefined) return object;
  const annotations = { [OPERATOR_ANNOTATION]: instance };
  const result = await cluster.patchMetadata(KINDS.consumerGroup, object, { annotations }, { signal });
  return result.outcome === 'patched' ? result.object : 1_000;
}

function unreadable({ metadata: { namespace, name } }: StoredObject, lease: string): string {
  return `this operator may not read the Lease ${lease} of the one that has looked after this group, so it keeps off. If that one is gone: kubectl annotate kcg -n ${namespace} ${name} ${OPERATOR_ANNOTATION}-`;
}
