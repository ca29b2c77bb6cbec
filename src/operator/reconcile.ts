import { groupIdOf, isReading, type KinesisConsumerGroup, type GroupStatus } from '../api/group.ts';
import { RECONCILE_PAUSED_ANNOTATION } from '../api/labels.ts';
import { keepsPositions, type StoredGroup } from '../api/stored-group.ts';
import { jitterMs } from '../lib/backoff.ts';
import type { GroupView } from '../view/group-view.ts';
import { streamKey } from './group-target.ts';
import type { FailedRound, StuckRound } from '../kubernetes/work-queue.ts';
import { keyOf, keyString, parseKey, type StoredObject } from '../kubernetes/cluster.ts';
import { expiringShards, isListStale, readRows, viewOf } from './observe/observe-rows.ts';
import { StreamCache } from './observe/observe-stream.ts';
import { invalidStatus, pausedStatus } from './plan/compute-status.ts';
import { deletingStatus, unreadable, waitingStatus } from './plan/deleting-status.ts';
import { readMadeConsumers } from './plan/consumer-record.ts';
import { recordedGroup } from './plan/recorded-group.ts';
import { decideReplicas, isComplete, type KnownOfGroup } from './steps/decide-replicas.ts';
import { belongsTo } from './plan/desired-objects.ts';
import { workloadProblem } from './plan/step-failures.ts';
import type { GroupFacts } from './plan/group-facts.ts';
import { holdGroup, OtherOperators } from './other-operators.ts';
import { pursueClaim } from './steps/reconcile-claim.ts';
import { pursueConsumer, removeOldConsumers, usableArn } from './steps/reconcile-consumer.ts';
import { GroupReader } from './observe/read-groups.ts';
import { followOutage, judgeWorkers } from './steps/reconcile-liveness.ts';
import { nowhere } from './plan/nowhere.ts';
import { countJudgements } from './plan/shards-progressing.ts';
import { lateGroup, undoLate } from './steps/late-deletion.ts';
import { concernsImport, pursueImport } from './steps/reconcile-import.ts';
import { reconcilePause } from './steps/reconcile-pause.ts';
import { lookAtRowsAgain } from './observe/rows-again.ts';
import { lookAnew } from './observe/look-anew.ts';
import { pursueReset } from './steps/reconcile-reset.ts';
import { tellNoGroup, tellNotReady } from './steps/waiting-resets.ts';
import { resetUnderWay } from '../leases/claim.ts';
import type { GroupRows } from '../leases/group-rows.ts';
import type { LeaseTable } from '../leases/lease-table.ts';
import { attempt } from './steps/pace.ts';
import { recordsWaiting } from './observe/records-waiting.ts';
import {
  IDLE_MS,
  lookAgain,
  newMemory,
  type GroupMemory,
  type Pass,
  type PlacedPass,
  type ReconcilerOptions,
} from './reconcile-context.ts';
import { dropFinalizer, keepFinalizer, reconcileDeletion, type Waits } from './steps/reconcile-deletion.ts';
import { placedPass } from './steps/reconcile-place.ts';
import { reconcileTable } from './steps/reconcile-table.ts';
import { findDeployment, reconcileWorkload } from './steps/reconcile-workload.ts';
import { StatusWriter } from './apply/status-writer.ts';
import { withinLimit } from './steps/tenant-limits.ts';
import { tellLook } from './observe/tell-look.ts';
import { Tenants } from './tenants.ts';
import { writeStatus } from './apply/write-status.ts';

/** The stream is being created, resharded or deleted. */
const CHANGING_MS = 3_000;

/**
 * Brings one group at a time to what its resource asks for. Level-based: every pass looks at everything and does what is
 * missing; what is remembered between passes only saves calls.
 */
export class GroupReconciler {
  readonly #options: ReconcilerOptions;
  readonly #streams: StreamCache;
  readonly #statuses: StatusWriter;
  readonly #others: OtherOperators;
  readonly #tenants: Tenants;
  /** By key; a group recreated under its name starts anew. */
  readonly #memory = new Map<string, GroupMemory>();
  readonly #reader: GroupReader;

