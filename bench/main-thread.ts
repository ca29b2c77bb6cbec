/*
 * What the main thread of a page did, from a trace of Chromium. All times are those of its own processor time, so that what else
 * the machine does neither adds to them nor takes from them; to be traced makes each dearer.
 */

/** Of `Tracing`, as far as it is looked at: ts, dur and tdur in µs. */
interface TraceEvent {
  name: string;
  ph: string;
  pid: number;
  tid: number;
  ts: number;
  dur?: number;
  /** Processor time. */
  tdur?: number;
  args?: { name?: string };
}

/** What makes the events that are looked at here. */
export const TRACED = [
  '-*',
  'devtools.timeline',
  'disabled-by-default-devtools.timeline',
  'v8.execute',
  '__metadata',
];

export const PARTS = ['script', 'style', 'layout', 'paint', 'other'] as const;
type Part = (typeof PARTS)[number];

const PART_OF: Record<string, Part> = {
  UpdateLayoutTree: 'style',
  ParseAuthorStyleSheet: 'style',
  Layout: 'layout',
  PrePaint: 'paint',
  Paint: 'paint',
  Layerize: 'paint',
  UpdateLayer: 'paint',
  Commit: 'paint',
  EvaluateScript: 'script',
  FireAnimationFrame: 'script',
  FunctionCall: 'script',
  TimerFire: 'script',
  EventDispatch: 'script',
  RunMicrotasks: 'script',
  MinorGC: 'script',
  MajorGC: 'script',
};
/** Chromium's name for one turn of a thread's loop. */
const TURN = 'RunTask';

export interface MainThread {
  /** ms in all. */
  parts: Record<Part, number>;
  /** ms of each turn of its loop, in order: while one goes on, no frame is drawn and no key is heard. */
  turns: number[];
}

/** @param trace what `Tracing` has made, JSON */
export function mainThreadOf(trace: string): MainThread {
  const { traceEvents } = JSON.parse(trace) as { traceEvents: TraceEvent[] };
  const events = busiestMain(traceEvents).sort((a, b) => a.ts - b.ts || (b.dur ?? 0) - (a.dur ?? 0));
  const parts: MainThread['parts'] = { script: 0, style: 0, layout: 0, paint: 0, other: 0 };
  const turns: number[] = [];
  const open: { end: number; part: Part }[] = [];
  for (const { name, ts, dur = 0, tdur = 0 } of events) {
    while (open.length > 0 && open.at(-1)!.end <= ts) open.pop();
    const ms = tdur / 1_000;
    if (name === TURN && open.length === 0) turns.push(ms);
    // Each event's time is its own part's, and no longer that of what it happened in.
    const outer = open.at(-1)?.part;
    const part = PART_OF[name] ?? outer ?? 'other';
    parts[part] += ms;
    if (outer) parts[outer] -= ms;
    open.push({ end: ts + dur, part });
  }
  return { parts, turns };
}

/** Of the page that is traced: other processes have one that does next to nothing. */
function busiestMain(events: readonly TraceEvent[]): TraceEvent[] {
  const key = ({ pid, tid }: TraceEvent) => `${pid}/${tid}`;
  const isMain = ({ name, args }: TraceEvent) => name === 'thread_name' && args?.name === 'CrRendererMain';
  const mains = new Map<string, TraceEvent[]>(events.filter(isMain).map((event) => [key(event), []]));
  for (const event of events) if (event.ph === 'X') mains.get(key(event))?.push(event);
  return [...mains.values()].sort((a, b) => b.length - a.length)[0] ?? [];
}
