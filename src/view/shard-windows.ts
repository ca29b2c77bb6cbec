import { isHeld } from '../leases/claim.ts';
import type { GroupRows } from '../leases/group-rows.ts';
import type { GroupView, ShardView } from './group-view.ts';
import { judgeShard, WINDOW_SAMPLES, type Judged, type Sample } from './judge-shard.ts';
import { ownedAtOf, troubleOf } from './owner-facts.ts';
import type { KnownRead } from './shard-lag.ts';

/** Least time between two samples that are compared, ms: a window is about five minutes of a shard. */
const SPACING_MS = 30_000;
/** Least time without an owner that is more than a change of it, ms. */
const PATIENCE_MS = 60_000;

export interface WindowsLook {
  view: GroupView;
  rows: GroupRows;
  /** Wall clock, ms since the epoch. */
  nowMs: number;
  isPaused: boolean;
  leaseDurationMs: number;
  /** Position is written no more often than this, ms. */
  checkpointIntervalMs: number;
  /** Records wait for others for so long, ms. Default 0. */
  batchWindowMs?: number;
  /** False: rows of an earlier look, in which nothing can have moved. */
  isFresh: boolean;
}

interface Watched {
  /** Oldest first; the last is replaced until it is far enough from the one before. */
  samples: Sample[];
  /** Wall clock, ms since the epoch: until when nobody was to read it, as far as has been seen; 0 = it always was. */
  excusedAt: number;
  judged: Judged | undefined;
}

/** The last looks at each shard of one group, bounded, and what they tell. Kept in memory: a restart begins anew. */
export class ShardWindows {
  readonly #shards = new Map<string, Watched>();
  #reset = '';
  /** Wall clock, ms since the epoch: until when positions were on their way, as far as has been seen. */
  #heldAt = 0;

  /** Until when each shard is known to be processed, as the last look has shown it. */
  readTo(): Map<string, KnownRead> {
    const known = new Map<string, KnownRead>();
    for (const [shardId, { samples }] of this.#shards) {
      const { lagMs, checkpoint, atMs } = samples.at(-1)!;
      if (lagMs !== undefined && checkpoint) known.set(shardId, { toMs: atMs - lagMs, checkpoint });
    }
    return known;
  }

  /** `view` with the judgement of each shard, from this look and those before it. */
  judge(look: WindowsLook): GroupView {
    const { view, rows } = look;
    const { id, state } = rows.claim?.reset ?? {};
    const reset = `${id} ${state}`;
    if (isHeld(rows.claim)) this.#heldAt = look.nowMs;
    // Positions are moved on purpose.
    if (reset !== this.#reset) this.#shards.clear();
    this.#reset = reset;
    const there = new Set(view.shards.map(({ shardId }) => shardId));
    for (const shardId of this.#shards.keys()) if (!there.has(shardId)) this.#shards.delete(shardId);
    const leases = new Map(rows.leases.map((lease) => [lease.shardId, lease]));
    const workers = new Map(rows.workers.map((row) => [row.worker, row]));
    const shards = view.shards.map((shard) => {
      const watched = this.#watch(shard, look);
      const lease = leases.get(shard.shardId);
      const { isPaused, leaseDurationMs } = look;
      watched.judged = judgeShard(watched.samples, {
        state: shard.state,
        isPaused,
        ownedAt: lease && Math.max(ownedAtOf(lease, workers), watched.excusedAt, this.#heldAt),
        trouble: lease && troubleOf(lease, workers),
        patienceMs: Math.max(PATIENCE_MS, 2 * leaseDurationMs),
        before: watched.judged?.judgement,
      });
      return { ...shard, judged: watched.judged };
    });
    return { ...view, shards };
  }

  #watch(shard: ShardView, { nowMs, isFresh, isPaused, ...look }: WindowsLook): Watched {
    const isOwned = shard.state === 'consuming' || shard.state === 'handing-off';
    const sample = { atMs: nowMs, checkpoint: shard.checkpoint, lagMs: shard.lagMs, isOwned };
    let watched = this.#shards.get(shard.shardId);
    // What stood still because it was to stand still is no sign of trouble.
    const isExplained = isPaused || shard.state === 'waiting';
    const goesOn = isOwned && watched?.judged?.judgement === 'Stopped';
    const isAnew = isExplained || goesOn || (watched && nowMs < watched.samples.at(-1)!.atMs);
    if (!watched || isAnew) {
      const excusedAt = isExplained ? nowMs : (watched?.excusedAt ?? 0);
      watched = { samples: [sample], excusedAt, judged: watched?.judged };
      this.#shards.set(shard.shardId, watched);
    } else if (isFresh) add(watched.samples, sample, spacingOf(look));
    return watched;
  }
}

/** Of a position that is to stand for a while a window sees twice as long. */
function spacingOf({
  checkpointIntervalMs,
  batchWindowMs = 0,
}: Pick<WindowsLook, 'checkpointIntervalMs' | 'batchWindowMs'>): number {
  return Math.max(SPACING_MS, checkpointIntervalMs, (2 * batchWindowMs) / (WINDOW_SAMPLES - 2));
}

function add(samples: Sample[], sample: Sample, spacingMs: number): void {
  const before = samples.at(-2);
  const last = samples.at(-1)!;
  // After a gap in the looks nothing is known of what was between.
  if (sample.atMs - last.atMs > WINDOW_SAMPLES * spacingMs) samples.length = 0;
  else if (before && last.atMs - before.atMs < spacingMs) samples.pop();
  samples.push(sample);
  if (samples.length > WINDOW_SAMPLES) samples.shift();
}
