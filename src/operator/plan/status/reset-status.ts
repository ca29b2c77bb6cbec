import { kubernetesTime } from '../../../api/conditions.ts';
import {
  RESET_NOTES_MAX,
  RESET_SHARDS_MAX,
  type OffsetResetStatus,
} from '../../../api/offset-reset-status.ts';
import { targetOf, type OffsetResetSpec } from '../../../api/offset-reset.ts';
import { setConditions } from '../../../api/set-conditions.ts';
import { LINE_MAX } from '../../../api/status-fields.ts';
import type { ResetResult, ResetStep } from '../../offset-reset.ts';

/** The whole status of a reset after a step. `previous` lends the times at which conditions turned. Pure. */
export function resetStatus(
  step: ResetStep,
  {
    spec,
    groupId,
    generation,
    previous,
    nowMs,
  }: {
    /** Undefined: it cannot be read. */
    spec: OffsetResetSpec | undefined;
    groupId: string | undefined;
    generation: number;
    previous: OffsetResetStatus | undefined;
    nowMs: number;
  },
): OffsetResetStatus {
  const time = step.outcome === 'waiting' ? undefined : kubernetesTime(nowMs);
  return {
    observedGeneration: generation,
    conditions: conditionsOf(step, { previous, generation, nowMs }),
    ...(groupId === undefined ? {} : { groupId }),
    ...(spec ? { target: targetOf(spec).slice(0, 256) } : {}),
    ...(time ? { completionTime: time } : {}),
    ...(step.outcome === 'done' ? resultStatus(step.result) : {}),
  };
}

/** Nothing more happens until somebody does something. */
export function isStalled(step: ResetStep): boolean {
  return step.outcome === 'failed' || (step.outcome === 'waiting' && step.isStalled === true);
}

function conditionsOf(
  step: ResetStep,
  {
    previous,
    generation,
    nowMs,
  }: { previous: OffsetResetStatus | undefined; generation: number; nowMs: number },
) {
  const { outcome, reason, message } = step;
  const failed = isStalled(step);
  const isWaiting = outcome === 'waiting' && !failed;
  const is = (holds: boolean) => (holds ? ('True' as const) : ('False' as const));
  const told = [
    { type: 'Complete', status: is(outcome === 'done'), reason, message },
    {
      type: 'Reconciling',
      status: is(isWaiting),
      reason: isWaiting ? 'UnderWay' : 'Done',
      message: isWaiting ? message : 'nothing is under way',
    },
    {
      type: 'Stalled',
      status: is(failed),
      reason: failed ? reason : 'NotFailed',
      message: failed ? message : 'it has not failed',
    },
  ];
  const about = { observedGeneration: generation };
  return setConditions(
    previous?.conditions ?? [],
    told.map((condition) => ({ ...condition, ...about })),
    nowMs,
  );
}

function resultStatus({ moved, unchanged, notes, snapshot }: ResetResult): Partial<OffsetResetStatus> {
  const left = moved.length - RESET_SHARDS_MAX;
  const more = left > 0 ? [`${left} more shards moved; the snapshot has all of them`] : [];
  return {
    moved: moved.length,
    unchanged,
    ...(snapshot
      ? {
          startTime: kubernetesTime(snapshot.at),
          snapshot: { id: snapshot.id, expiryTime: kubernetesTime(snapshot.expiresAt) },
        }
      : {}),
    shards: moved.slice(0, RESET_SHARDS_MAX).map(({ shardId, from, to, why }) => ({
      shardId,
      ...(from === undefined ? {} : { from }),
      to,
      why: why.slice(0, LINE_MAX),
    })),
    notes: [...more, ...notes].slice(0, RESET_NOTES_MAX).map((note) => note.slice(0, LINE_MAX)),
  };
}
