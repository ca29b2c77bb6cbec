import { groupIdOf, type KinesisConsumerGroup, type GroupStatus } from '../api/group.ts';
import { RECONCILE_PAUSED_ANNOTATION } from '../api/labels.ts';
import { keepsPositions, type StoredGroup } from '../api/stored-group.ts';
import { keyOf, keyString, parseKey, type StoredObject } from '../kubernetes/cluster.ts';
import { StreamCache } from './observe/observe-stream.ts';
import { deletingStatus, unreadable, waitingStatus } from './plan/status/deleting-status.ts';
import { invalidStatus, pausedStatus } from './plan/status/left-alone-status.ts';
import { readMadeConsumers } from './plan/consumer-record.ts';
import { recordedGroup } from './plan/recorded-group.ts';
import { holdGroup, OtherOperators } from './other-operators.ts';
import { GroupReader } from './observe/read-groups.ts';
import { lateGroup, undoLate } from './steps/late-deletion.ts';
import { tellNoGroup, tellNotReady } from './steps/waiting-resets.ts';
import {
  IDLE_MS,
  newMemory,
  type GroupMemory,
  type Pass,
  type ReconcilerOptions,
} from './reconcile-context.ts';
import { dropFinalizer, keepFinalizer, reconcileDeletion, type Waits } from './steps/reconcile-deletion.ts';
import { StatusWriter } from './apply/status-writer.ts';
import { tellEvents } from './apply/tell-events.ts';
import { Tenants } from './tenants.ts';
import { reconcileLiving, type Again, type Look } from './reconcile-living.ts';

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
  async reconcile(key: string, signal: AbortSignal): Promise<Again> {
    const late = await this.#undoLate(key, signal);
    const cached = this.#options.caches.groups.get(parseKey(key));
    if (!cached) {
      if (late) return late.inMs;
      this.#forget(key);
      return tellNoGroup(this.#options, key, signal);
    }
    const { again, waits } = await (late
      ? this.#wait(cached, late, signal)
      : this.#lookIfOurs(key, cached, signal));
    return waits ? sooner(again, await tellNotReady(this.#options, cached, signal)) : again;
  }

  async #wait(group: StoredObject, { message, inMs }: Waits, signal: AbortSignal): Promise<Look> {
    return { ...(await this.#say(group, waitingStatus(message, this.#about(group)), signal)), again: inMs };
  }

  async #lookIfOurs(key: string, cached: StoredObject, signal: AbortSignal): Promise<Look> {
    const { keptOff } = this.#memoryOf(key, cached);
    const held = await holdGroup(this.#options, this.#others, { object: cached, keptOff, signal });
    if (typeof held !== 'number') return this.#look(key, held, signal);
    if (keptOff.from !== undefined) this.#stopJudging(key);
    return { again: held };
  }

  async #look(key: string, object: StoredObject, signal: AbortSignal): Promise<Look> {
    const { annotations, deletionTimestamp } = object.metadata;
    const parsed = this.#reader.read(object, this.#memoryOf(key, object));
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
      return { again: await reconcileDeletion(pass), waits: true };
    } finally {
      tellEvents(pass, object);
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
      tellEvents(pass, last);
    }
    if (waits === undefined) groups.forgetDeleted?.(parseKey(key));
    return waits;
  }

  /** Left alone but for the finalizer: what the policy says is to be undone may not be there when the group is deleted. */
  async #pause(
    key: string,
    object: StoredObject,
    { parsed, signal }: { parsed: StoredGroup; signal: AbortSignal },
  ): Promise<Look> {
    if (parsed.outcome === 'refused') return this.#say(object, pausedStatus(this.#about(object)), signal);
    const pass = this.#passOf(key, object, { group: parsed.group, signal });
    if (!(await keepFinalizer(pass))) return { again: 1_000 };
    return this.#say(pass.object, pausedStatus(this.#about(object)), signal);
  }

  /** A spec that cannot work; the API server refuses most of these. */
  async #refuse(object: StoredObject, problems: string[], signal: AbortSignal): Promise<Look> {
    if (!object.metadata.deletionTimestamp)
      return stuck(await this.#say(object, invalidStatus(problems, this.#about(object)), signal));
    const [made] = readMadeConsumers(object);
    if (keepsPositions(object) && !made)
      return { again: await dropFinalizer(this.#options.cluster, object, signal) };
    // Nobody can tell which rows are its own, and once the object is gone nobody would know that they were to go.
    const message = unreadable(problems, made?.name);
    return stuck(
      await this.#say(object, deletingStatus(message, this.#about(object), { isBlocked: true }), signal),
    );
  }

  #about({ status, metadata }: StoredObject): Parameters<typeof pausedStatus>[0] {
    const nowMs = this.#options.clock.now();
    return { previous: status as GroupStatus | undefined, generation: metadata.generation ?? 0, nowMs };
  }

  /** All that is done for a group until it is changed. */
  async #say(group: StoredObject, status: GroupStatus, signal: AbortSignal): Promise<Look> {
    this.#stopJudging(keyString(keyOf(group)));
    const { outcome } = await this.#statuses.write(group, status, signal);
    return { again: outcome === 'lost' ? 1_000 : undefined, waits: true };
  }

  #memoryOf(key: string, { metadata }: StoredObject): GroupMemory {
    const known = this.#memory.get(key);
    if (known?.uid === metadata.uid) return known;
    if (known) this.#forgetMemory(known);
    const memory = newMemory(metadata.uid, this.#options.clock.monotonic());
    this.#memory.set(key, memory);
    return memory;
  }

  #forget(key: string): void {
    const memory = this.#memory.get(key);
    if (memory) this.#forgetMemory(memory);
    this.#memory.delete(key);
    this.#stopJudging(key);
    this.#streams.forget(key);
  }

  #forgetMemory({ uid, import: { session } }: GroupMemory): void {
    this.#tenants.booked.forget(uid);
    session?.session.close();
  }

  /** Nobody looks at its shards from now on: what they were the last time would be an alert for ever. */
  #stopJudging(key: string): void {
    this.#options.tellers?.drop(key);
    this.#options.onJudged?.(key, undefined);
    this.#options.onLook?.(key, undefined);
  }
}

function sooner(again: Again, inMs: number | undefined): Again {
  if (inMs === undefined) return again;
  if (typeof again === 'object') return { ...again, inMs: Math.min(again.inMs, inMs) };
  return Math.min(again ?? Infinity, inMs);
}

/** It waits for a person, which the metrics are to tell. */
function stuck(look: Look): Look {
  return { ...look, again: look.again ?? { stuck: true, inMs: IDLE_MS } };
}
