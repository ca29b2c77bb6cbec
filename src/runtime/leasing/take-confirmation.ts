import { isDeepStrictEqual } from 'node:util';
import { isEnded, parseRef, type Lease } from '../../leases/lease.ts';
import type { LeaseTable } from '../../leases/lease-table.ts';
import type { Move } from '../../leases/plan-leases.ts';
import type { Clock } from '../../lib/clock.ts';
import { workerKey, type Row } from '../../leases/row.ts';
import { decodeWorker, type WorkerRow } from '../../leases/worker-row.ts';
import type { GroupState } from './group-state.ts';
import type { Death } from './ownership-change.ts';

/** async-kinesis gives an owner up after 60 s without a heartbeat, which it sends every 15 s: its defaults. */
const FOREIGN_SILENCE_MS = 75_000;

/**
 * Strong reads before a take: the last owner is dead or gone, and every parent is ended or gone from the stream.
 * A dead incarnation never lives again and a shard that has left never comes back, so these are found out once; an ended
 * shard is read each time, as a reset reopens it.
 *
 * A row of another program names an owner of which there is no worker row. It may be alive: its row is watched, and
 * taken once it has stood still for as long as that program itself would wait.
 */
export class TakeConfirmation {
  readonly #table: LeaseTable;
  readonly #state: GroupState;
  readonly #listShardIds: () => Promise<ReadonlySet<string>>;
  readonly #deaths = new Map<string, Death>();
  /** Parents without a row that the stream has no more. */
  readonly #gone = new Set<string>();
  /** Rows of other programs: what they showed, and since when on this worker's monotonic clock. */
  readonly #watched = new Map<string, { row: Row | undefined; sinceMs: number }>();
  /** Owners without a row, and since when on this worker's monotonic clock. */
  readonly #missing = new Map<string, number>();
  readonly #leaseDurationMs: number;
  readonly #clock: Clock;

  constructor(
    table: LeaseTable,
    clock: Clock,
    state: GroupState,
    more: { leaseDurationMs: number; listShardIds: () => Promise<ReadonlySet<string>> },
  ) {
    this.#table = table;
    this.#clock = clock;
    this.#state = state;
    this.#leaseDurationMs = more.leaseDurationMs;
    this.#listShardIds = more.listShardIds;
  }

  async mayTake(lease: Lease, move: Move, signal: AbortSignal): Promise<boolean> {
    if (lease.owner !== move.from) return false;
    if (lease.owner !== undefined) {
      // Shard rows are read seldom: it may have a new owner long since.
      const row = await this.#table.get(lease.shardId, { consistent: true, signal });
      if (this.#state.learn(row)?.owner !== lease.owner) return false;
      const isForeign = lease.epoch === 0;
      const isOver = isForeign ? this.#standsStill(lease, row) : this.#isDead(lease.owner, signal);
      if (!(await isOver)) return false;
    }
    // A row of another program does not name its parents before shard sync has completed it; one that left has none.
    if (lease.hashStart === undefined && (await this.#listShardIds()).has(lease.shardId)) return false;
    for (const parent of lease.parents) {
      if (!(await this.#isEnded(parent, signal))) return false;
    }
    return true;
  }

  /** What `mayTake` has found out about an owner. */
  deathOf(ref: string): Death | undefined {
    return this.#deaths.get(ref);
  }

  /** All rows have been read: what no row asks about any more is forgotten. What is asked about again is found out again. */
  forgetUnasked(): void {
    const { leases } = this.#state;
    const owners = new Set(leases.map(({ owner }) => owner));
    const shardIds = new Set(leases.flatMap(({ shardId, parents }) => [shardId, ...parents]));
    for (const [known, asked] of [
      [this.#deaths, owners],
      [this.#missing, owners],
      [this.#gone, shardIds],
      [this.#watched, shardIds],
    ] as const)
      for (const key of known.keys()) if (!asked.has(key)) known.delete(key);
  }

  async #isDead(ref: string, signal: AbortSignal): Promise<boolean> {
    if (this.#deaths.has(ref)) return true;
    const { worker, incarnation } = parseRef(ref);
    const row = await this.#table.get(workerKey(worker), { consistent: true, signal });
    const current = row && decodeWorker(row);
    if (current === undefined && !this.#isLongMissing(ref)) return false;
    const death = deathIn(current, incarnation);
    if (death) this.#deaths.set(ref, death);
    return death !== undefined;
  }

  /**
   * Who stops removes the row last of all, and owns nothing then. A row that is missing all the same was removed by a person
   * or by its time to live, and its worker may not know yet: it has until its next beat, and its lease.
   */
  #isLongMissing(ref: string): boolean {
    const nowMs = this.#clock.monotonic();
    const sinceMs = this.#missing.get(ref) ?? nowMs;
    this.#missing.set(ref, sinceMs);
    return nowMs - sinceMs >= this.#leaseDurationMs;
  }

  #standsStill({ shardId, owner = '' }: Lease, row: Row | undefined): boolean {
    const nowMs = this.#clock.monotonic();
    const watched = this.#watched.get(shardId);
    // Attributes come in no order.
    if (!watched || !isDeepStrictEqual(watched.row, row)) this.#watched.set(shardId, { row, sinceMs: nowMs });
    else if (nowMs - watched.sinceMs >= FOREIGN_SILENCE_MS) {
      this.#deaths.set(owner, { how: 'Gone', by: undefined });
      return true;
    }
    return false;
  }

  async #isEnded(shardId: string, signal: AbortSignal): Promise<boolean> {
    if (this.#gone.has(shardId)) return true;
    const lease = this.#state.learn(await this.#table.get(shardId, { consistent: true, signal }));
    if (lease) return isEnded(lease);
    if ((await this.#listShardIds()).has(shardId)) return false;
    this.#gone.add(shardId);
    return true;
  }
}

function deathIn(row: WorkerRow | undefined, incarnation: string): Death | undefined {
  if (row === undefined) return { how: 'Gone', by: undefined };
  if (row.incarnation !== incarnation) return { how: 'Replaced', by: undefined };
  return row.state === 'dead' ? { how: 'Fenced', by: row.fencedBy || undefined } : undefined;
}