  constructor(options: ReconcilerOptions) {
    this.#options = options;
    this.#streams = new StreamCache({ clock: options.clock, random: options.random, log: options.log });
    this.#statuses = new StatusWriter(options);
    this.#others = new OtherOperators(options);
    this.#tenants = new Tenants(options);
    this.#reader = new GroupReader(options.log);
  }

  /**
   * @returns when to look again, ms, and what failed; undefined when only a change of the group should bring it back
   * @throws KcgError when the pass could not be ended, to be tried again with back-off
   */
  async reconcile(key: string, signal: AbortSignal): Promise<number | FailedRound | StuckRound | undefined> {
    const { groups } = this.#options.caches;
    const late = await this.#undoLate(key, signal);
    const cached = groups.get(parseKey(key));
    if (late) {
      if (cached) await this.#say(cached, waitingStatus(late.message, this.#about(cached)), signal);
      return late.inMs;
    }
    if (!cached) {
      this.#forget(key);
      return tellNoGroup(this.#options, key, signal);
    }
    const { keptOff } = this.#memoryOf(key, cached);
    const held = await holdGroup(this.#options, this.#others, { object: cached, keptOff, signal });
    if (typeof held !== 'number') return this.#look(key, held, signal);
    if (keptOff.from !== undefined) this.#stopJudging(key);
    return held;
  }

  async #look(
    key: string,
    object: StoredObject,
    signal: AbortSignal,
  ): Promise<number | FailedRound | StuckRound | undefined> {
    const { annotations, deletionTimestamp } = object.metadata;
    const parsed = this.#reader.read(object);
    // A group that is being deleted is not kept from going by what was said while it lived.
    if (annotations?.[RECONCILE_PAUSED_ANNOTATION] === 'true' && !deletionTimestamp) {
      return this.#pause(key, object, { parsed, signal });
    }
    const recorded = parsed.outcome === 'refused' && deletionTimestamp ? recordedGroup(object) : undefined;
    if (parsed.outcome === 'refused' && !recorded) return this.#refuse(object, parsed.problems, signal);
    const group = parsed.outcome === 'ok' ? parsed.group : recorded!;
    const pass = this.#passOf(key, object, { group, signal });
    if (deletionTimestamp) this.#stopJudging(key);
    try {
      if (!deletionTimestamp) return await reconcileLiving(pass);
      const again = await reconcileDeletion(pass);
      await tellNotReady(this.#options, object, signal);
      return again;
    } finally {
      for (const event of pass.events) this.#options.cluster.recordEvent({ ...event, regarding: object });
    }
  }

  #passOf(
    key: string,
    object: StoredObject,
    { group, signal }: { group: KinesisConsumerGroup; signal: AbortSignal },
  ): Pass {
    return {
      options: this.#options,
      streams: this.#streams,
      statuses: this.#statuses,
      tenants: this.#tenants,
      object,
      group,
      groupId: groupIdOf(group),
      memory: this.#memoryOf(key, object),
      signal,
      events: [],
      failures: [],
      refused: [],
      again: { inMs: IDLE_MS },
    };
  }

  /** Before anything is done for a new group of that name. */
  async #undoLate(key: string, signal: AbortSignal): Promise<Waits | undefined> {
    const { groups } = this.#options.caches;
    const last = groups.deleted?.(parseKey(key));
    const group = last && lateGroup(last, this.#memory.get(key));
    let waits: Waits | undefined;
    if (last && group) {
      const pass = this.#passOf(key, last, { group, signal });
      waits = await undoLate(pass);
      for (const event of pass.events) this.#options.cluster.recordEvent({ ...event, regarding: last });
    }
    if (waits === undefined) groups.forgetDeleted?.(parseKey(key));
    return waits;
  }

  /** Left alone but for the finalizer: what the policy says is to be undone may not be there when the group is deleted. */
  async #pause(
    key: string,
    object: StoredObject,
    { parsed, signal }: { parsed: StoredGroup; signal: AbortSignal },
  ): Promise<number | undefined> {
    if (parsed.outcome === 'refused') return this.#say(object, pausedStatus(this.#about(object)), signal);
    const pass = this.#passOf(key, object, { group: parsed.group, signal });
    if (!(await keepFinalizer(pass))) return 1_000;
    return this.#say(pass.object, pausedStatus(this.#about(object)), signal);
  }

