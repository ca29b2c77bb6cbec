import { count } from '../../../lib/count.ts';
import { describeError } from '../../../lib/errors.ts';
import { formatDuration } from '../../../view/format.ts';
import type { LimitedBy, Wanted } from './desired-replicas.ts';
import {
  addSample,
  drainOf,
  standsStill,
  type LagSample,
  type LagShard,
  type Measure,
} from './lag-samples.ts';
import { named } from '../named.ts';

/*
 * How many workers keep the lag of every shard below a target. A shard that is behind is pressed; how fast it has to drain to be
 * back in time, against how fast it does, says over how many workers the shards of its worker should be spread. Each such
 * measure also teaches how much one worker does at most, and by that workers are let go when less comes in; while nothing
 * has been learned, a few go at a time, and it is seen what happens.
 */

/** One look at a group. */
export interface LagLook {
  /** Monotonic ms. */
  nowMs: number;
  /** Nobody is to read: what runs stays, and nothing is started that would only wait. */
  isPaused?: boolean;
  /** Shards that can be read now; undefined = the rows could not be read. */
  shards: readonly LagShard[] | undefined;
  liveWorkers: number;
  /** What the Deployment asks for. */
  currentReplicas: number;
  /** Of a group without a worker: whether a record waits, and what was found; undefined = nobody has looked. */
  waiting?: { why: string | undefined; error: unknown } | undefined;
  /** Of the newest pod template that a worker runs: what was learned of another says nothing. */
  revision: number;
}

/** What is remembered from look to look; lost, it makes us slower to shrink. */
export interface LagHistory {
  samples: readonly LagSample[];
  /** Load per second that one worker was seen to process at most; and when, monotonic ms. */
  capacity: number | undefined;
  learnedMs: number;
  revision: number;
  /** Positions at the last look, and since when they are what they are; monotonic ms. */
  positions: string;
  stillSinceMs: number;
  /** Of workers asked for, not all were there: how many were asked for, and since when that is so; monotonic ms. */
  awaited: { replicas: number; sinceMs: number } | undefined;
}

export const NO_LAG_HISTORY: LagHistory = {
  samples: [],
  capacity: undefined,
  learnedMs: -Infinity,
  revision: -1,
  positions: '',
  stillSinceMs: Infinity,
  awaited: undefined,
};

export interface LagTarget {
  targetMs: number;
  /** Lanes of a shard, `handler.parallelizationFactor`. */
  lanes: number;
  /** To be without a worker while no record comes. */
  mayBeZero: boolean;
  /** Between two words of a worker about its lag, ms; default 5,000. */
  beatMs?: number;
  /** A position is written no more often than this, ms; default 0. */
  checkpointMs?: number;
  /** Why nobody would see that a record comes when there is no worker; undefined = it would be seen. */
  blind?: string | undefined;
}

/** A drain is measured over so many beats, each of which may come a look late; and at least as long, ms. */
const MEASURE_BEATS = 4;
const MEASURE_MS = 20_000;
/** A shard is pressed above this share of the target, and calm below half of that. */
const PRESSED_SHARE = 0.5;
/** Until workers that are asked for now have their shards, ms: as far as lag is looked ahead. */
const LEAD_MS = 45_000;
/** Workers that are not there after this long may never come, ms: a Deployment's own `progressDeadlineSeconds`. */
const AWAITED_MS = 600_000;
/** In this time, or the target's if that is longer, a shard should be back, ms. */
const RECOVERY_MS = 60_000;
/** A drain below this is not told from none. */
const LEAST_DRAIN = 0.1;
/** What is missing below this is not worth a worker. */
const TOLERANCE = 0.1;
/** Workers are filled to this share of what they can do. */
const FILL = 0.8;
/** Without a measure of what a worker can do, this share of them is let go at a time, and at least one. */
const PROBE_SHARE = 0.2;
/** What a worker can do may be more by now: by twice as much after this long, ms. */
const DOUBTED_MS = 12 * 3_600_000;
/** After this long without a record there is nothing to do, ms. */
const IDLE_MS = 60_000;

const FIRST = 'one worker begins, and its lag tells how many are needed';

