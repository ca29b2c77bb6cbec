import type { NewCondition } from '../../../api/conditions.ts';
import type { GroupStatus } from '../../../api/group-status.ts';
import { FINALIZER } from '../../../api/labels.ts';
import { setConditions } from '../../../api/set-conditions.ts';
import type { PodView } from '../../../view/group-view.ts';

const TOLD: ReadonlySet<string> = new Set(['Ready', 'Reconciling', 'Stalled']);

/**
 * How the deletion goes, and the pods that are left. Shards, leases and lag are not looked at any more, and what was known
 * of them would only pass for the present.
 * @param pods undefined = not looked at
 * @param isBlocked it goes on when somebody has corrected the spec
 */
export function deletingStatus(
  message: string,
  { previous, generation, nowMs }: { previous: GroupStatus | undefined; generation: number; nowMs: number },
  { pods, isBlocked = false }: { pods?: readonly PodView[]; isBlocked?: boolean } = {},
): GroupStatus {
  const about = { message, observedGeneration: generation };
  const told: NewCondition[] = [{ type: 'Ready', status: 'False', reason: 'Deleting', ...about }];
  if (isBlocked)
    told.push(
      { type: 'Reconciling', status: 'False', reason: 'Blocked', ...about },
      { type: 'Stalled', status: 'True', reason: 'InvalidSpec', ...about },
    );
  else
    told.push(
      { type: 'Reconciling', status: 'True', reason: 'CleaningUp', ...about },
      { type: 'Stalled', status: 'False', reason: 'NotStalled', ...about },
    );
  const conditions = (previous?.conditions ?? []).filter(({ type }) => TOLD.has(type));
  const { groupId, selector, stream, table } = previous ?? {};
  return {
    observedGeneration: generation,
    conditions: setConditions(conditions, told, nowMs),
    ...(groupId === undefined ? {} : { groupId }),
    ...(selector === undefined ? {} : { selector }),
    ...(stream ? { stream } : {}),
    ...(table ? { table } : {}),
    ...(pods ? podCounts(pods) : {}),
  };
}

/** Of a new group whose name belonged to one that was deleted a moment ago, and is cleaned up after first. */
export function waitingStatus(
  message: string,
  {
    previous,
    generation: observedGeneration,
    nowMs,
  }: { previous: GroupStatus | undefined; generation: number; nowMs: number },
): GroupStatus {
  const why = `a group of this name was deleted just before, and is cleaned up after first: ${message}`;
  const told: NewCondition[] = [
    { type: 'Ready', status: 'False', reason: 'Progressing', message: why, observedGeneration },
    { type: 'Reconciling', status: 'True', reason: 'CleaningUp', message: why, observedGeneration },
  ];
  return { ...previous, conditions: setConditions(previous?.conditions ?? [], told, nowMs) };
}

function podCounts(pods: readonly PodView[]): Pick<GroupStatus, 'summary' | 'replicas' | 'readyReplicas'> {
  const ready = pods.filter((pod) => pod.ready).length;
  return { summary: { pods: `${ready}/0` }, replicas: pods.length, readyReplicas: ready };
}

/** What to write in place of `policy`, so that the schema takes it. */
export function retainInstead(policy: string): string {
  const rest = policy === 'Expire' ? ' and remove checkpoints.expireAfterDays' : '';
  return `set checkpoints.deletionPolicy to Retain${rest}, which leaves the table as it is`;
}

export function leaveConsumer(name: string): string {
  return `take the finalizer ${FINALIZER} off, which leaves stream consumer ${name} as it is`;
}

/** Of a spec that was right once, under another release. `consumer`: the stream consumer that was registered for it. */
export function unreadable(problems: readonly string[], consumer?: string): string {
  const way = `Correct the spec, or ${consumer === undefined ? retainInstead('Expire') : leaveConsumer(consumer)}.`;
  return `the spec does not say what is to be cleaned up: ${problems.join('; ')}. ${way}`.slice(0, 4_000);
}
