import type { WorkerRow } from './worker-row.ts';

interface Sighting {
  incarnation: string;
  beat: number;
  /** Monotonic ms at which this beat was first seen here. */
  sinceMs: number;
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
    for (const { worker, incarnation, beat } of workers) {
      const last = this.#sightings.get(worker);
      // A stale read may show an older beat: only a later one, or another life, is movement.
      const moved = last === undefined || last.incarnation !== incarnation || beat > last.beat;
      if (moved) this.#sightings.set(worker, { incarnation, beat, sinceMs: nowMs });
    }
  }

  /** How long this very beat has stood still here, ms; 0 when it has been seen to move on. */
  stillMs({ worker, incarnation, beat }: WorkerRow, nowMs: number): number {
    const seen = this.#sightings.get(worker);
    return seen?.incarnation === incarnation && seen.beat === beat ? nowMs - seen.sinceMs : 0;
  }

  /** Workers whose beat has stood still for `durationMs`; fencing them is allowed. */
  lapsed(workers: readonly WorkerRow[], nowMs: number, durationMs: number): WorkerRow[] {
    return workers.filter((row) => row.state !== 'dead' && this.stillMs(row, nowMs) >= durationMs);
  }
}