/** Before bounds and stabilisation, which are `desiredReplicas`'. */
export function wantedForLag(
  look: LagLook,
  target: LagTarget,
  history: LagHistory,
): Wanted & { history: LagHistory } {
  const { currentReplicas: current, shards, nowMs } = look;
  if (look.isPaused)
    return { ...stay(look, undefined, 'the group is paused'), history: { ...history, samples: [] } };
  // What happens meanwhile is measured by nobody, and workers may have been as blind.
  if (!shards)
    return {
      ...stay(look, 'UnknownLag', 'the rows could not be read'),
      history: { ...history, samples: [] },
    };
  const at = { nowMs, measureMs: Math.max(MEASURE_MS, MEASURE_BEATS * (target.beatMs ?? 0)) };
  const seen = remember(history, { ...look, ...at }, shards);
  if (current === 0) return { ...wake(look, target), history: seen };
  const owned = shards.filter(({ worker }) => worker !== undefined);
  const pressed = owned.filter(({ lagMs = 0 }) => lagMs > target.targetMs * PRESSED_SHARE);
  const learned = learn(seen, { owned, pressed, at });
  if (pressed.length > 0)
    return { ...grow(look, { owned, pressed, at, target, history: seen }), history: learned };
  return { ...shrink(look, { shards, target, history: learned }), history: learned };
}

function stay(
  { currentReplicas }: Pick<LagLook, 'currentReplicas'>,
  limitedBy: LimitedBy | undefined,
  reason: string,
): Wanted {
  return { replicas: currentReplicas, limitedBy, reason };
}

function wake({ waiting }: LagLook, { mayBeZero }: LagTarget): Wanted {
  if (!waiting || !mayBeZero || waiting.why !== undefined)
    return { replicas: 1, limitedBy: undefined, reason: (mayBeZero && waiting?.why) || FIRST };
  if (waiting.error === undefined) return { replicas: 0, limitedBy: undefined, reason: 'no record waits' };
  const reason = `whether records wait could not be found out: ${describeError(waiting.error)}`;
  return { replicas: 0, limitedBy: 'UnknownLag', reason };
}

function remember(history: LagHistory, look: LagLook & Measure, shards: readonly LagShard[]): LagHistory {
  const { nowMs, measureMs, revision, liveWorkers, currentReplicas: replicas } = look;
  const positions = shards
    .map(({ shardId, position }) => `${shardId}:${position}`)
    .sort()
    .join(' ');
  const since = history.awaited?.replicas === replicas ? history.awaited : { replicas, sinceMs: nowMs };
  return {
    samples: addSample(history.samples, { shards, liveWorkers, nowMs, measureMs }),
    capacity: revision === history.revision ? history.capacity : undefined,
    learnedMs: history.learnedMs,
    revision,
    positions,
    stillSinceMs: positions === history.positions ? history.stillSinceMs : nowMs,
    awaited: liveWorkers < replicas ? since : undefined,
  };
}

/** What a worker with more than one shard does while records wait for it; one shard alone may be slow for reasons of its own. */
function learn(
  history: LagHistory,
  { owned, pressed, at }: { owned: readonly LagShard[]; pressed: readonly LagShard[]; at: Measure },
): LagHistory {
  const { samples, capacity } = history;
  const loads = byWorker(owned);
  if (pressed.length === 0) {
    // What was learned while the load still rose was too little.
    const most = Math.max(0, ...[...loads.values()].map(totalLoad));
    return capacity && most > capacity ? { ...history, capacity: most, learnedMs: at.nowMs } : history;
  }
  const measured = [...byWorker(pressed.filter((shard) => drainOf(samples, shard, at) !== undefined)).keys()]
    .map((worker) => loads.get(worker)!)
    .filter((shards) => shards.length > 1 && !shards.some(({ isStuck }) => isStuck))
    .map(totalLoad)
    .filter((load) => load > 0);
  if (measured.length === 0) return history;
  const average = measured.reduce((sum, load) => sum + load, 0) / measured.length;
  return { ...history, capacity: average, learnedMs: at.nowMs };
}

