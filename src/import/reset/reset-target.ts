import type { GroupSpec } from '../../api/group-spec.ts';
import type { OffsetResetSpec } from '../../api/offset-reset.ts';
import { BEFORE_RECORD, type Checkpoint } from '../../kinesis/position.ts';
import { isSameCreation } from '../../kinesis/same-stream.ts';
import type { StreamClient } from '../../kinesis/stream-client.ts';
import { tellGone } from '../../kinesis/tell-gone.ts';
import { decodeRows } from '../../leases/group-rows.ts';
import { latestStart } from '../../leases/latest.ts';
import type { LeaseTable } from '../../leases/lease-table.ts';
import type { Clock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import type { ResetTo } from './plan-reset.ts';
import { positionsBefore, readResetSnapshot } from './reset-snapshot.ts';

export type ResetTarget = NonNullable<OffsetResetSpec['to']>;

export interface TargetOptions {
  to: ResetTarget;
  /** Where the group begins without a position. */
  begins: ResetTarget;
  /** The group's own rows. */
  table: LeaseTable;
  stream: Pick<StreamClient, 'describe' | 'listShards' | 'now'>;
  /** Rows of the group that `to.group` names. */
  openOther: (name: string) => Promise<LeaseTable>;
  clock: Clock;
}

/** @param startAt ms since the epoch; what `Latest` was pinned to */
export function beginningOf(
  { range, initialPosition: { type, timestamp } }: Pick<GroupSpec, 'range' | 'initialPosition'>,
  startAt: number | undefined,
): ResetTarget {
  if (range) return { type: 'AtTimestamp', timestamp: range.from };
  if (type === 'Latest' && startAt !== undefined)
    return { type: 'AtTimestamp', timestamp: new Date(startAt).toISOString() };
  return { type, timestamp };
}

/**
 * What the spec's words mean now.
 * @throws KcgError `NotFound` when a snapshot or the other group's positions are not there, `Conflict` when those are of
 * another stream
 */
export async function resolveTarget(options: TargetOptions, signal: AbortSignal): Promise<ResetTo> {
  const { to, table, stream, clock } = options;
  switch (to.type) {
    case 'TrimHorizon':
      return { to: 'TRIM_HORIZON' };
    case 'Latest': {
      const streamMs = await stream.now({ signal });
      return { to: 'LATEST', atMs: latestStart({ streamMs, nowMs: clock.now() }) };
    }
    case 'AtTimestamp': {
      const timestampMs = Date.parse(to.timestamp!);
      // Kinesis lists nothing for a time to come; the plan refuses that.
      const isFuture = timestampMs > clock.now();
      const since = isFuture ? [] : await stream.listShards({ from: 'TIMESTAMP', timestampMs }, { signal });
      const notes = await goneNotes(timestampMs, options, signal);
      return { to: 'TIMESTAMP', timestampMs, since, notes };
    }
    case 'SequenceNumbers':
      return { to: 'SEQUENCES', positions: to.positions!.map(asked) };
    case 'Snapshot': {
      const positions = positionsBefore(await readResetSnapshot(table, to.snapshot!, signal));
      // It had not begun.
      if (positions.length === 0) return resolveTarget({ ...options, to: options.begins }, signal);
      return { to: 'POSITIONS', name: `snapshot ${to.snapshot}`, positions };
    }
    case 'Group':
      return { to: 'POSITIONS', ...(await othersPositions(to.group!, options, signal)) };
  }
}

/** No stream keeps less than a day. */
const KEPT_MS = 86_400_000;

async function goneNotes(
  sinceMs: number,
  { stream, clock }: Pick<TargetOptions, 'stream' | 'clock'>,
  signal: AbortSignal,
): Promise<string[]> {
  if (sinceMs > clock.now() - KEPT_MS) return [];
  const summary = await stream.describe({ signal });
  const gone = tellGone(sinceMs, summary, { nowMs: clock.now() });
  return gone === undefined ? [] : [gone];
}

function asked({ shardId, after, at }: NonNullable<ResetTarget['positions']>[number]) {
  const checkpoint: Checkpoint =
    after === undefined
      ? { at: 'SEQUENCE', sequence: at!, subSequence: BEFORE_RECORD }
      : { at: 'SEQUENCE', sequence: after };
  return { shardId, checkpoint };
}

async function othersPositions(name: string, { openOther, stream }: TargetOptions, signal: AbortSignal) {
  const table = await openOther(name);
  const { leases, claim } = decodeRows(await table.query('all', { consistent: true, signal }));
  if (leases.length === 0) throw new KcgError('NotFound', `group ${name} has no positions`);
  // Shards of different streams have the same ids, and a number of one may well lie within a shard of the other.
  const { arn, createdAt } = await stream.describe({ signal });
  const { streamArn = arn, streamCreatedAt = createdAt } = claim ?? {};
  if (streamArn !== arn || !isSameCreation(streamCreatedAt, createdAt)) {
    const which = streamArn === arn ? 'an earlier stream of this name' : streamArn;
    throw new KcgError(
      'Conflict',
      `the positions of group ${name} are of ${which}, and this group reads ${arn}. Nothing was written`,
    );
  }
  return {
    name: `group ${name}`,
    positions: leases.map(({ shardId, checkpoint }) => ({ shardId, checkpoint })),
  };
}
