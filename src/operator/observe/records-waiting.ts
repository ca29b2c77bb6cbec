import { isReading } from '../../api/group.ts';
import { readPositionAfter } from '../../kinesis/position.ts';
import { KcgError } from '../../lib/errors.ts';
import type { GroupRows } from '../../leases/group-rows.ts';
import { isOpen } from '../../kinesis/shard.ts';
import { isEnded, type Lease } from '../../leases/lease.ts';
import type { StreamClient } from '../../kinesis/stream-client.ts';
import type { ReadTo } from '../../view/shard-lag.ts';
import { replicasOf } from '../plan/workload/desired-objects.ts';
import type { StreamFacts } from '../plan/group-facts.ts';
import type { PlacedPass } from '../reconcile-context.ts';
import { deploymentOf } from '../steps/reconcile-workload.ts';

/** Whether a group without a worker needs one. */
export interface Waiting {
  /** Why; undefined = nothing waits, as far as is known. */
  why: string | undefined;
  /** It could not be found out now. */
  error: KcgError | undefined;
  /** Shards that have nothing for the group, and until when that is known. */
  readTo: ReadTo;
}

/** Rights are given in the meantime, perhaps: how long after a refusal a group has its worker without another look, ms. */
const BLIND_MS = 3_600_000;
/** Shards asked at a time. */
const AT_ONCE = 10;
/** A position has to be brought up to date before records at it can be gone: at this share of the retention. */
const STALE_SHARE = 0.5;
/** More empty answers than this on the way to the tip of a shard: a worker should go that way. */
const STEPS = 5;

/**
 * Looks for a record behind each position, as nobody else does while a group that scales by lag, or is told what that would do, has no
 * worker. It reads at most one record of a shard, and drops it.
 */
export async function recordsWaiting(
  pass: PlacedPass,
  { rows, stream }: { rows: GroupRows; stream: StreamFacts },
): Promise<Waiting | undefined> {
  const { group, options, target, signal, memory } = pass;
  const { targetLagSeconds } = group.spec.scaling;
  if (targetLagSeconds === undefined || !isReading(group) || memory.claim?.verdict !== 'ours')
    return undefined;
  if (replicasOf(deploymentOf(pass)) !== 0) return undefined;
  const nowMs = options.clock.now();
  const leases = rows.leases.filter((lease) => !isEnded(lease));
  const readTo = new Map<string, { toMs: number; checkpoint: Lease['checkpoint'] }>();
  const old = whyOld(leases, { stream, nowMs, range: group.spec.range });
  if (old !== undefined) return { why: old, error: undefined, readTo };
  const client = options.aws.streamClient(target);
  memory.blind = undefined;
  let error: KcgError | undefined;
  for (let from = 0; from < leases.length && (error === undefined || isOfShard(error)); from += AT_ONCE) {
    const some = leases.slice(from, from + AT_ONCE);
    const looks = await Promise.allSettled(some.map((lease) => hasRecord(client, lease, signal)));
    for (const [index, look] of looks.entries()) {
      const { shardId, checkpoint } = some[index]!;
      if (look.status === 'rejected') {
        if (signal.aborted) throw look.reason;
        if (error === undefined || isOfShard(error)) error = KcgError.from(look.reason);
      } else if (look.value) return { why: `records wait in shard ${shardId}`, error: undefined, readTo };
      else readTo.set(shardId, { toMs: nowMs, checkpoint });
    }
  }
  // Workers have rights of their own.
  const isRefused = error?.code === 'AccessDenied' || error?.code === 'InvalidInput';
  const why = isRefused ? `the operator cannot look for records that wait: ${error!.message}` : undefined;
  if (why !== undefined) memory.blind = { why, untilMs: options.clock.monotonic() + BLIND_MS };
  return { why, error, readTo };
}

/** It has no room for one more reader; the others are asked all the same. */
function isOfShard({ code }: KcgError): boolean {
  return code === 'Throttled';
}

function whyOld(
  leases: readonly Lease[],
  {
    stream,
    nowMs,
    range,
  }: { stream: StreamFacts; nowMs: number; range: PlacedPass['group']['spec']['range'] },
): string | undefined {
  if (leases.length === 0) return 'the group has no positions yet';
  // Where nothing comes any more, only a worker sees that there is nothing left.
  if (range && nowMs > Date.parse(range.to)) return 'the time of its range is over';
  const known = new Set(leases.map(({ shardId }) => shardId));
  const fresh = stream.shards?.find((shard) => !known.has(shard.shardId) && isOpen(shard));
  if (fresh) return `shard ${fresh.shardId} is new`;
  const staleMs = (stream.summary?.retentionHours ?? 24) * 3_600_000 * STALE_SHARE;
  const stale = leases.find(
    ({ readAt, checkpointedAt }) => nowMs - (readAt ?? checkpointedAt ?? nowMs) > staleMs,
  );
  return stale && `the position in shard ${stale.shardId} is brought up to date before the retention is over`;
}

async function hasRecord(client: StreamClient, lease: Lease, signal: AbortSignal): Promise<boolean> {
  if (lease.checkpoint.at === 'SHARD_END') return false;
  const position = readPositionAfter(lease.checkpoint);
  let iterator: string | undefined;
  try {
    iterator = await client.getIterator(lease.shardId, position, { signal });
    // Empty answers on the way to the tip are usual; one without a next is the end of a closed shard.
    for (let step = 0; step < STEPS; step += 1) {
      const result = await client.getRecords(iterator, 1, { signal });
      if (result.records.length > 0 || result.nextIterator === undefined) return true;
      if (result.millisBehindLatest === 0) return false;
      iterator = result.nextIterator;
    }
    return true;
  } catch (error) {
    // A shard that has left the stream: a worker ends it.
    if (KcgError.from(error).code === 'NotFound') return true;
    throw error;
  }
}