function grow(
  look: LagLook,
  {
    owned,
    pressed,
    at,
    target,
    history,
  }: {
    owned: readonly LagShard[];
    pressed: readonly LagShard[];
    at: Measure;
    target: LagTarget;
    history: LagHistory;
  },
): Wanted {
  const { currentReplicas: current } = look;
  const stuck = pressed.filter((shard) => standsStill(history.samples, shard, at));
  const ids = (shards: readonly LagShard[]) => named(shards.map(({ shardId }) => shardId));
  if (stuck.length === pressed.length)
    return stay(look, 'StuckShards', `${ids(stuck)} stand still, and not for want of workers`);
  const waits = stay(look, 'Measuring', `waits for ${count(current, 'worker')} to be there`);
  const { awaited } = history;
  if (awaited && at.nowMs - awaited.sinceMs < AWAITED_MS) return waits;
  const needs = new Map<string, number>();
  let isMeasured = true;
  for (const shard of pressed.filter((each) => !stuck.includes(each))) {
    const drain = drainOf(history.samples, shard, at);
    if (drain === undefined) isMeasured = false;
    else {
      const laterMs = shard.lagMs! + (1 - drain) * LEAD_MS;
      const need = neededDrain(laterMs, target.targetMs) / Math.max(drain, LEAST_DRAIN);
      needs.set(shard.worker!, Math.max(need, needs.get(shard.worker!) ?? 0));
    }
  }
  if (!isMeasured)
    return stay(look, 'Measuring', 'shards are behind; how fast they are read is being measured');
  let workers = 0;
  const alone: LagShard[] = [];
  for (const [worker, shards] of byWorker(owned)) {
    const need = needs.get(worker) ?? 1;
    workers += Math.min(shards.length, Math.max(1, need));
    if (shards.length === 1 && need > 1 + TOLERANCE) alone.push(shards[0]!);
  }
  const replicas = Math.ceil(workers - TOLERANCE);
  if (replicas > current)
    return { replicas, limitedBy: undefined, reason: 'shards fall behind, or drain too slowly' };
  if (awaited) return waits;
  if (alone.length > 0) {
    const lanes = `handler.parallelizationFactor (now ${target.lanes})`;
    const reason = `${ids(alone)}: behind with a worker of its own, where no other can help; raise ${lanes}, or split the shard`;
    return stay(look, 'HotShard', reason);
  }
  return stay(look, undefined, 'what is behind drains fast enough');
}

/** 1 at half of the target: as fast as it comes in. Above it, so much faster that it is back in time. */
function neededDrain(lagMs: number, targetMs: number): number {
  return 1 + (lagMs - targetMs * PRESSED_SHARE) / Math.max(RECOVERY_MS, targetMs);
}

function shrink(
  look: LagLook,
  { shards, target, history }: { shards: readonly LagShard[]; target: LagTarget; history: LagHistory },
): Wanted {
  const { currentReplicas: current, liveWorkers, nowMs } = look;
  const calm = (target.targetMs * PRESSED_SHARE) / 2;
  const untold = shards.filter(({ lagMs, worker }) => lagMs === undefined || worker === undefined);
  if (untold.length > 0)
    return stay(
      look,
      'UnknownLag',
      `nobody says how far ${named(untold.map(({ shardId }) => shardId))} is behind`,
    );
  if (shards.some(({ lagMs = 0 }) => lagMs > calm))
    return stay(look, undefined, `the lag is below ${formatDuration(target.targetMs)}`);
  const isIdle =
    target.mayBeZero &&
    nowMs - history.stillSinceMs >= Math.max(IDLE_MS, 2 * (target.checkpointMs ?? 0)) &&
    shards.every(({ lagMs }) => lagMs! < 1_000);
  if (isIdle && target.blind === undefined)
    return { replicas: 0, limitedBy: undefined, reason: 'no record comes' };
  // For want of room, a quota or an image they may never come, and those that are there do without them.
  if (liveWorkers < current) {
    const reason = `no shard is behind; ${liveWorkers} of ${count(current, 'worker')} are there, and no more are needed`;
    return { replicas: Math.max(1, liveWorkers), limitedBy: undefined, reason };
  }
  const { capacity, learnedMs } = history;
  const few =
    capacity === undefined
      ? current - Math.max(1, Math.floor(current * PROBE_SHARE))
      : Math.ceil(totalLoad(shards) / (capacity * FILL * 2 ** ((nowMs - learnedMs) / DOUBTED_MS)));
  const replicas = Math.min(current, Math.max(1, few));
  if (replicas === current)
    return stay(
      look,
      undefined,
      (isIdle && target.blind) ||
        `${count(current, 'worker')} ${current === 1 ? 'keeps' : 'keep'} the lag below ${formatDuration(target.targetMs)}`,
    );
  const why = capacity === undefined ? 'fewer workers are tried' : 'fewer workers can do what comes in';
  return { replicas, limitedBy: undefined, reason: `no shard is behind; ${why}` };
}

function byWorker(shards: readonly LagShard[]): Map<string, LagShard[]> {
  const found = new Map<string, LagShard[]>();
  for (const shard of shards) {
    const worker = shard.worker!;
    found.set(worker, [...(found.get(worker) ?? []), shard]);
  }
  return found;
}

function totalLoad(shards: readonly LagShard[]): number {
  return shards.reduce((sum, { load }) => sum + load, 0);
}
