import { parseRef, type Lease } from '../leases/lease.ts';
import type { GroupLook } from '../view/group-look.ts';
import { SlotRing } from './slot-ring.ts';

/** The hour that is kept, in steps of this, ms: of the group, and of each shard. */
const HOUR_MS = 3_600_000;
const GROUP_STEP_MS = 30_000;
const SHARD_STEP_MS = 60_000;
/** Changes of owner that are kept of a group, the newest. */
export const MAX_MOVES = 200;

/** A shard has got another owner, or has none any more. */
export interface Move {
  /** Wall clock, ms since the epoch: as its row has it, or when it was seen. */
  at: number;
  shardId: string;
  /** Workers; undefined = nobody. */
  from: string | undefined;
  to: string | undefined;
  /** The reason that worker events tell: `TakenFromDead`, `GivenToBalance`, `Released`, …; undefined = the row says none. */
  why: string | undefined;
}

/** Values over the last hour, oldest first; null where nobody looked. */
export interface Series {
  stepMs: number;
  /** Wall clock, ms since the epoch: when the step of the last value began. */
  endMs: number;
  /** Seconds; the greatest of each step. */
  lag: (number | null)[];
  /** Records or KiB a second, whichever is more, as their owners have it in the rows. */
  load: (number | null)[];
}

interface ShardRings {
  lag: SlotRing;
  load: SlotRing;
}

/** How many shards' hours are kept in all groups together; `take` gives false when there is no room for one more. */
export interface ShardRoom {
  take(): boolean;
  give(): void;
}

/** Counts up to `max`. */
export function shardRoom(max: number): ShardRoom {
  let taken = 0;
  return {
    take() {
      if (taken >= max) return false;
      taken += 1;
      return true;
    },
    give: () => void (taken -= 1),
  };
}

/** What the looks at one group have shown over the last hour. Bounded, in memory only: a restart begins anew. */
export class GroupHistory {
  readonly #lag = new SlotRing(HOUR_MS / GROUP_STEP_MS, GROUP_STEP_MS);
  readonly #load = new SlotRing(HOUR_MS / GROUP_STEP_MS, GROUP_STEP_MS);
  readonly #shards = new Map<string, ShardRings>();
  readonly #room: ShardRoom;
  /** By shard: the epoch that was seen last. */
  #epochs: Map<string, number> | undefined;
  #moves: Move[] = [];

  constructor(room: ShardRoom) {
    this.#room = room;
  }

  add({ view, rows, atMs, isFresh }: Pick<GroupLook, 'view' | 'rows' | 'atMs' | 'isFresh'>): void {
    // What stood still because it could not be read says nothing.
    if (!isFresh) return;
    const loads = new Map(rows.leases.map(({ shardId, load }) => [shardId, load]));
    let sum = 0;
    const there = new Set<string>();
    for (const { shardId, state, lagMs } of view.shards) {
      if (state === 'ended') continue;
      there.add(shardId);
      const isOwned = state === 'consuming' || state === 'handing-off';
      const load = isOwned ? (loads.get(shardId) ?? 0) : 0;
      sum += load;
      const rings = this.#rings(shardId);
      if (lagMs !== undefined) rings?.lag.put(atMs, lagMs / 1_000, 'greatest');
      rings?.load.put(atMs, load, 'last');
    }
    for (const shardId of this.#shards.keys()) if (!there.has(shardId)) this.#drop(shardId);
    if (view.lag.maxMs !== undefined) this.#lag.put(atMs, view.lag.maxMs / 1_000, 'greatest');
    this.#load.put(atMs, sum, 'last');
    this.#watchOwners(rows.leases, atMs);
  }

  series(nowMs: number): Series {
    return read({ lag: this.#lag, load: this.#load }, GROUP_STEP_MS, nowMs);
  }

  /** Undefined of one that is not there, is ended, or that there was no room for. */
  shardSeries(shardId: string, nowMs: number): Series | undefined {
    const rings = this.#shards.get(shardId);
    return rings && read(rings, SHARD_STEP_MS, nowMs);
  }

  /** Newest first. */
  moves(): readonly Move[] {
    return this.#moves;
  }

  /** Its shards make room for others. */
  close(): void {
    for (const shardId of this.#shards.keys()) this.#drop(shardId);
  }

  #rings(shardId: string): ShardRings | undefined {
    const known = this.#shards.get(shardId);
    if (known || !this.#room.take()) return known;
    const slots = HOUR_MS / SHARD_STEP_MS;
    const rings = { lag: new SlotRing(slots, SHARD_STEP_MS), load: new SlotRing(slots, SHARD_STEP_MS) };
    this.#shards.set(shardId, rings);
    return rings;
  }

  #drop(shardId: string): void {
    this.#shards.delete(shardId);
    this.#room.give();
  }

  #watchOwners(leases: readonly Lease[], nowMs: number): void {
    const known = this.#epochs;
    const fresh = leases.filter(
      ({ shardId, epoch }) => known === undefined || isNewer(epoch, known.get(shardId)),
    );
    // A stale read shows an older epoch for a moment.
    this.#epochs = new Map(
      leases.map(({ shardId, epoch }) => [shardId, Math.max(epoch, known?.get(shardId) ?? 0)]),
    );
    // At the first look, what the rows themselves tell of the time before.
    const moves = fresh.flatMap((lease) => moveOf(lease, known ? nowMs : undefined) ?? []);
    if (moves.length === 0) return;
    this.#moves = [...moves, ...this.#moves].toSorted((a, b) => b.at - a.at).slice(0, MAX_MOVES);
  }
}

function isNewer(epoch: number, known: number | undefined): boolean {
  return known === undefined || epoch > known;
}

/** Undefined when the row tells nothing of when or why. */
function moveOf(
  { shardId, owner, takenAt, lastChange }: Lease,
  seenMs: number | undefined,
): Move | undefined {
  const at = owner === undefined ? seenMs : (takenAt ?? seenMs);
  if (at === undefined || (owner === undefined && lastChange === undefined)) return undefined;
  const from = lastChange?.from;
  return {
    at,
    shardId,
    from: from === undefined ? undefined : workerOf(from),
    to: owner === undefined ? undefined : workerOf(owner),
    why: lastChange?.why,
  };
}

function workerOf(ref: string): string {
  return parseRef(ref).worker;
}

function read({ lag, load }: ShardRings, stepMs: number, nowMs: number): Series {
  // The same throughout a step: a page on which nothing happens does not change.
  return { stepMs, endMs: Math.floor(nowMs / stepMs) * stepMs, lag: lag.read(nowMs), load: load.read(nowMs) };
}
