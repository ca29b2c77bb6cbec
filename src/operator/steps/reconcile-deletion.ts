import { SHADOW_SUFFIX } from '../../api/group.ts';
import type { GroupStatus } from '../../api/group-status.ts';
import { FINALIZER, TABLE_ANNOTATION } from '../../api/labels.ts';
import { decodeClaim } from '../../leases/claim.ts';
import type { LeaseTable } from '../../leases/lease-table.ts';
import { CLAIM_KEY } from '../../leases/row.ts';
import { writeRows } from '../../leases/write-rows.ts';
import { count } from '../../lib/count.ts';
import { describeError, isRetryable, KcgError } from '../../lib/errors.ts';
import { KINDS, keyOf, keyString, type Cluster, type StoredObject } from '../../kubernetes/cluster.ts';
import type { StuckRound } from '../../kubernetes/work-queue.ts';
import { groupsOfTable } from '../observe/group-indexes.ts';
import { podView } from '../observe/observe-pods.ts';
import { deletingStatus, leaveConsumer, retainInstead } from '../plan/status/deleting-status.ts';
import { readOwn } from '../plan/own-annotation.ts';
import { NO_REGION } from '../plan/status/nowhere.ts';
import { isOwnedBy } from '../plan/workload/desired-objects.ts';
import { lostConsumers, readMadeConsumers, writeMadeConsumers } from '../plan/consumer-record.ts';
import { isMadeFor, planCleanup, type Cleanup } from '../plan/plan-cleanup.ts';
import { keptRunning, waitingForPods, type LeavingPod } from '../plan/waiting-for-pods.ts';
import { observeTable } from '../observe/observe-table.ts';
import { removeAllConsumers } from './reconcile-consumer.ts';
import type { Pass, PlacedPass } from '../reconcile-context.ts';
import { deploymentOf, podsOf, readDeployment } from './reconcile-workload.ts';
import { placeOf, withRole } from './reconcile-place.ts';
import { NATIVE_KEY_SCHEMA, type ObservedTable, type TableAdmin } from '../../table/table-admin.ts';

const WAIT_MS = 3_000;
const RETRY_MS = 60_000;
/** Enough to see that there are others in the table, and to name them. */
const LISTED_GROUPS = 4;

/** kcg's own; those of others do not count. */
export function hasFinalizer({ metadata }: StoredObject): boolean {
  return metadata.finalizers?.includes(FINALIZER) ?? false;
}

/** The finalizer is there exactly while deleting the group would have something to undo, with the record of what that is. */
export async function keepFinalizer(pass: Pass): Promise<boolean> {
  const { options, object, group, memory, signal } = pass;
  const lost = lostConsumers(object);
  const hasMade = readMadeConsumers(object).length > 0 || lost.length > 0;
  const wanted = group.spec.checkpoints.deletionPolicy !== 'Retain' || hasMade;
  memory.wasGuarded ||= hasFinalizer(object);
  if (wanted === hasFinalizer(object) && lost.length === 0) return true;
  const others = (object.metadata.finalizers ?? []).filter((name) => name !== FINALIZER);
  const patch = {
    finalizers: wanted ? [...others, FINALIZER] : others,
    ...(lost.length > 0 ? { annotations: writeMadeConsumers(object, lost) } : {}),
  };
  const result = await options.cluster.patchMetadata(KINDS.consumerGroup, object, patch, { signal });
  if (result.outcome !== 'patched') return false;
  memory.wasGuarded = wanted;
  pass.object = result.object;
  return true;
}

/**
 * Takes kcg's finalizer off, so that the object can go; those of others stay.
 * @returns in how many ms to try again, when the object has changed meanwhile; else undefined
 * @throws KcgError as `Cluster` does
 */
export async function dropFinalizer(
  cluster: Cluster,
  object: StoredObject,
  signal: AbortSignal,
): Promise<number | undefined> {
  if (!hasFinalizer(object)) return undefined;
  const finalizers = (object.metadata.finalizers ?? []).filter((name) => name !== FINALIZER);
  const result = await cluster.patchMetadata(KINDS.consumerGroup, object, { finalizers }, { signal });
  return result.outcome === 'patched' ? undefined : 1_000;
}

/**
 * A group that is being deleted. With Retain nothing of AWS is touched or asked, unless kcg has registered a stream consumer for
 * it. Otherwise first the workers stop, then the consumer goes and what is ours in the table, then the finalizer.
 */
