import { isEnded, type Lease } from '../leases/lease.ts';
import { count, figure } from '../lib/count.ts';
import { formatDuration } from './format.ts';
import { desiredStateOf, statusOf, type GroupPicture } from './group-picture.ts';
import { adviceOn, type Problem } from './problem.ts';
import { tellTrouble } from './tell-trouble.ts';
import { whyUnowned } from './why-unowned.ts';

/** What the rows say; fresher than conditions, and there without Kubernetes. */
export function rowTroubles(picture: GroupPicture): Problem[] {
  const { view, rows, place, group } = picture;
  if (!view || !rows) return [];
  const state = desiredStateOf(picture);
  if (state === 'Paused' || state === 'Stopped') return [];
  const found: Problem[] = [];
  const living = view.workers.filter(({ alive }) => alive);
  if (rows.leases.length === 0 && living.length === 0) {
    // That no worker may run on the table is told, with what to do.
    if (statusOf(picture).conditions?.some(({ type, status }) => type === 'TableReady' && status === 'False'))
      return [];
    const what = `There is no row of the group in table ${place.table}: no worker has ever run.`;
    return [{ severity: 'warning', reason: 'NoRows', what, next: undefined }];
  }
  const unowned = needsNobody(picture) ? 0 : view.readableShards - view.ownedShards;
  if (unowned > 0 && living.length === 0) {
    const what = `No worker is alive, so nobody reads ${count(unowned, 'shard')}.`;
    found.push({
      severity: 'error',
      reason: 'NoLiveWorkers',
      what,
      next: adviceOn('ShardsCovered', 'NoLiveWorkers'),
    });
  } else if (unowned > 0) {
    const known = whyUnowned(view);
    const why = known === undefined ? '' : `: ${known.why}`;
    const what = `${count(unowned, 'shard')} of ${figure(view.readableShards)} ${unowned === 1 ? 'has' : 'have'} no live owner${why}.`;
    found.push({
      severity: 'warning',
      reason: 'UnownedShards',
      what,
      next: known?.next ?? adviceOn('ShardsCovered', 'UnownedShards'),
    });
  }
  if (view.handlerTrouble) {
    const { worker, error, shards, destination } = view.handlerTrouble;
    const what = `${tellTrouble(view.handlerTrouble).replace(/^the/, 'The')}; ${worker} says: ${error}`;
    const { retry, onFailure = {} } = group?.spec.handler ?? {};
    const givesUp = shards > 0 && (retry?.maxAttempts ?? -1) >= 0;
    const goesTo = Object.keys(onFailure).length > 0 ? 'goes to handler.onFailure' : 'is given up';
    const meanwhile = destination
      ? 'The shards wait until it does'
      : givesUp
        ? `What has used up its attempts ${goesTo}`
        : 'The shards wait until it succeeds';
    const next = `${meanwhile}; its log (kcg logs) has the rest.`;
    found.push({
      severity: 'error',
      reason: destination ? 'DestinationFailing' : 'HandlerFailing',
      what,
      next,
    });
  }
  return [
    ...found,
    ...endingOwners(picture),
    ...readTroubles(picture),
    ...judgements(picture),
    ...headroom(picture),
  ];
}

/** All that it was to read is read, or there is nothing to read for now. */
function needsNobody(picture: GroupPicture): boolean {
  const ready = statusOf(picture).conditions?.find(({ type }) => type === 'Ready');
  return isThrough(picture) || ready?.reason === 'ScaledToZero';
}

export function isThrough({ rows }: GroupPicture): boolean {
  return rows?.claim?.completedAt !== undefined;
}

/** Owners in a row: two machines may well be lost one after the other. */
const MANY_ENDINGS = 3;

