import { CONDITIONS, type ConditionType } from '../api/conditions.ts';
import { RECONCILE_PAUSED_ANNOTATION, RESUME_ANNOTATION } from '../api/labels.ts';
import { adviceOn, type Problem, type Severity } from './problem.ts';
import { count } from '../lib/count.ts';
import { formatDuration } from './format.ts';
import { desiredStateOf, statusOf, type GroupPicture } from './group-picture.ts';
import { isThrough, rowTroubles, silentWorkers } from './row-problems.ts';

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
/** What the operator says. */
function conditions(picture: GroupPicture): Problem[] {
  const { conditions: all = [] } = statusOf(picture);
  const isAsked = desiredStateOf(picture) !== 'Running' || isThrough(picture);
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
    next: adviceOn(type, reason),
  }));
}

function severityOf(type: string, reason: string): Severity {
  if (AS_ASKED.has(reason) || NOT_AS_ASKED.has(reason) || type === 'ScalingLimited') return 'note';
  return WARNINGS.has(type) || ON_ITS_WAY.has(reason) ? 'warning' : 'error';
}

function isAbnormal(type: string): boolean {
  return Object.hasOwn(CONDITIONS, type) && CONDITIONS[type as ConditionType].abnormal;
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
    observedGeneration <= 0 // -1 is the definition's default
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

/** Without a condition nobody else says it, and rows of before look well. */
function streamIsMissing({ unknown }: GroupPicture): Problem[] {
  const missing = unknown.find(({ what, isMissing }) => what === 'stream' && isMissing);
  if (!missing) return [];
  return [{ severity: 'error', reason: 'StreamNotFound', what: missing.why, next: undefined }];
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

function givenUp({ view, group, object }: GroupPicture): Problem[] {
  if (!view?.givenUp) return [];
  const { records, shardId, why, at } = view.givenUp;
  const what = `${count(records, 'record')} given up so far, redriven since or not; the last on ${shardId} at ${new Date(at).toISOString()}: ${why}.`;
  const inDev =
    object === undefined ? ' Under kcg dev its folder has them: kcg redrive --from given-up.' : '';
  return [{ severity: 'note', reason: 'RecordsGivenUp', what, next: `${redriveOf(group)}${inDev}` }];
}

/** By where they are kept. */
function redriveOf(group: GroupPicture['group']): string {
  const { sqs, sns, s3 } = group?.spec.handler.onFailure ?? {};
  if (group === undefined || sqs || s3) return 'Hand them over again: kcg redrive.';
  if (sns) return 'Hand them over again from a queue that is subscribed to the topic: kcg redrive --from.';
  return 'The log of the workers (RecordsGivenUp) has their positions in the stream. With handler.onFailure those to come are kept for kcg redrive.';
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
  const before = picture.object?.metadata.annotations?.[RESUME_ANNOTATION] ?? 'Running';
  const next =
    state === 'Shadow'
      ? 'Set spec.desiredState to Running, and the handler gets them.'
      : `kcg resume sets it to ${before}.`;
  return [{ severity: 'note', reason: state, what: what[state] ?? state, next }];
}

const CHECKS: readonly Check[] = [
  nothingKnown,
  invalidSpec,
  conditions,
  operatorIsBehind,
  streamIsMissing,
  rowTroubles,
  podTroubles,
  silentWorkers,
  givenUp,
  asAsked,
];