export async function reconcileDeletion(pass: Pass): Promise<number | StuckRound | undefined> {
  const { options, object, memory, signal } = pass;
  if (!hasFinalizer(object)) return undefined;
  memory.wasGuarded = true;
  pass.tenants.booked.freeReplicas(object.metadata.uid);
  const waits = await undo(pass);
  if (!waits) return dropFinalizer(options.cluster, pass.object, signal);
  if (!waits.failed) return told(pass, waits.message, waits.inMs);
  return { stuck: true, inMs: await told(pass, `${waits.message} Or ${wayOut(pass)}.`, waits.inMs) };
}

function wayOut({ object, group }: Pass): string {
  const [made] = readMadeConsumers(object);
  return made ? leaveConsumer(made.name) : retainInstead(group.spec.checkpoints.deletionPolicy);
}

export interface Waits {
  message: string;
  inMs: number;
  failed?: true;
}

/** One step on the way; @returns what it waits for, undefined when nothing is left to undo */
export async function undo(pass: Pass): Promise<Waits | undefined> {
  const { group, signal } = pass;
  const { deletionPolicy } = group.spec.checkpoints;
  const target = placeOf(pass);
  const hasConsumers = readMadeConsumers(pass.object).length > 0;
  if (deletionPolicy === 'Retain' && !hasConsumers) return undefined;
  if (target === undefined && !hasConsumers && !hadTable(pass.object)) return undefined;
  let placed: PlacedPass | undefined;
  try {
    const stopping = await stopWorkers(pass);
    if (stopping !== undefined) return { message: stopping, inMs: WAIT_MS };
    if (target === undefined) return { message: NO_REGION, inMs: RETRY_MS, failed: true };
    placed = { ...pass, target: await withRole(pass, target) };
    const message = await cleanUpAws(placed, deletionPolicy);
    return message === undefined ? undefined : { message, inMs: WAIT_MS };
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    const error = KcgError.from(thrown);
    const inMs = isRetryable(error) ? RETRY_MS / 4 : RETRY_MS;
    return { message: describeError(error), inMs, failed: true };
  } finally {
    if (placed) pass.object = placed.object;
  }
}

/** It was somewhere in AWS once. */
function hadTable(object: StoredObject): boolean {
  const { table } = (object.status ?? {}) as GroupStatus;
  return readOwn(object, TABLE_ANNOTATION) !== undefined || table?.arn !== undefined;
}

/** @returns what it waits for; undefined when no pod is left */
async function stopWorkers(pass: Pass): Promise<string | undefined> {
  const { options, object, signal } = pass;
  const deployment = deploymentOf(pass) ?? (await readDeployment(pass));
  const pods = podsOf(pass).map(leavingPod);
  const stays = deployment && !deployment.metadata.deletionTimestamp ? deployment : undefined;
  const isOurs = stays && isOwnedBy(stays, object.metadata.uid);
  if (isOurs) {
    const { uid } = stays.metadata;
    await options.cluster.delete(KINDS.deployment, keyOf(stays), { uid, signal });
  }
  // It may still have made some that are not seen yet.
  if (pods.length === 0) return isOurs ? 'waiting for the worker pods to stop' : undefined;
  const message = waitingForPods(pods, options.clock.now());
  return stays && !isOurs ? `${message} ${keptRunning(keyOf(stays))}` : message;
}

function leavingPod({ metadata, spec }: StoredObject): LeavingPod {
  const { name, namespace = 'default', deletionTimestamp } = metadata;
  return { name, namespace, node: (spec as { nodeName?: string } | undefined)?.nodeName, deletionTimestamp };
}

/** Consumers first: each hour of one has its price. */
async function cleanUpAws(
  pass: PlacedPass,
  policy: 'Retain' | 'Expire' | 'Delete',
): Promise<string | undefined> {
  await removeAllConsumers(pass);
  return policy === 'Retain' ? undefined : cleanUp(pass, policy);
}

/** @returns what it waits for; undefined when nothing is left to undo */
async function cleanUp(pass: PlacedPass, policy: 'Expire' | 'Delete'): Promise<string | undefined> {
  const { options, target, signal } = pass;
  const admin = options.aws.tableAdmin(target);
  const observed = await observeTable(pass, admin);
  if (!observed || observed.status === 'DELETING') return undefined;
  // Such a table can neither be read nor deleted.
  if (observed.status === 'CREATING' || observed.status === 'UPDATING')
    return `waiting for table ${target.table}, which is ${observed.status}`;
  const table = await options.aws.leaseTable(target, signal);
  const plan = await planned(pass, { policy, observed, table });
  if (plan.do === 'delete table') {
    await deleteTable(pass, { admin, isProtected: plan.isProtected });
    return undefined;
  }
  await removeShadow(pass, { policy, observed });
  if (plan.do === 'write rows') await removeRows(pass, { table, plan });
  else if (plan.why !== undefined) {
    const note = `nothing was deleted: ${plan.why}`;
    pass.events.push({ type: 'Normal', reason: 'RowsKept', note, action: 'Delete' });
  }
  return undefined;
}

