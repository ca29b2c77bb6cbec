import type { KinesisConsumerGroup } from '../../../api/group.ts';
import { desiredReplicas, type ReplicasDecision, type ReplicasInput } from './desired-replicas.ts';
import { scheduleBounds, type Bounds } from './schedule-bounds.ts';

type Spec = Pick<KinesisConsumerGroup, 'spec'>;

/** How many workers the spec asks for, lag left out. */
export function scalingBySpec(
  { spec: { scaling, leases } }: Spec,
  { min, max }: Bounds,
): ReplicasInput['scaling'] {
  if (scaling.mode === 'Fixed' || scaling.mode === 'External')
    return { mode: 'fixed', wanted: scaling.replicas, min, max };
  const { shardsPerWorker } = scaling;
  return { mode: 'shards', shardsPerWorker, maxPerWorker: leases.maxPerWorker, min, max };
}

/** A shadow is scaled as one that runs. */
export function scaledState({ spec: { desiredState } }: Spec): ReplicasInput['desiredState'] {
  return desiredState === 'Shadow' ? 'Running' : desiredState;
}

/** A bound that an open window has set is told by the window's name. */
export function tellSchedule(decision: ReplicasDecision, { minBy, maxBy }: Bounds): ReplicasDecision {
  const by =
    decision.limitedBy === 'MinReplicas' ? minBy : decision.limitedBy === 'MaxReplicas' ? maxBy : undefined;
  if (by === undefined) return decision;
  return { ...decision, limitedBy: 'Schedule', reason: `${decision.reason}; schedule ${by} is open` };
}

/**
 * How few and how many a group comes to that reads so many shards, once nothing holds it back; they differ where its lag decides, or
 * others do through the scale subresource.
 * @param nowMs wall clock, for schedules
 */
export function replicasBySpec(
  group: Spec,
  readableShards: number,
  nowMs: number,
): [least: ReplicasDecision, most: ReplicasDecision] {
  const { scaling, leases } = group.spec;
  const bounds = scheduleBounds(scaling, nowMs);
  const { min, max } = bounds;
  const settled = { currentReplicas: undefined, resharding: false, stabilizationMs: 0, window: [], nowMs: 0 };
  const decide = (by: ReplicasInput['scaling']) => {
    const input = { ...settled, desiredState: scaledState(group), readableShards, scaling: by };
    return tellSchedule(desiredReplicas(input), bounds);
  };
  const asked = (replicas: number) => {
    if (scaling.mode === 'External') return decide({ mode: 'fixed', wanted: replicas, min, max });
    const wanted = { replicas, reason: 'whatever its lag is', limitedBy: undefined };
    return decide({ mode: 'lag', wanted, maxPerWorker: leases.maxPerWorker, min, max });
  };
  if (scaling.mode === 'Lag' || scaling.mode === 'External') return [asked(min), asked(Infinity)];
  const decision = decide(scalingBySpec(group, bounds));
  return [decision, decision];
}
