import { isReading, rowsGroupIdOf } from '../../api/group.ts';
import { OVER_ANNOTATION } from '../../api/labels.ts';
import { readGroup } from '../../api/stored-group.ts';
import { parseReset, type OffsetResetSpec, type OffsetResetStatus } from '../../api/offset-reset.ts';
import { resetUnderWay } from '../../leases/claim.ts';
import type { GroupRows } from '../../leases/group-rows.ts';
import type { LeaseTable } from '../../leases/lease-table.ts';
import { describeError, hasCode, isRetryable, KcgError } from '../../lib/errors.ts';
import { KINDS, keyOf, keyString, type StoredObject } from '../../kubernetes/cluster.ts';
import { nudgeAll } from './fence-workers.ts';
import type { ResetRequest, ResetSession, ResetStep } from '../offset-reset.ts';
import { attempt } from './pace.ts';
import { lookAgain, type PlacedPass } from '../reconcile-context.ts';
import { placeOf, withRole } from './reconcile-place.ts';
import { notReady, pendingResets } from './waiting-resets.ts';
import { tellReset } from '../apply/reset-writer.ts';

/**
 * Goes on with the reset that the table names, else with the oldest; one at a time. What a reset has begun whose resource is gone is
 * ended as the table says. `at`: undefined = the group's rows cannot be used now.
 */
export async function pursueReset(
  pass: PlacedPass,
  at: { table: LeaseTable; rows: GroupRows } | undefined,
): Promise<void> {
  const { options, memory, object, groupId, signal } = pass;
  const pending = pendingResets(options, keyString(keyOf(object)));
  const begun = resetUnderWay(at?.rows.claim);
  // Also one that is done and has not been told: the table forgets it with the next.
  const named = at?.rows.claim?.reset?.id;
  const next = pending.find(({ metadata }) => metadata.uid === named) ?? pending[0];
  const isOrphan = begun?.isOfResource && next?.metadata.uid !== begun.id && areListed(pass);
  if (!next && !isOrphan) return void (memory.reset.session = undefined);
  // One that is new, or gone, does not wait out what another has failed with.
  const asked = [begun?.id, ...pending.map(({ metadata }) => metadata.uid)].join(' ');
  await attempt(pass, { step: 'reset', asked }, async () => {
    if (at && isOrphan) {
      const request = requestOf(pass, at.table, { id: begun.id, by: begun.by });
      return follow(pass, at.rows, await sessionOf(pass, request).step(signal));
    }
    if (!next) return;
    const tell = (object: StoredObject, step: ResetStep) =>
      tellReset(options, object, { step, groupId, signal });
    for (const other of pending) if (other !== next) await tell(other, NOT_ITS_TURN);
    let step: ResetStep;
    try {
      step = at ? await stepOf(pass, next, at) : notReady(object);
    } catch (thrown) {
      const error = KcgError.from(thrown);
      // Whoever waits for the reset looks at it, not at its group.
      if (!signal.aborted && !isRetryable(error)) await tell(next, waiting(describeError(error)));
      throw error;
    }
    if (at) await follow(pass, at.rows, step);
    if (step.outcome === 'waiting' || (await markOver(pass, next))) await tell(next, step);
  });
}

/** Resets that the cache does not show are not there. */
function areListed({ options, group }: PlacedPass): boolean {
  const { offsetResets } = options.caches;
  return offsetResets.hasSyncedIn?.(group.metadata.namespace) ?? offsetResets.hasSynced;
}

/**
 * On the resource itself: what brings it back without its status, as a restore does, is not to move positions again.
 * @returns false when it has changed meanwhile: the next look goes on
 */
async function markOver(pass: PlacedPass, object: StoredObject): Promise<boolean> {
  const { cluster, log } = pass.options;
  const { annotations = {}, uid } = object.metadata;
  if (annotations[OVER_ANNOTATION] !== undefined) return true;
  try {
    const patch = { annotations: { [OVER_ANNOTATION]: uid } };
    const { outcome } = await cluster.patchMetadata(KINDS.offsetReset, object, patch, {
      signal: pass.signal,
    });
    if (outcome === 'lost') lookAgain(pass, 1_000);
    return outcome !== 'lost';
  } catch (thrown) {
    if (!hasCode(thrown, 'AccessDenied')) throw thrown;
    log.warn('a reset that is over is not marked as such', { error: describeError(thrown) });
    return true;
  }
}

/** The same words however many come before: each that waits is told once. */
const NOT_ITS_TURN = waiting(
  'resets of a group are done one after the other, the oldest first; this one begins when those before it are over',
);

const ALREADY_OVER: ResetStep = {
  outcome: 'done',
  reason: 'AlreadyOver',
  message: `it is a copy of a reset that was over, and is not done again. To do it again, create one without the annotation ${OVER_ANNOTATION}`,
  result: { moved: [], unchanged: 0, notes: [] },
};

