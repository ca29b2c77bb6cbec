import { compareCheckpoints, type Checkpoint } from '../kinesis/position.ts';

/**
 * `OK`: caught up, or on its way to it. `Slow`: advances, and falls behind. `Stalled`: records wait, and the position stands.
 * `Stopped`: nobody reads it. `Rewound`: the position has gone back.
 */
export const JUDGEMENTS = ['OK', 'Slow', 'Stalled', 'Stopped', 'Rewound'] as const;
export type Judgement = (typeof JUDGEMENTS)[number];

/** Why, where it is known. What concerns a handler or reads is told by the worker that owns the shard, not by shard. */
export type Cause =
  | 'HandlerFails'
  | 'HandlerHangs'
  | 'DestinationFails'
  | 'ReadDenied'
  | 'ReadThrottled'
  | 'ReadFails'
  | 'NoOwner'
  | 'Paused'
  | 'WaitingForParents';

export interface Judged {
  judgement: Judgement;
  cause?: Cause | undefined;
}

/** A shard as one look has found it. */
export interface Sample {
  /** Wall clock, ms since the epoch. */
  atMs: number;
  /** Undefined = it has no row yet. */
  checkpoint: Checkpoint | undefined;
  /** Undefined = not known. */
  lagMs: number | undefined;
  /** A living worker owns it. */
  isOwned: boolean;
}

/** What is known of a shard beside its samples. */
export interface ShardFacts {
  state: 'consuming' | 'handing-off' | 'unowned' | 'waiting' | 'ended';
  /** The group is not to read. */
  isPaused: boolean;
  /** Ms since the epoch; when somebody had it last, as the rows tell. */
  ownedAt: number | undefined;
  /** Of the owner's handler or reads. */
  trouble: Cause | undefined;
  /** How long a shard may be without an owner when it changes hands, ms. */
  patienceMs: number;
  /** As it was judged last. */
  before: Judgement | undefined;
}

/** Looks that are compared: with all of them, the window is full. */
export const WINDOW_SAMPLES = 10;
/** Less is caught up, ms: records on their way through a worker. */
export const CAUGHT_UP_MS = 1_000;

/**
 * Judges one shard by how position and lag have moved over a window of looks, so that nobody has to say how much lag is too
 * much. After LinkedIn's Burrow: a shard that was caught up once in the window is well, whatever came in since; one that
 * advances while its lag never falls is slow; one that does not advance while records wait is stalled.
 *
 * Whoever has just begun to look knows little: until the window is full only what a single look shows is told.
 * @param samples oldest first, at most `WINDOW_SAMPLES`, at least one
 * @returns undefined = it cannot be told yet, or there is nothing to judge
 */
export function judgeShard(samples: readonly Sample[], facts: ShardFacts): Judged | undefined {
  if (facts.state === 'ended') return undefined;
  if (facts.isPaused) return { judgement: 'Stopped', cause: 'Paused' };
  if (facts.state === 'waiting') return { judgement: 'OK', cause: 'WaitingForParents' };
  if (isStopped(samples, facts)) return { judgement: 'Stopped', cause: 'NoOwner' };
  if (isRewound(samples)) return { judgement: 'Rewound' };
  if (samples.some(({ lagMs, isOwned }) => isOwned && lagMs !== undefined && lagMs < CAUGHT_UP_MS))
    return { judgement: 'OK' };
  if (samples.length < WINDOW_SAMPLES) return undefined;
  const [first, last] = [samples[0]!, samples.at(-1)!];
  const isNoBetter = (last.lagMs ?? 0) >= (first.lagMs ?? 0);
  const cause = facts.trouble;
  if (isNoBetter && samples.every((sample) => stepOf(first, sample) === 0) && last.lagMs !== undefined)
    return { judgement: 'Stalled', cause };
  if (stepOf(first, last) > 0 && isNoBetter && (facts.before === 'Slow' || neverFell(samples)))
    return { judgement: 'Slow', cause };
  return { judgement: 'OK' };
}

/** Nobody alive has had it for longer than a change of owner takes. */
function isStopped(samples: readonly Sample[], { state, ownedAt, patienceMs }: ShardFacts): boolean {
  if (state !== 'unowned') return false;
  const now = samples.at(-1)!.atMs;
  const seen = samples.findLast(({ isOwned }) => isOwned)?.atMs;
  // Without any word of an owner, it has had none since the first look.
  const since = Math.max(seen ?? -Infinity, ownedAt ?? (seen === undefined ? samples[0]!.atMs : -Infinity));
  return now - since >= patienceMs;
}

/** Two looks agree that it is behind where it was: one may be a stale read. Over once it is back there, or caught up. */
function isRewound(samples: readonly Sample[]): boolean {
  const [a, b] = samples.slice(-2);
  if (!a || !b || (b.isOwned && b.lagMs !== undefined && b.lagMs < CAUGHT_UP_MS)) return false;
  return samples.slice(0, -2).some((old) => stepOf(old, a) < 0 && stepOf(old, b) < 0);
}

/** Positive when `to` is ahead of `from`. */
function stepOf(from: Sample, to: Sample): number {
  if (!from.checkpoint || !to.checkpoint) return 0;
  return compareCheckpoints(to.checkpoint, from.checkpoint);
}

function neverFell(samples: readonly Sample[]): boolean {
  const lags = samples.map(({ lagMs }) => lagMs);
  const rises = lags.every((lag, index) => index === 0 || (lag ?? 0) >= (lags[index - 1] ?? 0));
  return rises && (lags.at(-1) ?? 0) > (lags[0] ?? 0);
}
