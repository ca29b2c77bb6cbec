import type { GroupRows } from '../leases/group-rows.ts';
import type { StoredObject } from '../kubernetes/cluster.ts';
import type { GroupView } from '../view/group-view.ts';
import { desiredReplicas, type ReplicasDecision, type ReplicasInput } from './plan/desired-replicas.ts';
import { readableShards } from './plan/readable-shards.ts';
import { replicasOf } from './plan/desired-objects.ts';
import { lagLook } from './plan/lag-look.ts';
import { wantedForLag } from './plan/wanted-for-lag.ts';
import type { StreamFacts } from './plan/group-facts.ts';
import { concernsImport } from './reconcile-import.ts';
import { lookAgain, type PlacedPass } from './reconcile-context.ts';

/** How many workers the group gets, from what this pass knows. */
export function decideReplicas(
  pass: PlacedPass,
  {
    stream,
    view,
    rows,
    existing,
    isFresh,
  }: {
    stream: StreamFacts;
    view: GroupView | undefined;
    rows: GroupRows | undefined;
    existing: StoredObject | undefined;
    /** The rows were read in this pass. */
    isFresh: boolean;
  },
): ReplicasDecision {
  const { group, memory, options } = pass;
  const { scaling, desiredState } = group.spec;
  const currentReplicas = replicasOf(existing);
  const none = { limitedBy: undefined, window: [], againInMs: undefined };
  if (memory.claim?.verdict === 'refused')
    return { ...none, replicas: 0, reason: 'the group id is not ours' };
  const isPauseUnknown = desiredState === 'Paused' && pass.failures.some(({ step }) => step === 'pause');
  if ((memory.claim === undefined && desiredState !== 'Stopped') || isPauseUnknown) {
    // A new worker reads unless it is told not to.
    const reason = isPauseUnknown ? 'the pause is not written yet' : 'the group id is not claimed yet';
    return { ...none, replicas: currentReplicas ?? 0, reason, limitedBy: 'UnknownShards' };
  }
  const { facts } = memory.import;
  if (concernsImport(group, rows) && !facts?.isSettled && desiredState !== 'Stopped') {
    const reason = 'the positions of the other consumer are imported first';
    if (facts) return { ...none, replicas: 0, reason };
    return { ...none, replicas: currentReplicas ?? 0, reason, limitedBy: 'UnknownShards' };
  }
  const decision = desiredReplicas({
    desiredState: desiredState === 'Shadow' ? 'Running' : desiredState,
    scaling: scalingOf(pass, { view, rows, currentReplicas, isFresh }),
    readableShards: readableShards({ stream, view, isNew: existing === undefined }),
    resharding: stream.summary?.status === 'UPDATING' || (view?.resharding ?? false),
    currentReplicas,
    stabilizationMs: scaling.scaleDown.stabilizationSeconds * 1000,
    window: memory.window,
    nowMs: options.clock.monotonic(),
  });
  memory.window = decision.window;
  if (decision.againInMs !== undefined) lookAgain(pass, decision.againInMs);
  return decision;
}

function scalingOf(
  { group, memory, options }: PlacedPass,
  {
    view,
    rows,
    currentReplicas,
    isFresh,
  }: {
    view: GroupView | undefined;
    rows: GroupRows | undefined;
    currentReplicas: number | undefined;
    isFresh: boolean;
  },
): ReplicasInput['scaling'] {
  const { scaling, leases, handler } = group.spec;
  const bounds = { min: scaling.minReplicas, max: scaling.maxReplicas };
  const { maxPerWorker } = leases;
  if (scaling.mode === 'Fixed' || scaling.mode === 'External')
    return { mode: 'fixed', wanted: scaling.replicas, ...bounds };
  if (scaling.mode === 'ShardCount')
    return { mode: 'shards', shardsPerWorker: scaling.shardsPerWorker, maxPerWorker, ...bounds };
  const { history, ...wanted } = wantedForLag(
    lagLook({
      view: isFresh ? view : undefined,
      rows,
      currentReplicas: currentReplicas ?? 0,
      nowMs: options.clock.monotonic(),
    }),
    {
      targetMs: (scaling.targetLagSeconds ?? 0) * 1000,
      lanes: handler.parallelizationFactor,
      mayBeZero: false,
    },
    memory.lagHistory,
  );
  memory.lagHistory = history;
  return { mode: 'lag', wanted, maxPerWorker, ...bounds };
}