/** A group that was a shadow once has rows of its own in the table for that, which stay as long as it does. */
async function removeShadow(
  pass: PlacedPass,
  { policy, observed }: { policy: 'Expire' | 'Delete'; observed: ObservedTable },
): Promise<void> {
  if (observed.keySchema !== NATIVE_KEY_SCHEMA) return;
  const groupId = `${pass.groupId}${SHADOW_SUFFIX}`;
  const shadow = { ...pass, groupId, target: { ...pass.target, groupId } };
  const table = await pass.options.aws.leaseTable(shadow.target, pass.signal);
  const plan = await planned(shadow, { policy, observed, table });
  if (plan.do === 'write rows') await removeRows(shadow, { table, plan });
}

async function removeRows(
  { groupId, events, signal }: PlacedPass,
  { table, plan }: { table: LeaseTable; plan: Extract<Cleanup, { do: 'write rows' }> },
): Promise<void> {
  const { writes, what } = plan;
  const isClaim = ({ key }: (typeof writes)[number]) => key === CLAIM_KEY;
  await writeRows(
    table,
    writes.filter((write) => !isClaim(write)),
    signal,
  );
  await writeRows(table, writes.filter(isClaim), signal);
  const note = `${count(writes.length, 'row')} of group ${groupId} ${what}`;
  events.push({ type: 'Normal', reason: 'RowsRemoved', note, action: 'Delete' });
}

async function planned(
  pass: PlacedPass,
  {
    policy,
    observed,
    table,
  }: {
    policy: 'Expire' | 'Delete';
    observed: ObservedTable;
    table: LeaseTable;
  },
): Promise<Cleanup> {
  const { options, object, group, groupId, signal } = pass;
  const rows = await table.query('all', { consistent: true, signal });
  const claimRow = rows.find(({ shard_id }) => shard_id === CLAIM_KEY);
  return planCleanup({
    policy,
    expireAfterDays: group.spec.checkpoints.expireAfterDays ?? 0,
    table: observed,
    rows,
    claim: claimRow && decodeClaim(claimRow),
    owner: {
      clusterId: await options.cluster.clusterId({ signal }),
      resourceUid: object.metadata.uid,
      groupId,
    },
    others: policy === 'Delete' && isMadeFor(groupId, observed) ? await othersIn(pass) : [],
    nowMs: options.clock.now(),
  });
}

/**
 * The resources of this cluster that name the table, and the groups that have rows in it: those may be of another cluster,
 * or of a namespace that is not watched.
 */
async function othersIn(pass: PlacedPass): Promise<string[]> {
  const { options, object, target, groupId, signal } = pass;
  const groupIds = await options.aws.groupIds(target, { limit: LISTED_GROUPS, signal });
  const resources = groupsOfTable(options.caches.groups, target.table).filter(
    ({ metadata }) => metadata.uid !== object.metadata.uid,
  );
  return [
    ...resources.map((other) => keyString(keyOf(other))),
    ...groupIds
      .filter((id) => id !== groupId && id !== `${groupId}${SHADOW_SUFFIX}`)
      .map((id) => `group ${id}`),
  ];
}

async function deleteTable(
  pass: PlacedPass,
  { admin, isProtected }: { admin: TableAdmin; isProtected: boolean },
): Promise<void> {
  const { target, signal, group } = pass;
  // Protection we set by default must not outlive the policy that was chosen later; what the spec asks for is respected.
  if (isProtected && group.spec.checkpoints.table.deletionProtection !== true) {
    await admin.apply({ do: 'set deletion protection', enabled: false }, { signal });
  }
  await admin.apply({ do: 'delete' }, { signal });
  pass.events.push({
    type: 'Normal',
    reason: 'TableDeleted',
    note: `table ${target.table} deleted`,
    action: 'Delete',
  });
}

async function told(pass: Pass, message: string, inMs: number): Promise<number> {
  const { options, object, group, signal, statuses } = pass;
  const nowMs = options.clock.now();
  const pods = podsOf(pass).map((pod) => podView(pod, nowMs));
  const about = { previous: group.status, generation: object.metadata.generation ?? 0, nowMs };
  const status = deletingStatus(message, about, { pods });
  await statuses.write(object, status, signal);
  return inMs;
}
