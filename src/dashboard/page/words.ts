import { formatAge, formatDuration } from '../../view/format.ts';
import { formatJudged, formatLoad } from '../../view/shard-words.ts';
import type { ShardRow } from '../page-data.ts';

export function lagWords(ms: number | undefined): string {
  return ms === undefined ? 'not known' : formatDuration(ms);
}

export function ageWords(atMs: number | undefined, nowMs: number): string {
  return atMs === undefined ? '–' : `${formatAge(Math.max(0, nowMs - atMs))} ago`;
}

export function loadWords(load: number | null | undefined): string {
  return load === undefined || load === null ? '–' : formatLoad(load);
}

/** Space that is never broken at. */
const NBSP = '\u00a0';
const UNITS =
  /(?<=\d) (?=(?:%|ms|s|min|h|d|B|KB|KiB|MB|MiB|GiB|seconds?|minutes?|hours?|days?)(?![\p{L}\d]))/gu;

/** A sentence whose figures keep their units on the same line. */
export function untorn(text: string): string {
  return text.replaceAll(UNITS, NBSP);
}

export function widthWords(share: number): string {
  if (share === 0) return '–';
  const percent = share * 100;
  return `${percent >= 10 ? percent.toFixed(1) : percent.toFixed(2)}${NBSP}%`;
}

export function judgementWords({ judgement, cause }: Pick<ShardRow, 'judgement' | 'cause'>): string {
  return judgement === undefined ? '–' : formatJudged({ judgement, cause });
}

/** Without the zeros that all have. */
export function shortShard(id: string): string {
  return id.replace(/^shardId-0*(?=\d)/, '…');
}

/** The part of a pod's name that tells it from the others. */
export function shortPod(name: string): string {
  return name.split('-').slice(-1)[0] ?? name;
}

/** One shard in one sentence. */
export function shardWords(shard: ShardRow): string {
  const { id, state, owner, lagMs, load, width } = shard;
  const owned = owner === undefined ? '' : state === 'unowned' ? `, was ${owner}'s` : `, ${owner}`;
  const lag = lagMs === undefined ? '' : `, lag ${formatDuration(lagMs)}`;
  const judged = shard.judgement === undefined ? '' : `, ${judgementWords(shard)}`;
  const loaded = load ? `, ${loadWords(load)}` : '';
  return `${id}: ${state}${judged}${owned}${lag}${loaded}, ${widthWords(width)} of the hash keys`;
}

/** To make one takes longer than a frame has for all of them. */
const CLOCK = new Intl.DateTimeFormat(undefined, {
  hour: 'numeric',
  minute: 'numeric',
  second: 'numeric',
  hour12: false,
});

export function clockWords(atMs: number): string {
  return CLOCK.format(atMs);
}
