import { isReading, type KinesisConsumerGroup } from '../../api/group.ts';
import type { GroupRows } from '../../leases/group-rows.ts';
import type { StoredObject } from '../../kubernetes/cluster.ts';
import type { GroupView } from '../../view/group-view.ts';
import {
  desiredReplicas,
  type ReplicasDecision,
  type ReplicasInput,
} from '../plan/scaling/desired-replicas.ts';
import { readableShards } from '../plan/scaling/readable-shards.ts';
import { replicasOf } from '../plan/workload/desired-objects.ts';
import type { StreamFacts } from '../plan/group-facts.ts';
import { lagLook } from '../plan/scaling/lag-look.ts';
import { scaledState, scalingBySpec, tellSchedule } from '../plan/scaling/replicas-by-spec.ts';
import { scheduleBounds, type Bounds } from '../plan/scaling/schedule-bounds.ts';
import { wantedForLag } from '../plan/scaling/wanted-for-lag.ts';
import { concernsImport } from './reconcile-import.ts';
import { IDLE_MS, lookAgain, type PlacedPass } from '../reconcile-context.ts';
import type { Waiting } from '../observe/records-waiting.ts';

/** What one pass knows of a group when it decides. */
export interface KnownOfGroup {
  stream: StreamFacts;
  view: GroupView | undefined;
  rows: GroupRows | undefined;
  /** The rows were read in this pass. */
  isFresh: boolean;
  /** Of a group that has no worker. */
  waiting: Waiting | undefined;
  /** The group's own Deployment. */
  existing: StoredObject | undefined;
}

/** Of a group without a worker, how often it is looked for records that wait, ms. */
const WAITING_MS = 15_000;

/** How many workers the group gets, from what this pass knows. */
export function decideReplicas(pass: PlacedPass, known: KnownOfGroup): ReplicasDecision {
  const { group, memory, options } = pass;
  const { scaling } = group.spec;
  const barred = whyBarred(pass, known);
  if (barred) return barred;
  const bounds = scheduleBounds(scaling, options.clock.now());
  lookBeforeWindow(pass, bounds);
  if (known.waiting) lookAgain(pass, WAITING_MS);
  const byLag = scaling.targetLagSeconds === undefined ? undefined : scalingByLag(pass, known, bounds);
  const input = inputOf(pass, known);
  const chosen = scaling.mode === 'Lag' && byLag ? byLag : scalingBySpec(group, bounds);
  const decision = tellSchedule(
    desiredReplicas({ ...input, scaling: chosen, window: memory.window }),
    bounds,
  );
  memory.window = decision.window;
  if (decision.againInMs !== undefined) lookAgain(pass, decision.againInMs);
  if (!byLag || scaling.mode === 'Lag') return decision;
  const advice = tellSchedule(
    desiredReplicas({ ...input, scaling: byLag, window: memory.adviceWindow }),
    bounds,
  );
  memory.adviceWindow = advice.window;
  return { ...decision, advice };
}

/** In time for a window that opens or closes: a group at rest would be looked at some time after it. */
function lookBeforeWindow(pass: PlacedPass, { changesInMs = Infinity }: Bounds): void {
  if (changesInMs < 2 * IDLE_MS) lookAgain(pass, Math.min(changesInMs, IDLE_MS - 1), { isExact: true });
}

/** All of its range is processed, as its workers have noted in the table: it has nothing more to do. */
export function isComplete({ spec }: PlacedPass['group'], rows: GroupRows | undefined): boolean {
  return spec.range !== undefined && rows?.claim?.completedAt !== undefined;
}

/** The same, by what was said of it while its rows are not known. */
export function isThrough({ group }: Pick<PlacedPass, 'group'>, rows: GroupRows | undefined): boolean {
  const said = group.status?.conditions?.find(({ type }) => type === 'Complete');
  return rows ? isComplete(group, rows) : said?.status === 'True';
}

