import type { GroupRows } from '../../leases/group-rows.ts';
import { formatRef, isEnded, parseRef, type Lease } from '../../leases/lease.ts';
import type { LeaseTable } from '../../leases/lease-table.ts';
import { ObservedWorkers } from '../../leases/observed-workers.ts';
import { fenceWorker } from '../../leases/transitions.ts';
import type { WorkerRow } from '../../leases/worker-row.ts';
import type { Clock } from '../../lib/clock.ts';

/** Who may be alive, as rows and this process's own monotonic clock tell. */
export interface Owners {
  /** Workers that may be alive, whether they own anything or not. */
  living: readonly WorkerRow[];
  /** Of them, those that have shown it while they were watched; the others may have ended without a word. */
  moving: readonly WorkerRow[];
  /** Shards that are not free, with their owner's name. */
  held: readonly { shardId: string; worker: string }[];
}

/**
 * Which shards have an owner that may be alive. A worker whose beat has stood still for its lease is fenced, as other workers
 * would; an owner without a row is given its lease, too. All rows given are as strongly consistent reads show them.
 */
export class ShardOwners {
  readonly #clock: Clock;
  readonly #leaseDurationMs: number;
  readonly #observed = new ObservedWorkers();
  readonly #firstBeats = new Map<string, number>();
  /** By ref: since when its row is missing. */
  readonly #missing = new Map<string, number>();

  constructor(options: { clock: Clock; leaseDurationMs: number }) {
    this.#clock = options.clock;
    this.#leaseDurationMs = options.leaseDurationMs;
  }

  observe({ workers, leases }: GroupRows): Owners {
    const nowMs = this.#clock.monotonic();
    this.#observed.observe(workers, nowMs);
    const living = this.#observed.living(workers, nowMs, this.#leaseDurationMs);
    const moving = living.filter((row) => {
      const first = this.#firstBeats.get(formatRef(row)) ?? row.beat;
      this.#firstBeats.set(formatRef(row), first);
      return row.beat > first;
    });
    const byName = new Map(workers.map((row) => [row.worker, row]));
    const alive = new Set(living);
    const held = leases.flatMap((lease) => {
      const worker = this.#ownerOf(lease, { byName, alive, nowMs });
      return worker === undefined ? [] : [{ shardId: lease.shardId, worker }];
    });
    return { living, moving, held };
  }

  /** Dead for others too, before anything that was theirs is moved. */
  async fenceLapsed(table: LeaseTable, { workers }: GroupRows, signal: AbortSignal): Promise<void> {
    for (const row of this.#observed.lapsed(workers, this.#clock.monotonic(), this.#leaseDurationMs))
      await table.write(fenceWorker(row, 'reset'), { signal });
  }

  /** Who ended a shard does nothing with it any more. */
  #ownerOf(
    lease: Lease,
    { byName, alive, nowMs }: { byName: Map<string, WorkerRow>; alive: Set<WorkerRow>; nowMs: number },
  ): string | undefined {
    const { owner } = lease;
    if (owner === undefined || isEnded(lease)) return undefined;
    const { worker, incarnation } = parseRef(owner);
    const row = byName.get(worker);
    if (row) return row.incarnation === incarnation && alive.has(row) ? worker : undefined;
    const sinceMs = this.#missing.get(owner) ?? nowMs;
    this.#missing.set(owner, sinceMs);
    return nowMs - sinceMs < this.#leaseDurationMs ? worker : undefined;
  }
}
