import { isOver, type OffsetResetStatus } from '../../api/offset-reset.ts';
import { keyOf, keyString, parseKey, type StoredObject } from '../../kubernetes/cluster.ts';
import { tellReset } from '../apply/reset-writer.ts';
import { RESETS_OF_GROUP } from '../observe/group-indexes.ts';
import type { ResetStep } from '../offset-reset.ts';
import type { ReconcilerOptions } from '../reconcile-context.ts';
import { removeFinished } from './finished-resets.ts';

/*
 * What is told of resets that cannot begin: their group is not there, or it is and cannot be worked on. They go on by
 * themselves, however long that takes.
 */

/** A group may be applied a moment after its reset, with the same tool. */
const GROUP_PATIENCE_MS = 60_000;

/** Resets of the group that are not over, the oldest first; those that are deleted count as gone, whoever still keeps them. */
export function pendingResets({ caches }: Pick<ReconcilerOptions, 'caches'>, group: string): StoredObject[] {
  const age = ({ metadata }: StoredObject) => `${metadata.creationTimestamp ?? ''} ${metadata.name}`;
  return caches.offsetResets
    .by(RESETS_OF_GROUP, group)
    .filter(
      ({ metadata, status }) =>
        metadata.deletionTimestamp === undefined && !isOver(status as OffsetResetStatus | undefined),
    )
    .sort((a, b) => (age(a) < age(b) ? -1 : 1));
}

/** @returns when to look again, ms, at resets whose group is not there, whether they are over or not */
export async function tellNoGroup(
  options: ReconcilerOptions,
  group: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  const { name, namespace } = parseKey(group);
  const message = `there is no KinesisConsumerGroup ${name} in namespace ${namespace}. Create it, and this reset goes on by itself; if another group was meant, delete this reset and create one that names it`;
  let againInMs = Infinity;
  for (const object of pendingResets(options, group)) {
    const ageMs = options.clock.now() - Date.parse(object.metadata.creationTimestamp ?? '');
    const isStalled = !(ageMs < GROUP_PATIENCE_MS);
    const inMs = Math.max(1_000, GROUP_PATIENCE_MS - ageMs);
    if (!isStalled) againInMs = Math.min(againInMs, inMs);
    const step = {
      outcome: 'waiting',
      reason: 'GroupNotFound',
      message,
      againInMs: inMs,
      isStalled,
    } as const;
    await tellReset(options, object, { step, signal });
  }
  againInMs = Math.min(againInMs, (await removeFinished(options, group, signal)) ?? Infinity);
  return againInMs === Infinity ? undefined : againInMs;
}

/**
 * Of a group that is there, and is not worked on or cannot be.
 * @returns when the next of those that are over is to go, ms
 */
export async function tellNotReady(
  options: ReconcilerOptions,
  group: StoredObject,
  signal: AbortSignal,
): Promise<number | undefined> {
  const key = keyString(keyOf(group));
  for (const object of pendingResets(options, key))
    await tellReset(options, object, { step: notReady(group), signal });
  return removeFinished(options, key, signal);
}

export function notReady({ metadata: { namespace = '', name, deletionTimestamp } }: StoredObject): ResetStep {
  const group = `KinesisConsumerGroup ${name} in namespace ${namespace}`;
  const message =
    deletionTimestamp === undefined
      ? `${group} is there, but cannot be worked on yet. kcg status ${name} -n ${namespace} says what it waits for; this reset goes on by itself after that`
      : `${group} is being deleted, and no more is done to it. If a group of this name comes after it, this reset goes on with that; else delete this reset`;
  return { outcome: 'waiting', reason: 'GroupNotReady', message, againInMs: 30_000 };
}
