import { CONDITIONS, type ConditionType } from '../api/conditions.ts';
import { RECONCILE_PAUSED_ANNOTATION } from '../api/labels.ts';
import { count, figure } from '../lib/count.ts';
import { formatDuration } from './format.ts';
import { desiredStateOf, statusOf, type GroupPicture } from './group-picture.ts';

/** `error`: work stands or records are in danger. `warning`: it will, or nobody can tell. `note`: as asked, and good to know. */
export type Severity = 'error' | 'warning' | 'note';

export interface Problem {
  severity: Severity;
  /** CamelCase: the condition's reason where a condition says it. */
  reason: string;
  what: string;
  /** What to do, a sentence; undefined = nothing, or `what` says it. */
  next: string | undefined;
}

type Check = (picture: GroupPicture) => Problem[];

/** What is wrong with a group, worst first, each trouble once. */
export function problemsOf(picture: GroupPicture): Problem[] {
  const found: Problem[] = [];
  for (const check of CHECKS) {
    for (const problem of check(picture)) {
      if (!found.some(({ reason }) => reason === problem.reason)) found.push(problem);
    }
  }
  return found.toSorted((a, b) => RANK[a.severity] - RANK[b.severity]);
}

export function isTrouble({ severity }: Problem): boolean {
  return severity !== 'note';
}

const RANK: Record<Severity, number> = { error: 0, warning: 1, note: 2 };

const WARNINGS: ReadonlySet<string> = new Set(['LagWithinTarget', 'ShardsProgressing']);
/** Ready repeats the others, and what is being changed is no trouble. */
const SUMMARIES: ReadonlySet<string> = new Set(['Ready', 'Reconciling']);
const ON_ITS_WAY: ReadonlySet<string> = new Set([
  'Progressing',
  'Deleting',
  'WorkersStarting',
  'ShardsUnknown',
]);
/** It was asked for. */
const AS_ASKED: ReadonlySet<string> = new Set([
  'Paused',
  'Stopped',
  'Shadow',
  'NotConsuming',
  'NoWorkersWanted',
  'RangeReading',
]);

/** The table works, and is not as the spec says: the condition is well, its message says why. */
const NOT_AS_ASKED: ReadonlySet<string> = new Set(['TableSettingsHeld', 'TableChangeRefused']);
/** Their messages say what to do, in the words of the case: what is documented of all cases would say it twice. */
const SAYS_WHAT_TO_DO: ReadonlySet<string> = new Set([
  'RegionUnknown',
  'StreamNotFound',
  'StreamReplaced',
  'StreamAccessDenied',
  'TableNotFound',
  'TableGone',
  'TableNotAdopted',
  'TableSchemaMismatch',
  'TableAccessDenied',
  'TableReplicated',
  'TableKeyInaccessible',
  'ClaimedByOtherResource',
  'ClaimedByOtherCluster',
  'TableSettingsHeld',
]);

/** What the operator says. */
function conditions(picture: GroupPicture): Problem[] {
  const { conditions: all = [] } = statusOf(picture);
  const isAsked = desiredStateOf(picture) !== 'Running';
  // What follows from the state that was asked for is told once, by that.
  const conditions = isAsked ? all.filter(({ reason }) => !AS_ASKED.has(reason)) : all;
  const bad = conditions.filter(
    ({ type, status }) => !SUMMARIES.has(type) && (isAbnormal(type) ? status === 'True' : status === 'False'),
  );
  const ready = conditions.filter(({ type, status }) => type === 'Ready' && status !== 'True');
  const kept = conditions.filter(({ type, reason }) => type === 'TableReady' && NOT_AS_ASKED.has(reason));
  return [...bad, ...kept, ...ready].map(({ type, status, reason, message }) => ({
    // While nobody answers the workers may well go on.
    severity: status === 'Unknown' ? 'warning' : severityOf(type, reason),
    reason,
    what: message,
    next: nextOf(type, reason),
  }));
}

function severityOf(type: string, reason: string): Severity {
  if (AS_ASKED.has(reason) || NOT_AS_ASKED.has(reason) || type === 'ScalingLimited') return 'note';
  return WARNINGS.has(type) || ON_ITS_WAY.has(reason) ? 'warning' : 'error';
}

function isAbnormal(type: string): boolean {
  return Object.hasOwn(CONDITIONS, type) && CONDITIONS[type as ConditionType].abnormal;
}

/** What is documented to be done; a reason of another release is not known here. */
function nextOf(type: string, reason: string): string | undefined {
  if (!Object.hasOwn(CONDITIONS, type) || SAYS_WHAT_TO_DO.has(reason)) return undefined;
  return (CONDITIONS[type as ConditionType].reasons as Readonly<Record<string, string>>)[reason];
}

function operatorIsBehind({ object, nowMs }: GroupPicture): Problem[] {
  if (object === undefined) return [];
  const { generation = 0, creationTimestamp = '', annotations } = object.metadata;
  const { observedGeneration = 0 } = (object.status ?? {}) as { observedGeneration?: number };
  if (annotations?.[RECONCILE_PAUSED_ANNOTATION] === 'true') {
    return [
      {
        severity: 'warning',
        reason: 'ReconcilePaused',
        what: `The annotation ${RECONCILE_PAUSED_ANNOTATION} keeps the operator from changing anything.`,
        next: 'Remove it to go on; workers read on meanwhile.',
      },
    ];
  }
  if (observedGeneration >= generation) return [];
  const age = nowMs - Date.parse(creationTimestamp);
  const what =
    observedGeneration === 0
      ? `The operator has not looked at the group since it was made, ${formatDuration(age)} ago.`
      : `The operator has not looked at the spec as it is now (generation ${generation}, it knows ${observedGeneration}).`;
  const next = 'If it stays, see whether the operator runs: kcg doctor.';
  return [{ severity: 'warning', reason: 'NotObserved', what, next }];
}

