import {
  desiredReplicas,
  type ReplicasInput,
  type Want,
} from '../../src/operator/plan/scaling/desired-replicas.ts';
import { NO_LAG_HISTORY, wantedForLag } from '../../src/operator/plan/scaling/wanted-for-lag.ts';
import { STEP_S, type GroupModel } from './group-model.ts';

/** Says after each step how many pods are to run. */
export type Scaler = (model: GroupModel, atS: number) => number;

export const TARGET_S = 60;
const MIN = 1;
const MAX = 100;

/** The operator's own deciders, as one pass calls them. */
function operator(scalingOf: (model: GroupModel, atS: number) => ReplicasInput['scaling']): Scaler {
  let window: readonly Want[] = [];
  return (model, atS) => {
    const decision = desiredReplicas({
      desiredState: 'Running',
      scaling: scalingOf(model, atS),
      readableShards: model.parallel,
      resharding: model.resharding,
      currentReplicas: model.asked,
      stabilizationMs: 300_000,
      window,
      nowMs: atS * 1000,
    });
    ({ window } = decision);
    return decision.replicas;
  };
}

export function byShards(shardsPerWorker: number): Scaler {
  return operator(() => ({ mode: 'shards', shardsPerWorker, maxPerWorker: undefined, min: MIN, max: MAX }));
}

export function byLag(): Scaler {
  let history = NO_LAG_HISTORY;
  return operator((model, atS) => {
    const wanted = wantedForLag(
      {
        nowMs: atS * 1000,
        shards: model.look(),
        liveWorkers: model.workers,
        currentReplicas: model.asked,
        revision: 1,
      },
      { targetMs: TARGET_S * 1000, lanes: 1, mayBeZero: false },
      history,
    );
    ({ history } = wanted);
    return { mode: 'lag', wanted, maxPerWorker: undefined, min: MIN, max: MAX };
  });
}

/** Every 15 s, from the average of the last minute; what kubernetes 1.37's HPA does by default. */
const HPA = { syncS: 15, metricS: 60, tolerance: 0.1, stabilizationS: 300 };

/**
 * A HorizontalPodAutoscaler on CPU, through mode External. CPU stands for work here: a handler that waits for somebody else shows
 * less of it, and scales worse.
 */
export function byCpu(target: number): Scaler {
  let asked = MIN;
  const used: number[] = [];
  let wants: { atS: number; replicas: number }[] = [];
  const clamp = operator(() => ({ mode: 'fixed', wanted: asked, min: MIN, max: MAX }));
  return (model, atS) => {
    used.push(model.utilisation);
    if (used.length > HPA.metricS / STEP_S) used.shift();
    if (atS % HPA.syncS === 0 && model.workers > 0) {
      const ratio = used.reduce((sum, each) => sum + each, 0) / used.length / target;
      const raw = Math.abs(ratio - 1) <= HPA.tolerance ? model.asked : Math.ceil(model.workers * ratio);
      // At most twice as many, or four more, in 15 s.
      const wanted = Math.min(MAX, Math.max(MIN, Math.min(raw, Math.max(2 * model.asked, model.asked + 4))));
      wants = [...wants.filter((want) => atS - want.atS <= HPA.stabilizationS), { atS, replicas: wanted }];
      asked = wanted > asked ? wanted : Math.min(asked, Math.max(...wants.map(({ replicas }) => replicas)));
    }
    return clamp(model, atS);
  };
}