/** Why the group may have no worker, or no more of them, whatever there is to do. */
function whyBarred(pass: PlacedPass, { rows, existing }: KnownOfGroup): ReplicasDecision | undefined {
  const { group, memory, options } = pass;
  const { desiredState } = group.spec;
  const replicas = replicasOf(existing) ?? 0;
  const none = { limitedBy: undefined, window: [], againInMs: undefined };
  if (memory.claim?.verdict === 'refused')
    return { ...none, replicas: 0, reason: 'no worker may run on this group id, as GroupClaimed says' };
  const isPauseUnknown = desiredState === 'Paused' && pass.failures.some(({ step }) => step === 'pause');
  if ((memory.claim === undefined && desiredState !== 'Stopped') || isPauseUnknown) {
    // A new worker reads unless it is told not to.
    const reason = isPauseUnknown ? 'the pause is not written yet' : 'the group id is not claimed yet';
    return { ...none, replicas, reason, limitedBy: 'UnknownShards' };
  }
  if (isComplete(group, rows)) return { ...none, replicas: 0, reason: 'all of the range is processed' };
  const { facts } = memory.import;
  if (concernsImport(group, rows) && !facts?.isSettled && desiredState !== 'Stopped') {
    const reason = 'the positions of the other consumer are imported first';
    if (facts) return { ...none, replicas: 0, reason };
    return { ...none, replicas, reason, limitedBy: 'UnknownShards' };
  }
  const begins = isReading(group) && rows?.leases.length === 0 ? beginningOf(group) : undefined;
  const leftMs = begins === undefined ? 0 : Date.parse(begins) - options.clock.now();
  if (!(leftMs > 0)) return undefined;
  lookAgain(pass, leftMs);
  return { ...none, replicas: 0, reason: `it begins at ${begins}, a time to come` };
}

/** Where shards without a row begin, when that is a time: Kinesis lists no shard for one to come. */
function beginningOf({
  spec: { range, initialPosition },
}: Pick<KinesisConsumerGroup, 'spec'>): string | undefined {
  return range?.from ?? initialPosition.timestamp;
}

function inputOf(
  { group, options }: PlacedPass,
  { stream, view, existing }: KnownOfGroup,
): Omit<ReplicasInput, 'scaling' | 'window'> {
  const { scaling } = group.spec;
  return {
    desiredState: scaledState(group),
    readableShards: readableShards({ stream, view, isNew: existing === undefined }),
    resharding: stream.summary?.status === 'UPDATING' || (view?.resharding ?? false),
    currentReplicas: replicasOf(existing),
    stabilizationMs: scaling.scaleDown.stabilizationSeconds * 1000,
    nowMs: options.clock.monotonic(),
  };
}

function scalingByLag(
  { group, memory, options }: PlacedPass,
  { view, rows, existing, isFresh, waiting }: KnownOfGroup,
  { min, max }: Bounds,
): ReplicasInput['scaling'] {
  const { scaling, leases, handler, checkpoints } = group.spec;
  const { blind } = memory;
  const nowMs = options.clock.monotonic();
  const look = lagLook({
    view: isFresh ? view : undefined,
    rows,
    currentReplicas: replicasOf(existing) ?? 0,
    waiting,
    isPaused: !isReading(group),
    nowMs,
  });
  const target = {
    targetMs: scaling.targetLagSeconds! * 1000,
    lanes: handler.parallelizationFactor,
    mayBeZero: min === 0,
    beatMs: (leases.durationSeconds * 1000) / 3,
    checkpointMs: checkpoints.intervalSeconds * 1000,
    blind: blind && nowMs < blind.untilMs ? blind.why : undefined,
  };
  const { history, ...wanted } = wantedForLag(look, target, memory.lagHistory);
  memory.lagHistory = history;
  return { mode: 'lag', wanted, maxPerWorker: leases.maxPerWorker, min, max };
}
