import type { WorkerRef } from './lease.ts';
import type { WorkerRow } from './worker-row.ts';

interface Sighting {
  incarnation: string;
  beat: number;
  /** Monotonic ms at which this beat was first seen here. */
  sinceMs: number;
  /** The worker was alive when its life was first seen: `sinceMs` is a beat, not just a row that was found. */
  wasAlive: boolean;
  /** The sighting of its life before, if any. */
  before: Sighting | undefined;
}

/**
 * Watches heartbeats stand still, on this process's own monotonic clock: what another machine's clock says never
 * counts, and neither does how long a beat stood still before it was first seen here.
 * Source of the rule: Kubernetes client-go, tools/leaderelection.
 */
export class ObservedWorkers {
  readonly #sightings = new Map<string, Sighting>();

  observe(workers: readonly WorkerRow[], nowMs: number): void {
    const names = new Set(workers.map((worker) => worker.worker));
    for (const name of this.#sightings.keys()) if (!names.has(name)) this.#sightings.delete(name);
    for (const row of workers) this.#see(row, nowMs);
  }

  /** A worker has said itself that it beats. */
  heard(row: Pick<WorkerRow, 'worker' | 'incarnation' | 'beat'>, nowMs: number): void {
    if (this.#sightings.has(row.worker)) this.#see({ ...row, state: 'live' }, nowMs);
  }

  #see(
    { worker, incarnation, beat, state }: Pick<WorkerRow, 'worker' | 'incarnation' | 'beat' | 'state'>,
    nowMs: number,
  ): void {
    const last = this.#sightings.get(worker);
    const isSameLife = last?.incarnation === incarnation;
    // A stale read may show an older beat: only a later one, or another life, is movement.
    if (isSameLife && beat <= last.beat) return;
    const wasAlive = isSameLife ? last.wasAlive : state !== 'dead';
    const before = isSameLife ? last.before : last && { ...last, before: undefined };
    this.#sightings.set(worker, { incarnation, beat, sinceMs: nowMs, wasAlive, before });
  }

  /** How long this very beat has stood still here, ms; 0 when it has been seen to move on. */
  stillMs({ worker, incarnation, beat }: WorkerRow, nowMs: number): number {
    const seen = this.#sightings.get(worker);
    return seen?.incarnation === incarnation && seen.beat === beat ? nowMs - seen.sinceMs : 0;
  }

  /** Since the last beat that was seen of this life, ms; undefined when none was. For people. */
  sinceLastBeatMs({ worker, incarnation }: WorkerRef, nowMs: number): number | undefined {
    const last = this.#sightings.get(worker);
    const seen = [last, last?.before].find((sighting) => sighting?.incarnation === incarnation);
    return seen?.wasAlive ? nowMs - seen.sinceMs : undefined;
  }

  /**
   * Workers whose beat has stood still for `durationMs`, and for as long as their own lease lasts; fencing them is allowed.
   */
  lapsed(workers: readonly WorkerRow[], nowMs: number, durationMs: number): WorkerRow[] {
    return workers.filter((row) => row.state !== 'dead' && this.#hasLapsed(row, nowMs, durationMs));
  }

  /** Workers that may be alive: neither dead nor lapsed. */
  living(workers: readonly WorkerRow[], nowMs: number, durationMs: number): WorkerRow[] {
    return workers.filter((row) => row.state !== 'dead' && !this.#hasLapsed(row, nowMs, durationMs));
  }

  #hasLapsed(row: WorkerRow, nowMs: number, durationMs: number): boolean {
    return this.stillMs(row, nowMs) >= Math.max(durationMs, row.leaseDurationMs);
  }
}