  /** A spec that cannot work; the API server refuses most of these. */
  async #refuse(object: StoredObject, problems: string[], signal: AbortSignal): Promise<number | undefined> {
    if (!object.metadata.deletionTimestamp)
      return this.#say(object, invalidStatus(problems, this.#about(object)), signal);
    const [made] = readMadeConsumers(object);
    if (keepsPositions(object) && !made) return dropFinalizer(this.#options.cluster, object, signal);
    // Nobody can tell which rows are its own, and once the object is gone nobody would know that they were to go.
    return this.#say(object, deletingStatus(unreadable(problems, made?.name), this.#about(object)), signal);
  }

  #about({ status, metadata }: StoredObject): Parameters<typeof pausedStatus>[0] {
    const nowMs = this.#options.clock.now();
    return { previous: status as GroupStatus | undefined, generation: metadata.generation ?? 0, nowMs };
  }

  /** All that is done for a group until it is changed. */
  async #say(group: StoredObject, status: GroupStatus, signal: AbortSignal): Promise<number | undefined> {
    this.#stopJudging(keyString(keyOf(group)));
    const outcome = await this.#statuses.write(group, status, signal);
    await tellNotReady(this.#options, group, signal);
    return outcome === 'lost' ? 1_000 : undefined;
  }

  #memoryOf(key: string, { metadata }: StoredObject): GroupMemory {
    const known = this.#memory.get(key);
    if (known?.uid === metadata.uid) return known;
    if (known) this.#tenants.booked.forget(known.uid);
    const memory = newMemory(metadata.uid, this.#options.clock.monotonic());
    this.#memory.set(key, memory);
    return memory;
  }

  #forget(key: string): void {
    const uid = this.#memory.get(key)?.uid;
    if (uid !== undefined) this.#tenants.booked.forget(uid);
    this.#memory.delete(key);
    this.#stopJudging(key);
    this.#streams.forget(key);
  }

  /** Nobody looks at its shards from now on: what they were the last time would be an alert for ever. */
  #stopJudging(key: string): void {
    this.#options.tellers?.drop(key);
    this.#options.onJudged?.(key, undefined);
    this.#options.onLook?.(key, undefined);
  }
}

async function reconcileLiving(pass: Pass): Promise<number | FailedRound | StuckRound> {
  if (!(await keepFinalizer(pass))) return 1_000;
  const { placed, ...unplaced } = await placedPass(pass);
  if (!placed) pass.options.onLook?.(keyString(keyOf(pass.object)), undefined);
  const facts = placed ? await pursue(placed) : nowhere({ ...pass, ...unplaced });
  await writeStatus(placed ?? pass, facts);
  if (!placed) await tellNotReady(pass.options, pass.object, pass.signal);
  const inMs = jitterMs(pass.again.inMs, 0.2, pass.options.random);
  const [refused] = pass.refused;
  // What else the group needs is not kept waiting.
  if (refused) return { ...refused, inMs, retryInMs: refused.inMs };
  return isStuck(facts) ? { stuck: true, inMs } : inMs;
}

/** Something of AWS or of Kubernetes is in the way; that a table is being made is none. */
function isStuck({ stream, table, failures }: GroupFacts): boolean {
  if (stream.error !== undefined || failures.length > 0) return true;
  return table !== undefined && table.status !== 'True' && table.reason !== 'TableCreating';
}