function waiting(message: string): ResetStep {
  return { outcome: 'waiting', reason: 'Waiting', message, againInMs: 0 };
}

async function follow(pass: PlacedPass, rows: GroupRows, step: ResetStep): Promise<void> {
  // Another may wait for its turn.
  lookAgain(pass, step.outcome === 'waiting' ? step.againInMs : 0);
  // They would learn it from their next beat.
  if (step.outcome === 'done' || step.reason === 'StoppingWorkers')
    await nudgeAll(rows.workers, pass.options.nudge);
}

async function stepOf(
  pass: PlacedPass,
  object: StoredObject,
  { table, rows }: { table: LeaseTable; rows: GroupRows },
): Promise<ResetStep> {
  const parsed = parseReset(object);
  if (parsed.outcome === 'refused')
    return { outcome: 'failed', reason: 'InvalidSpec', message: parsed.problems.join('; ').slice(0, 4_000) };
  const { spec } = parsed;
  const { annotations = {}, uid } = object.metadata;
  if (!spec.dryRun && (annotations[OVER_ANNOTATION] ?? uid) !== uid) return ALREADY_OVER;
  const to = spec.undo === undefined ? spec.to : undoTarget(pass, spec.undo);
  const { id, state } = rows.claim?.reset ?? {};
  // What has begun is ended from its own snapshot, whatever has become of the one that is undone.
  if (typeof to === 'string' && (id !== uid || state === 'holding'))
    return { outcome: 'failed', reason: 'SnapshotNotFound', message: to };
  const request = requestOf(pass, table, {
    id: uid,
    by: `KinesisOffsetReset ${keyString(keyOf(object))}`,
    to: typeof to === 'string' ? undefined : to,
    // Those of a group that has just been stopped or paused are on their way out.
    stopsWorkers: spec.whileRunning === 'Stop' || !isReading(pass.group),
    isDryRun: spec.dryRun,
  });
  return sessionOf(pass, request).step(pass.signal);
}

/** The snapshot of the reset that is undone, or why there is none. */
function undoTarget(
  { options, group }: PlacedPass,
  undo: string,
): NonNullable<OffsetResetSpec['to']> | string {
  const { namespace, name } = group.metadata;
  const object = options.caches.offsetResets.get({ namespace, name: undo });
  if (!object)
    return `there is no KinesisOffsetReset ${undo} in namespace ${namespace}. If it was deleted, its snapshot is there for 90 days all the same: its id goes into to, with type Snapshot`;
  const { spec, status } = object as { spec?: { group?: string }; status?: OffsetResetStatus };
  if (spec?.group !== name) return `KinesisOffsetReset ${undo} is of group ${spec?.group}`;
  const { uid, annotations } = object.metadata;
  // One that a backup has brought back bears the name of the snapshot of the one it is a copy of.
  const copied = annotations?.[OVER_ANNOTATION] === uid ? undefined : annotations?.[OVER_ANNOTATION];
  const snapshot = status?.snapshot?.id ?? copied;
  if (snapshot === undefined)
    return `KinesisOffsetReset ${undo} has moved nothing, so there is nothing to undo`;
  return { type: 'Snapshot', snapshot };
}

function requestOf(
  pass: PlacedPass,
  table: LeaseTable,
  about: Pick<ResetRequest, 'id' | 'by'> & Partial<ResetRequest>,
): ResetRequest {
  return {
    target: pass.target,
    spec: pass.group.spec,
    table,
    to: undefined,
    stopsWorkers: true,
    isDryRun: false,
    leaseDurationMs: pass.group.spec.leases.durationSeconds * 1_000,
    openOther: (name) => openOther(pass, name),
    ...about,
  };
}

function sessionOf({ memory, options }: PlacedPass, request: ResetRequest): ResetSession {
  const { id, to, stopsWorkers } = request;
  // Its resource may go, and its group be stopped, while it is under way.
  const of = JSON.stringify([id, to !== undefined, stopsWorkers]);
  const known = memory.reset.session;
  if (known?.of === of) return known.session;
  if (!options.aws.openReset) throw new KcgError('Unsupported', 'this operator resets nothing');
  const session = options.aws.openReset(request);
  memory.reset.session = { of, session };
  return session;
}

/** Only of the namespace of the reset: whoever may create one there may read what is there. */
async function openOther(pass: PlacedPass, name: string): Promise<LeaseTable> {
  const { options, group, signal } = pass;
  const { namespace } = group.metadata;
  const object = options.caches.groups.get({ namespace, name });
  const read = object && readGroup(object);
  if (read?.outcome !== 'ok')
    throw new KcgError(
      'NotFound',
      `there is no valid KinesisConsumerGroup ${name} in namespace ${namespace}`,
    );
  const target = placeOf({ group: read.group, groupId: rowsGroupIdOf(read.group), options });
  if (!target) throw new KcgError('NotFound', `no region is known of group ${name}`);
  return options.aws.leaseTable(await withRole({ ...pass, group: read.group }, target), signal);
}
