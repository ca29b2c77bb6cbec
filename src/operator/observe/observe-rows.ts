import { isReading } from '../../api/group.ts';
import { decodeRows, type GroupRows } from '../../leases/group-rows.ts';
import { isOpen } from '../../kinesis/shard.ts';
import { isEnded } from '../../leases/lease.ts';
import { keyOf, keyString } from '../../kubernetes/cluster.ts';
import type { LeaseTable } from '../../leases/lease-table.ts';
import { describeError, KcgError } from '../../lib/errors.ts';
import { groupView, type GroupView } from '../../view/group-view.ts';
import type { KnownRead } from '../../view/shard-lag.ts';
import { relevantShards } from '../../view/relevant-shards.ts';
import { podView } from './observe-pods.ts';
import type { StreamFacts, TableFacts } from '../plan/group-facts.ts';
import { scheduleBounds } from '../plan/scaling/schedule-bounds.ts';
import type { PlacedPass } from '../reconcile-context.ts';
import { tableRecordOf } from './remember-table.ts';
import { tableFailure } from './table-facts.ts';
import { replicasOf } from '../plan/workload/desired-objects.ts';
import { deploymentOf, podsOf } from '../steps/reconcile-workload.ts';

/** Rows older than this say nothing about who owns what, ms. */
const ROWS_SERVE_MS = 120_000;
/** How long a table that was made for a group that nobody has claimed has no rows of it, ms. */
const EMPTY_MS = 60_000;

export interface ReadRows {
  /** Undefined = not readable now, and not long ago either. */
  rows: GroupRows | undefined;
  table: LeaseTable | undefined;
  /** They hold all that was written before. */
  isConsistent: boolean;
  /** The table's facts, or what reading the rows has shown of it. */
  facts: TableFacts;
}

/**
 * All rows of the group by one query, which is to claim one that is new, and which finds nothing in a table that was just made
 * for it; after a failure the last ones, for a while.
 */
export async function readRows(pass: PlacedPass, facts: TableFacts): Promise<ReadRows> {
  const { options, memory, target, signal } = pass;
  const isNew = memory.claim === undefined && !tableRecordOf(pass)?.claimed;
  // An old read says of a reset that is done that it is not: nobody looks again at a group that has no worker.
  const isConsistent = isNew || memory.reset.session !== undefined;
  if (!facts.usable) return { rows: undefined, table: undefined, isConsistent: false, facts };
  const nowMs = options.clock.monotonic();
  try {
    const table = (memory.leaseTable ??= await options.aws.leaseTable(target, signal));
    const isEmpty = isNew && isJustMade(memory, facts, nowMs);
    const rows = decodeRows(isEmpty ? [] : await table.query('all', { consistent: isConsistent, signal }));
    memory.rows = { rows, readMs: nowMs };
    memory.watched.observe(rows.workers, options.clock.monotonic());
    const key = keyString(keyOf(pass.object));
    memory.isTold = options.tellers?.follow(key, rows.workers, memory.watched) ?? false;
    return { rows, table, isConsistent, facts };
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    const error = KcgError.from(thrown);
    memory.isTold = false;
    if (error.code === 'NotFound') {
      // The table is gone behind our back: look at it again, and open it anew.
      memory.table = undefined;
      memory.leaseTable = undefined;
    }
    const known = memory.rows && nowMs - memory.rows.readMs < ROWS_SERVE_MS ? memory.rows.rows : undefined;
    return {
      rows: known,
      table: undefined,
      isConsistent: false,
      facts: { ...facts, ...tableFailure(error), message: describeError(error) },
    };
  }
}

/** Whoever has claimed the group in it meanwhile is seen when this one does. */
function isJustMade({ made }: PlacedPass['memory'], { createdAt }: TableFacts, nowMs: number): boolean {
  return made !== undefined && made.createdAt === createdAt && nowMs - made.atMs < EMPTY_MS;
}

/** Asks nobody: from `rows` and `stream` as given, the pods in the cache, and what earlier looks have shown. */
export function viewOf(
  pass: PlacedPass,
  {
    rows,
    stream,
    isFresh,
    readTo = [],
  }: {
    rows: GroupRows;
    stream: StreamFacts;
    isFresh: boolean;
    /** Known otherwise of shards that nobody reads. */
    readTo?: Iterable<[string, KnownRead]> | undefined;
  },
): GroupView {
  const { group, options, memory } = pass;
  const { spec, status } = group;
  const nowMs = options.clock.now();
  const view = groupView({
    rows,
    shards: stream.shards && relevantShards(stream.shards, rows, spec),
    pods: podsOf(pass).map((pod) => podView(pod, nowMs)),
    retentionHours: stream.summary?.retentionHours ?? status?.stream?.retentionHours,
    nowMs,
    readTo: new Map([...memory.windows.readTo(), ...readTo]),
  });
  return memory.windows.judge({
    view,
    rows,
    nowMs,
    isFresh,
    // Nor does anybody read who is not wanted.
    isPaused: !isReading(group) || isScaledToZero(pass),
    leaseDurationMs: spec.leases.durationSeconds * 1_000,
    checkpointIntervalMs: spec.checkpoints.intervalSeconds * 1_000,
    batchWindowMs: spec.handler.batchWindowSeconds * 1_000,
  });
}

/** By the Deployment, or where there is none, as for a group that never had a worker, by what somebody has asked for. */
export function isScaledToZero(pass: PlacedPass): boolean {
  const { mode, replicas, ...bounds } = pass.group.spec.scaling;
  const running = replicasOf(deploymentOf(pass));
  if (running !== undefined) return running === 0;
  if (mode !== 'Fixed' && mode !== 'External') return false;
  return replicas === 0 && scheduleBounds(bounds, pass.options.clock.now()).min === 0;
}

/** Shards that would be forgotten with their position: another program's rows, until a worker takes them. */
export function expiringShards({ leases }: GroupRows): string[] {
  return leases.filter((lease) => lease.ttl !== undefined && !isEnded(lease)).map(({ shardId }) => shardId);
}

/** The rows know of a reshard that the list of the stream is too old for. */
export function isListStale({ leases }: GroupRows, { shards }: StreamFacts): boolean {
  if (!shards) return false;
  const listed = new Map(shards.map((shard) => [shard.shardId, shard]));
  const newest = [...listed.keys()].sort().at(-1) ?? '';
  return leases.some((lease) => {
    const shard = listed.get(lease.shardId);
    return shard ? isEnded(lease) && isOpen(shard) : lease.shardId > newest;
  });
}
