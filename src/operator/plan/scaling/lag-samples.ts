/*
 * How the lag of each shard went at the last looks. Lag that stays means that as much is processed as comes in; it grows by a
 * second each second while nothing is processed at all. So its slope alone tells how fast a shard drains against what comes in,
 * whatever records are and whatever a clock says.
 */

/** A shard that can be read, as one look has found it. */
export interface LagShard {
  shardId: string;
  /** The living worker that has it; undefined = nobody. */
  worker: string | undefined;
  /** Undefined = not known. */
  lagMs: number | undefined;
  /** Records or KiB processed per second, as `Lease.load`. */
  load: number;
  /** Tells one position from another. */
  position: string;
  /** Its handler fails or hangs, or it cannot be read: not for want of workers. `perhaps`: that is so of some shards of its worker. */
  isStuck: boolean | 'perhaps';
}

/** The shards of one look. */
export interface LagSample {
  /** Monotonic ms. */
  atMs: number;
  /** Who had which shard, and how many workers there were: drains are measured only while that stays. */
  owners: string;
  lags: ReadonlyMap<string, number>;
  positions: ReadonlyMap<string, string>;
}

/** When a look is, and how far back it is compared with others. */
export interface Measure {
  /** Monotonic ms. */
  nowMs: number;
  /** Shortest time a drain is measured over, ms: some beats long, as only these tell the lag. */
  measureMs: number;
}

/** Least time between two samples, of the time a drain is measured over. */
const SPACING_SHARE = 0.2;

/** `samples` with this look: begun anew when shards have changed hands, and no longer than it takes to measure. */
export function addSample(
  samples: readonly LagSample[],
  {
    shards,
    liveWorkers,
    nowMs: atMs,
    measureMs,
  }: Measure & { shards: readonly LagShard[]; liveWorkers: number },
): LagSample[] {
  const owned = shards.map(({ shardId, worker }) => `${shardId}:${worker ?? ''}`).sort();
  // A worker that has just come has no shard yet.
  const owners = [liveWorkers, ...owned].join(' ');
  const lags = new Map<string, number>();
  for (const { shardId, lagMs } of shards) if (lagMs !== undefined) lags.set(shardId, lagMs);
  const positions = new Map(shards.map(({ shardId, position }) => [shardId, position]));
  const same = samples.filter((sample) => sample.owners === owners && sample.atMs <= atMs);
  const last = same.at(-1);
  if (last && atMs - last.atMs < measureMs * SPACING_SHARE) return same;
  const oldEnough = same.filter((sample) => atMs - sample.atMs >= measureMs).length;
  return [...same.slice(Math.max(0, oldEnough - 1)), { atMs, owners, lags, positions }];
}

/**
 * How fast a shard is processed against what comes in: 1 keeps up, 0 stands still, 3 makes good two seconds of lag in each.
 * Undefined until it has been watched for long enough.
 */
export function drainOf(samples: readonly LagSample[], { shardId, lagMs }: LagShard, at: Measure) {
  const before = sampleBefore(samples, at);
  const old = before?.lags.get(shardId);
  if (before === undefined || old === undefined || lagMs === undefined) return undefined;
  return 1 - (lagMs - old) / (at.nowMs - before.atMs);
}

/** It is stuck, or perhaps, and has not moved for as long as a drain is measured; undefined until it has been watched for so long. */
export function standsStill(
  samples: readonly LagSample[],
  { shardId, position, isStuck }: LagShard,
  at: Measure,
): boolean | undefined {
  if (isStuck !== 'perhaps') return isStuck;
  const before = sampleBefore(samples, at);
  return before && before.positions.get(shardId) === position;
}

function sampleBefore(samples: readonly LagSample[], { nowMs, measureMs }: Measure): LagSample | undefined {
  return samples.findLast(({ atMs }) => nowMs - atMs >= measureMs);
}