/** Stream → table → claim → workers, as far as it goes. */
async function pursue(pass: PlacedPass): Promise<GroupFacts> {
  const { options, streams, target, memory, signal, group } = pass;
  lookAnew(pass);
  const stream = await streams.look(streamKey(target), {
    client: options.aws.streamClient(target),
    user: keyString(keyOf(pass.object)),
    isTold: memory.isQuiet,
    signal,
  });
  // Without a stream there is nothing to make a table for; one that is there is looked after all the same.
  const tableFacts = await reconcileTable(pass, { mayCreate: stream.summary !== undefined });
  const found = await readRows(pass, tableFacts);
  if (stream.error) lookAgain(pass, IDLE_MS / 4);
  else if (stream.summary?.status !== 'ACTIVE') lookAgain(pass, CHANGING_MS);
  let ours: { table: LeaseTable; rows: GroupRows } | undefined;
  if (found.rows && found.table) {
    const { rows, table } = found;
    await pursueClaim(pass, { rows, table, stream: stream.summary });
    if (memory.claim?.verdict === 'ours') {
      ours = { table, rows };
      await pursueImport(pass, { table, rows });
      await attempt(pass, { step: 'pause' }, () => reconcilePause(pass, { table, rows }));
    }
  }
  await pursueReset(pass, ours);
  // Shards are ended where the range ends, which is not the end of the shard.
  if (found.rows && !group.spec.range && isListStale(found.rows, stream)) streams.refresh(streamKey(target));
  const judged = await judgeWorkers(pass, found);
  const isFresh = found.table !== undefined;
  const waiting = judged && isFresh ? await recordsWaiting(pass, { rows: judged.rows, stream }) : undefined;
  const view = judged && viewOf(pass, { rows: judged.rows, stream, isFresh, readTo: waiting?.readTo });
  if (view) followOutage(pass, view, judged.ended);
  tellLook(pass, judged && view && { found, isFresh, rows: judged.rows, stream, view });
  const consumer = await pursueConsumer(pass, stream.summary);
  const known = { stream, view, rows: found.rows, isFresh, waiting };
  const { scaling, workload } = await scale(pass, known, consumer);
  tellJudgements(pass, scaling?.replicas === 0 ? undefined : view);
  await removeOldConsumers(pass);
  // Without a Deployment no rows move: one that cannot be made has a pace of its own.
  const { deployment } = workload;
  const isRunning = deployment !== undefined && (deployment.total > 0 || (scaling?.replicas ?? 0) > 0);
  if (isRunning) lookAtRowsAgain(pass, view);
  return {
    group,
    groupId: pass.groupId,
    region: target.region,
    stream,
    table: found.facts,
    consumer,
    claim: memory.claim,
    imported: concernsImport(group, found.rows) ? memory.import.facts : 'none',
    isComplete: isComplete(group, found.rows),
    resetBy: resetUnderWay(found.rows?.claim)?.by,
    workload,
    view,
    expiringShards: found.rows ? expiringShards(found.rows) : [],
    scaling,
    failures: pass.failures,
    lastScale: memory.lastScale ?? group.status?.scaling?.lastScale,
    lastFailover: memory.lastFailover ?? group.status?.leases?.lastFailover,
  };
}

function tellJudgements({ options, object, group }: PlacedPass, view: GroupView | undefined): void {
  const isToRead = isReading(group) && view !== undefined;
  options.onJudged?.(keyString(keyOf(object)), isToRead ? countJudgements(view) : undefined);
}

async function scale(
  pass: PlacedPass,
  known: Omit<KnownOfGroup, 'existing'>,
  consumer: GroupFacts['consumer'],
): Promise<Pick<GroupFacts, 'scaling' | 'workload'>> {
  const { deployment, error } = await findDeployment(pass);
  const existing = deployment && belongsTo(deployment, pass.object.metadata) ? deployment : undefined;
  const wanted = decideReplicas(pass, { ...known, existing });
  const decision = await withinLimit(pass, wanted, existing);
  // Perhaps there is one: another would be made in its place.
  if (error)
    return { scaling: decision, workload: { deployment: undefined, problem: workloadProblem(error) } };
  const seenRevision = Math.max(0, ...(known.rows?.workers ?? []).map(({ revision }) => revision));
  const workload = await reconcileWorkload({
    pass,
    existing: deployment,
    decision,
    view: known.view,
    seenRevision,
    consumerArn: usableArn(consumer),
  });
  return { scaling: decision, workload };
}
