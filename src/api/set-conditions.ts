import { kubernetesTime, type ConditionStatus } from './conditions.ts';

interface AnyCondition {
  type: string;
  status: ConditionStatus;
  observedGeneration?: number | undefined;
  lastTransitionTime: string;
  reason: string;
  message: string;
}

/**
 * `conditions` with each of `told` in place of the one of its type, or at the end. The transition time stays unless the
 * status changes, so that it says since when.
 * @param nowMs wall clock, ms since the epoch
 */
export function setConditions(
  conditions: readonly AnyCondition[],
  told: readonly Omit<AnyCondition, 'lastTransitionTime'>[],
  nowMs: number,
): AnyCondition[] {
  const next = [...conditions];
  for (const condition of told) {
    const at = next.findIndex(({ type }) => type === condition.type);
    const old = next[at];
    const lastTransitionTime =
      old?.status === condition.status ? old.lastTransitionTime : kubernetesTime(nowMs);
    next[old ? at : next.length] = { ...condition, lastTransitionTime };
  }
  return next;
}
