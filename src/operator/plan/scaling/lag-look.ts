import type { GroupRows } from '../../../leases/group-rows.ts';
import type { GroupView, WorkerView } from '../../../view/group-view.ts';
import { troubleOf } from '../../../view/owner-facts.ts';
import { formatCheckpoint } from '../status/compute-status.ts';
import type { LagShard } from './lag-samples.ts';
import type { LagLook } from './wanted-for-lag.ts';

/** What the rows tell of the lag; of an earlier look they tell nothing of this moment. */
export function lagLook({
  view,
  rows,
  currentReplicas,
  waiting,
  isPaused,
  nowMs,
}: {
  /** Undefined = the rows could not be read now. */
  view: GroupView | undefined;
  rows: GroupRows | undefined;
  currentReplicas: number;
  waiting: LagLook['waiting'];
  isPaused: boolean;
  /** Monotonic ms. */
  nowMs: number;
}): LagLook {
  const live = view?.workers.filter(({ row }) => row.state === 'live') ?? [];
  return {
    nowMs,
    isPaused,
    shards: view && rows && shardsOf(view, rows),
    liveWorkers: live.length,
    currentReplicas,
    waiting,
    revision: Math.max(0, ...live.map(({ row }) => row.revision)),
  };
}

function shardsOf({ shards, workers: views }: GroupView, rows: GroupRows): LagShard[] {
  const workers = new Map(rows.workers.map((row) => [row.worker, row]));
  const failsOnSome = new Set(views.filter((view) => isInPart(view)).map(({ worker }) => worker));
  const leases = new Map(rows.leases.map((lease) => [lease.shardId, lease]));
  return shards
    .filter(({ state }) => state !== 'ended' && state !== 'waiting')
    .map(({ shardId, state, owner, lagMs, checkpoint, judged }) => {
      const lease = leases.get(shardId);
      const trouble = lease && troubleOf(lease, workers);
      const isOfSome = owner !== undefined && failsOnSome.has(owner);
      return {
        shardId,
        worker: state === 'consuming' ? owner : undefined,
        lagMs,
        load: lease?.load ?? 0,
        position: checkpoint ? formatCheckpoint(checkpoint) : '',
        isStuck: judged?.judgement === 'Stalled' || (trouble !== undefined && (isOfSome ? 'perhaps' : true)),
      };
    });
}

/** The handler fails on some of the worker's shards: it says on how many, and not on which. */
function isInPart({ row: { handlerTrouble, readTrouble }, shards }: WorkerView): boolean {
  const failing = handlerTrouble?.shards ?? 0;
  return readTrouble === undefined && failing > 0 && failing < shards;
}
