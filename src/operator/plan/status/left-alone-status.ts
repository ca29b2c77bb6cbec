import type { NewCondition } from '../../../api/conditions.ts';
import type { GroupStatus } from '../../../api/group-status.ts';
import { RECONCILE_PAUSED_ANNOTATION } from '../../../api/labels.ts';
import { setConditions } from '../../../api/set-conditions.ts';

/** A spec that cannot work: nothing else is known, and what was known of it stays. */
export function invalidStatus(
  problems: readonly string[],
  { previous, generation, nowMs }: { previous: GroupStatus | undefined; generation: number; nowMs: number },
): GroupStatus {
  const message = problems.join('; ').slice(0, 4_000);
  const observedGeneration = generation;
  const told: NewCondition[] = [
    { type: 'Ready', status: 'False', reason: 'InvalidSpec', message, observedGeneration },
    { type: 'Stalled', status: 'True', reason: 'InvalidSpec', message, observedGeneration },
    {
      type: 'Reconciling',
      status: 'False',
      reason: 'Blocked',
      message: 'nothing is done for an invalid spec',
      observedGeneration,
    },
  ];
  return {
    ...previous,
    observedGeneration,
    conditions: setConditions(previous?.conditions ?? [], told, nowMs),
  };
}

/** The operator leaves the group alone: what else the status says is of an earlier time, and stays. */
export function pausedStatus({
  previous,
  generation,
  nowMs,
}: {
  previous: GroupStatus | undefined;
  generation: number;
  nowMs: number;
}): GroupStatus {
  const about = {
    reason: 'ReconcilePaused' as const,
    message: `nothing is looked at or changed; remove the annotation ${RECONCILE_PAUSED_ANNOTATION} to go on`,
    observedGeneration: generation,
  };
  const conditions = previous?.conditions ?? [];
  const told: NewCondition[] = [{ type: 'Reconciling', status: 'False', ...about }];
  // Of a group that nobody has ever looked at.
  if (!conditions.some(({ type, reason }) => type === 'Ready' && reason !== about.reason))
    told.push({ type: 'Ready', status: 'Unknown', ...about });
  return { ...previous, conditions: setConditions(conditions, told, nowMs) };
}
