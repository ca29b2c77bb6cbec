import { readCron, type Schedule } from '../../../api/schedule-spec.ts';

/** How few and how many workers there may be at one moment. */
export interface Bounds {
  min: number;
  max: number;
  /** The schedule that the bound is of; undefined = the spec's own. */
  minBy: string | undefined;
  maxBy: string | undefined;
  /** Until the next window opens or closes, ms; undefined = there is none. */
  changesInMs: number | undefined;
}

/**
 * The bounds of the spec, but for those that an open window replaces. Of several open windows the greatest least and the least
 * greatest hold, and where these meet, the greatest number of workers is the stronger: it guards the bill and what is downstream.
 * @param nowMs wall clock, ms since the epoch
 */
export function scheduleBounds(
  { minReplicas, maxReplicas, schedules = [] }: ScheduledScaling,
  nowMs: number,
): Bounds {
  const edges = schedules.map((schedule) => ({ schedule, ...edgesOf(schedule, nowMs) }));
  const open = edges.filter(({ closesMs, opensMs }) => closesMs < opensMs).map(({ schedule }) => schedule);
  const [floor] = open
    .filter((each) => each.minReplicas !== undefined)
    .toSorted((a, b) => b.minReplicas! - a.minReplicas!);
  const [ceiling] = open
    .filter((each) => each.maxReplicas !== undefined)
    .toSorted((a, b) => a.maxReplicas! - b.maxReplicas!);
  const max = ceiling?.maxReplicas ?? maxReplicas;
  const next = Math.min(...edges.flatMap(({ opensMs, closesMs }) => [opensMs, closesMs]));
  return {
    min: Math.min(floor?.minReplicas ?? minReplicas, max),
    max,
    minBy: floor?.name,
    maxBy: ceiling?.name,
    changesInMs: Number.isFinite(next) ? next - nowMs : undefined,
  };
}

interface ScheduledScaling {
  minReplicas: number;
  maxReplicas: number;
  schedules?: readonly Schedule[] | undefined;
}

/** A window is open when it closes before it opens again. */
function edgesOf({ start, end, timeZone }: Schedule, nowMs: number): { opensMs: number; closesMs: number } {
  const now = new Date(nowMs);
  const next = (pattern: string) => readCron(pattern, timeZone).nextRun(now)?.getTime() ?? Infinity;
  return { opensMs: next(start), closesMs: next(end) };
}