function nothingKnown({ object, rows }: GroupPicture): Problem[] {
  const what = 'Neither its resource nor its rows could be read.';
  const problem: Problem = { severity: 'warning', reason: 'NothingKnown', what, next: undefined };
  return object === undefined && rows === undefined ? [problem] : [];
}

function invalidSpec({ refused }: GroupPicture): Problem[] {
  if (refused.length === 0) return [];
  return [
    {
      severity: 'error',
      reason: 'InvalidSpec',
      what: refused.join('; '),
      next: 'Correct the spec as it says.',
    },
  ];
}

/** Of pods that no condition speaks of. */
function podTroubles({ pods = [] }: GroupPicture): Problem[] {
  return pods.flatMap(({ name, trouble, terminating }) => {
    if (trouble === undefined || terminating) return [];
    const { container, reason, message } = trouble;
    const what = `${name}: ${container ? `container ${container}: ` : ''}${message || reason}`;
    return [
      {
        severity: 'warning' as const,
        reason,
        what,
        next: 'See its log and its events: kcg logs, kcg describe.',
      },
    ];
  });
}

/** What the rows say; fresher than conditions, and there without Kubernetes. */
function rowTroubles(picture: GroupPicture): Problem[] {
  const { view, rows, place } = picture;
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
      next: nextOf('ShardsCovered', 'NoLiveWorkers'),
    });
  } else if (unowned > 0) {
    const what = `${count(unowned, 'shard')} of ${figure(view.readableShards)} have no live owner.`;
    found.push({
      severity: 'warning',
      reason: 'UnownedShards',
      what,
      next: nextOf('ShardsCovered', 'UnownedShards'),
    });
  }
  if (view.handlerTrouble) {
    const { worker, error, shards } = view.handlerTrouble;
    const fails = shards === 0 ? 'cannot begin' : `fails on ${count(shards, 'shard')}`;
    const what = `The handler ${fails}; ${worker} says: ${error}`;
    const next = 'The shards wait until it succeeds; kcg logs has the rest.';
    found.push({ severity: 'error', reason: 'HandlerFailing', what, next });
  }
  return [...found, ...readTroubles(picture), ...judgements(picture), ...headroom(picture)];
}

/** All that it was to read is read, or there is nothing to read for now. */
function needsNobody(picture: GroupPicture): boolean {
  const ready = statusOf(picture).conditions?.find(({ type }) => type === 'Ready');
  return isThrough(picture) || ready?.reason === 'ScaledToZero';
}

function isThrough({ rows }: GroupPicture): boolean {
  return rows?.claim?.completedAt !== undefined;
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
    return [{ severity, reason, what, next: nextOf('ShardsProgressing', reason) }];
  });
}

const LITTLE_HEADROOM_PERCENT = 25;

function headroom({ view, stream }: GroupPicture): Problem[] {
  const { headroomPercent, maxMs, maxShardId } = view?.lag ?? {};
  if (headroomPercent === undefined || headroomPercent >= LITTLE_HEADROOM_PERCENT) return [];
  const what = `${maxShardId} is ${formatDuration(maxMs ?? 0)} behind, and the stream keeps ${stream?.retentionHours} h.`;
  return [
    { severity: 'error', reason: 'NearRetention', what, next: nextOf('CheckpointsAtRisk', 'NearRetention') },
  ];
}

/** By the clocks of two machines, so it may be theirs that differ; whoever watches knows. */
function silentWorkers({ view, silentMs, nowMs, group }: GroupPicture): Problem[] {
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

function givenUp({ view }: GroupPicture): Problem[] {
  if (!view?.givenUp) return [];
  const { records, shardId, why, at } = view.givenUp;
  const what = `${count(records, 'record')} given up, the last on ${shardId} at ${new Date(at).toISOString()}: ${why}.`;
  return [{ severity: 'note', reason: 'RecordsGivenUp', what, next: 'Hand them over again: kcg redrive.' }];
}

function asAsked(picture: GroupPicture): Problem[] {
  if (isThrough(picture)) {
    const what = 'All of spec.range is processed.';
    const next = 'Delete the group when nobody asks for its positions any more.';
    return [{ severity: 'note', reason: 'RangeRead', what, next }];
  }
  const state = desiredStateOf(picture);
  if (state === undefined || state === 'Running') return [];
  const still = picture.object === undefined && state !== 'Shadow' ? (picture.view?.ownedShards ?? 0) : 0;
  if (still > 0) {
    const told = `The file says ${state}, and ${count(still, 'shard')} still ${still === 1 ? 'has' : 'have'} a live owner.`;
    const next = 'If it stays so, what runs is not as the file says: apply the file.';
    return [{ severity: 'warning', reason: 'NotAsAsked', what: told, next }];
  }
  const what: Record<string, string> = {
    Paused: 'As asked: pods stay, and nothing is read.',
    Stopped: 'As asked: there are no pods, and nothing is read.',
    Shadow: 'As asked: records are read and counted, and handed to the handler only if it is harmless.',
  };
  return [
    { severity: 'note', reason: state, what: what[state] ?? state, next: 'kcg resume sets it to Running.' },
  ];
}

const CHECKS: readonly Check[] = [
  nothingKnown,
  invalidSpec,
  conditions,
  operatorIsBehind,
  rowTroubles,
  podTroubles,
  silentWorkers,
  givenUp,
  asAsked,
];
