import { shardIdFrom } from '../kinesis/shard.ts';
import type { OptionTable } from '../lib/options.ts';
import { readableLogLine } from '../view/log-line.ts';
import { otherClusterOptions, selectOptions } from './group-options.ts';

export const LEVELS = ['debug', 'info', 'warn', 'error'] as const;
type Level = (typeof LEVELS)[number];

export const logsOptions = {
  ...selectOptions,
  follow: { type: 'boolean', short: 'f', description: 'go on as lines come, also of pods that come' },
  previous: { type: 'boolean', short: 'p', description: 'of the container before its last restart' },
  tail: {
    type: 'number',
    description: 'the last lines of each pod; -1 = all',
    default: 200,
    min: -1,
    max: 1_000_000,
  },
  since: { type: 'string', description: 'not older than this, such as 90s, 10m or 2h' },
  container: { type: 'string', short: 'c', description: "container; default: the worker's" },
  level: {
    type: 'string',
    description: 'least level of what the worker says',
    choices: LEVELS,
    default: 'debug',
  },
  shard: { type: 'string', description: 'only lines of this shard: its id or its number' },
  output: { type: 'string', short: 'o', description: 'lines as they are', choices: ['json'] },
  ...otherClusterOptions,
} as const satisfies OptionTable;

export interface LogLine {
  pod: string;
  text: string;
  /** Ms since the epoch; of a line that has no time, that of the line before it. */
  at: number;
  /** Of our own lines only. */
  level: Level | undefined;
  shardId: string | undefined;
}

/** A line of a pod's log; `before`: the one before it in the same pod. */
export function logLine(pod: string, text: string, before: LogLine | undefined): LogLine {
  const { time, level, shardId } = fieldsOf(text);
  const at = Date.parse(time ?? '');
  return {
    pod,
    text,
    at: Number.isNaN(at) ? (before?.at ?? 0) : at,
    level: LEVELS.find((each) => each === level),
    shardId,
  };
}

function fieldsOf(text: string): { time?: string; level?: string; shardId?: string } {
  if (!text.startsWith('{')) return {};
  try {
    const { time, level, shardId } = JSON.parse(text) as Record<string, unknown>;
    return Object.fromEntries(
      Object.entries({ time, level, shardId }).filter(([, value]) => typeof value === 'string'),
    );
  } catch {
    return {};
  }
}

/** Lines that are no log of ours, say a handler's own, are of every level and of no shard. */
export function isShown(
  { level, shardId }: LogLine,
  wanted: { level: string; shard: string | undefined },
): boolean {
  if (wanted.shard !== undefined && shardId !== shardIdFrom(wanted.shard)) return false;
  return level === undefined || LEVELS.indexOf(level) >= LEVELS.indexOf(wanted.level as Level);
}

/** Of all pods together, by time; lines of one pod stay in their order. */
export function byTime(lines: readonly LogLine[]): LogLine[] {
  return lines.toSorted((a, b) => a.at - b.at);
}

export function printLogLine(
  { pod, text }: LogLine,
  { output, colour }: { output: string | undefined; colour: boolean },
): string {
  return output === 'json' ? text : readableLogLine(text, { source: pod, colour });
}
