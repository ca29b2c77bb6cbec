import { count } from '../lib/count.ts';
import type { ForeignPosition } from './foreign-store.ts';
import type { ImportProgress } from './import-progress.ts';
import type { SourceLook } from './import-source.ts';
import type { StillFacts } from './stand-still.ts';

/** Between two looks while it stands still, ms; and while it does not, and nobody may be about to stop it. */
const LOOK_MS = 2_000;
const LIVE_LOOK_MS = 5_000;
const REFUSED_LOOK_MS = 30_000;
const NAMED = 3;
/** Later is no time. */
const MOST_MS = 8.64e15;

type Verdict = 'import' | Pick<ImportProgress, 'reason' | 'message' | 'againInMs'>;

/** May what was found be imported now? `still` is undefined where there is nothing to watch. */
export function judgeSource({
  name,
  look: { plan, foreign },
  still,
  nowMs,
}: {
  name: string;
  look: SourceLook;
  still: StillFacts | undefined;
  /** Ms since the epoch. */
  nowMs: number;
}): Verdict {
  if (plan.refusals.length > 0) {
    const rest = plan.refusals.length - NAMED;
    const told = `${plan.refusals.slice(0, NAMED).join('; ')}${rest > 0 ? `; and ${rest} more` : ''}`;
    return { reason: 'SourceRefused', message: `${name}: ${told}`, againInMs: REFUSED_LOOK_MS };
  }
  if (foreign && foreign.positions.length === 0) {
    const skipped = foreign.skipped.length;
    const beside = skipped > 0 ? `, and ${count(skipped, 'row')} of other things` : '';
    const message = `${name} holds no position in this stream${beside}`;
    return { reason: 'SourceEmpty', message, againInMs: REFUSED_LOOK_MS };
  }
  if (!foreign || !still) return 'import';
  const needed = `${Math.ceil(foreign.expiryMs / 1000)} s`;
  if (still.isLive) {
    const message = `${name}: ${mover(still.moved)}, so the other consumer runs. Stop it; the import goes on by itself once its rows have stood still for ${needed}`;
    return { reason: 'SourceLive', message, againInMs: LIVE_LOOK_MS };
  }
  const leftMs = foreign.expiryMs - still.stillMs;
  if (leftMs <= 0) {
    const held = heldLonger(foreign.positions, nowMs);
    if (held === undefined) return 'import';
    const message = `${name}: by its row, ${held.who}; the import goes on after that, or once the other consumer has stopped in order and given it up`;
    return { reason: 'ImportWaiting', message, againInMs: Math.min(LIVE_LOOK_MS, held.leftMs) };
  }
  const shards = count(foreign.positions.length, 'position');
  const message = `${name} holds ${shards}; its rows are watched to stand still for ${needed}, which shows that the other consumer has stopped`;
  return { reason: 'ImportWaiting', message, againInMs: Math.min(LOOK_MS, Math.max(leftMs, 100)) };
}

/**
 * Its leases may be configured longer than `expiryMs`, and be renewed only at their end: some programs write when that is.
 * @returns who has a shard for longest, in words, and for how long, ms; undefined = no row says that
 */
export function heldLonger(
  positions: readonly ForeignPosition[],
  nowMs: number,
): { who: string; leftMs: number } | undefined {
  const held = positions.filter(
    ({ owner, leasedUntilMs = 0 }) => owner !== undefined && leasedUntilMs > nowMs && leasedUntilMs < MOST_MS,
  );
  const [last] = held.toSorted((a, b) => b.leasedUntilMs! - a.leasedUntilMs!);
  if (last === undefined) return undefined;
  const until = new Date(last.leasedUntilMs!).toISOString();
  return { who: `${last.owner} has ${last.shardId} until ${until}`, leftMs: last.leasedUntilMs! - nowMs };
}

function mover(moved: StillFacts['moved']): string {
  const [first] = moved;
  if (!first) return 'its rows have just moved';
  const rest = moved.length > 1 ? ` and ${moved.length - 1} more` : '';
  const who = first.owner === undefined ? '' : ` of ${first.owner}`;
  return `the row of ${first.shardId}${rest}${who} has just moved`;
}
