import { isReading } from '../../api/group.ts';
import { keyOf, keyString } from '../../kubernetes/cluster.ts';
import type { GroupRows } from '../../leases/group-rows.ts';
import type { LeaseTable } from '../../leases/lease-table.ts';
import type { WorkerRow } from '../../leases/worker-row.ts';
import { count } from '../../lib/count.ts';
import { describeError } from '../../lib/errors.ts';
import type { GroupView } from '../../view/group-view.ts';
import { fenceWorkers, type FenceResult } from './fence-workers.ts';
import { isScaledToZero, type ReadRows } from '../observe/observe-rows.ts';
import { planFences, terminationsOf, type PodLike } from '../plan/fence.ts';
import { nextOutageLookMs, trackFailover } from '../plan/status/track-failover.ts';
import { lookAgain, pollMsOf, type PlacedPass } from '../reconcile-context.ts';
import { podsOf } from './reconcile-workload.ts';

/** Least time until a look for a beat that stands still. */
const LAPSE_LOOK_MS = 1_000;

export interface Judged {
  /** As read, with every worker `dead` that does not live, whatever its own row says. */
  rows: GroupRows;
  /** Fenced now because their container ended. */
  ended: string[];
}

/**
 * Who lives. A dead worker's row says `live` for ever, and when no other worker is left there is nobody but the operator to
 * see that its beat stands still: so it judges beats as workers do, and fences as the protocol allows anyone to. The poll
 * on top of the lease duration leaves living workers the first go, and keeps the operator's own pace out of the judgement.
 */
export async function judgeWorkers(pass: PlacedPass, found: ReadRows): Promise<Judged | undefined> {
  const { memory, options, group } = pass;
  if (!found.rows || !memory.rows) return undefined;
  const limitMs = group.spec.leases.durationSeconds * 1_000 + pollMsOf(options);
  // Rows that could not be read again have stood still here, which says nothing of the table.
  const { readMs } = memory.rows;
  const isSilent = (row: WorkerRow) => memory.watched.lapsed([row], readMs, limitMs).length > 0;
  const isOurs = memory.claim?.verdict === 'ours';
  const { workers, ended } =
    found.table && isOurs
      ? await fence(pass, { rows: found.rows, table: found.table, isSilent })
      : { workers: found.rows.workers, ended: [] };
  memory.watched.observe(workers, options.clock.monotonic());
  memory.rows = { rows: { ...found.rows, workers }, readMs };
  const judged = workers.map((row) => (isSilent(row) ? { ...row, state: 'dead' as const } : row));
  // Who tells of the others' beats is known to beat itself.
  if (isOurs && !memory.isTold) {
    const living = judged.filter(({ state }) => state !== 'dead');
    const leftMs = living.map(
      (row) => Math.max(limitMs, row.leaseDurationMs) - memory.watched.stillMs(row, readMs),
    );
    lookAgain(pass, Math.max(LAPSE_LOOK_MS, Math.min(...leftMs)));
  }
  return { rows: { ...found.rows, workers: judged }, ended };
}

async function fence(
  pass: PlacedPass,
  { rows, table, isSilent }: { rows: GroupRows; table: LeaseTable; isSilent: (row: WorkerRow) => boolean },
): Promise<Pick<FenceResult, 'workers'> & Pick<Judged, 'ended'>> {
  const { options, memory, signal } = pass;
  const terminations = podsOf(pass).flatMap((pod) => terminationsOf(pod as unknown as PodLike));
  const hasEnded = (row: WorkerRow) => planFences([row], terminations).length > 0;
  const isDead = (row: WorkerRow) => hasEnded(row) || isSilent(row);
  const { nudge } = options;
  const suspects = { workers: rows.workers, isDead };
  const { fenced, workers, problem } = await fenceWorkers({ ...suspects, table, nudge, signal });
  if (problem !== undefined) {
    if (signal.aborted) throw problem;
    // Other workers can fence too, and the status must tell what is the matter all the same.
    options.log.warn('cannot fence', { group: keyString(keyOf(pass.object)), error: describeError(problem) });
  }
  for (const row of fenced) {
    const silentMs = memory.watched.stillMs(row, options.clock.monotonic());
    const why = hasEnded(row) ? 'ended' : `has not been heard of for ${Math.round(silentMs / 1000)} s`;
    const note = `worker ${row.worker} ${why}; ${row.held === 1 ? 'its shard goes' : `its ${row.held} shards go`} to others at once`;
    pass.events.push({ type: 'Warning', reason: 'WorkerFenced', note, action: 'Fence' });
  }
  return { workers, ended: fenced.filter(hasEnded).map(({ worker }) => worker) };
}

/** Tells when all shards whose worker died have a living owner again, and after how long. */
export function followOutage(pass: PlacedPass, view: GroupView, ended: readonly string[]): void {
  const { memory, options, group } = pass;
  if (!isReading(group) || isScaledToZero(pass)) {
    memory.outage = undefined;
    return;
  }
  const nowMs = options.clock.now();
  const { outage, finished } = trackFailover(memory.outage, { view, fenced: ended, nowMs });
  memory.outage = outage;
  if (outage) lookAgain(pass, nextOutageLookMs(outage, nowMs));
  if (!finished) return;
  memory.lastFailover = finished;
  const note = `${count(finished.shards, 'shard')} ${finished.shards === 1 ? 'has' : 'have'} an owner again after ${finished.seconds} s (${finished.cause})`;
  pass.events.push({ type: 'Normal', reason: 'FailedOver', note, action: 'Fence' });
}