function endingOwners({ rows }: GroupPicture): Problem[] {
  const endingsOf = ({ unfinished }: Lease) => unfinished?.endings ?? 0;
  const shards = rows?.leases.filter((lease) => !isEnded(lease) && endingsOf(lease) >= MANY_ENDINGS) ?? [];
  if (shards.length === 0) return [];
  const worst = shards.toSorted((a, b) => endingsOf(b) - endingsOf(a)).slice(0, 3);
  const named = worst.map((lease) => `${lease.shardId} (${endingsOf(lease)} in a row)`).join(', ');
  const more = shards.length > worst.length ? `, and ${shards.length - worst.length} more` : '';
  const what = `Workers end on ${count(shards.length, 'shard')} one after the other: ${named}${more}.`;
  const next =
    'Their last words say why (kubectl describe pod, kubectl logs --previous). A record that ends its worker is given up as handler.retry.maxAttempts says.';
  return [{ severity: 'error', reason: 'OwnersEnd', what, next }];
}

function readTroubles({ view }: GroupPicture): Problem[] {
  const failing = view?.workers.filter(({ alive, row }) => alive && row.readTrouble !== undefined) ?? [];
  const [first] = failing;
  if (!first) return [];
  const what = `Reads fail on ${count(failing.length, 'worker')} with ${first.row.readTrouble}.`;
  const next =
    first.row.readTrouble === 'Throttled'
      ? 'Too many readers share the shards: 5 reads a second each. Use EnhancedFanOut, or fewer groups a stream.'
      : "Look at the worker's log (kcg logs) and its role (kcg iam).";
  return [{ severity: 'error', reason: 'ReadsFail', what, next }];
}

const JUDGED = {
  Stalled: 'ShardsStalled',
  Stopped: 'ShardsStopped',
  Rewound: 'ShardsRewound',
  Slow: 'ShardsSlow',
} as const;

function judgements({ view }: GroupPicture): Problem[] {
  return Object.entries(JUDGED).flatMap(([judgement, reason]) => {
    const shards = view?.shards.filter(({ judged }) => judged?.judgement === judgement) ?? [];
    if (shards.length === 0) return [];
    const named = shards
      .slice(0, 3)
      .map(({ shardId, judged }) => `${shardId}${judged?.cause ? ` (${judged.cause})` : ''}`);
    const more = shards.length > 3 ? `, and ${shards.length - 3} more` : '';
    const what = `${count(shards.length, 'shard')} ${judgement.toLowerCase()}: ${named.join(', ')}${more}.`;
    const severity = judgement === 'Slow' ? ('warning' as const) : ('error' as const);
    return [{ severity, reason, what, next: adviceOn('ShardsProgressing', reason) }];
  });
}

const LITTLE_HEADROOM_PERCENT = 25;

function headroom({ view, stream }: GroupPicture): Problem[] {
  const { headroomPercent, maxMs, maxShardId } = view?.lag ?? {};
  if (headroomPercent === undefined || headroomPercent >= LITTLE_HEADROOM_PERCENT) return [];
  const what = `${maxShardId} is ${formatDuration(maxMs ?? 0)} behind, and the stream keeps ${stream?.retentionHours} h.`;
  return [
    {
      severity: 'error',
      reason: 'NearRetention',
      what,
      next: adviceOn('CheckpointsAtRisk', 'NearRetention'),
    },
  ];
}

/** By the clocks of two machines, so it may be theirs that differ; whoever watches knows. */
export function silentWorkers({ view, silentMs, nowMs, group }: GroupPicture): Problem[] {
  const leaseMs = (group?.spec.leases.durationSeconds ?? 15) * 1_000;
  const late = (view?.workers ?? []).filter(({ row, alive, worker }) => {
    const watched = silentMs.get(worker);
    const silent = watched ?? nowMs - (row.beatAt ?? nowMs);
    return alive && silent > 2 * leaseMs;
  });
  if (late.length === 0) return [];
  const names = late.map(({ worker }) => worker).join(', ');
  const what = `${names}: no beat for more than ${formatDuration(2 * leaseMs)}, by the clocks of this machine and theirs.`;
  const next = 'Watch whether it is dead: --watch.';
  return [{ severity: 'warning', reason: 'NoBeat', what, next }];
}
