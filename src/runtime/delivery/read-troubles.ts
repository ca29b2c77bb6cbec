import type { Clock } from '../../lib/clock.ts';
import type { ErrorCode, KcgError } from '../../lib/errors.ts';
import type { WorkerEvent } from '../worker-event.ts';

/** Reads that fail for less are a hiccup, ms. */
const LASTS_MS = 10_000;

/** Which of a worker's shards cannot be read, from the worker's events. */
export class ReadTroubles {
  readonly #clock: Clock;
  readonly #failing = new Map<string, { sinceMs: number; error: KcgError }>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(event: WorkerEvent): void {
    if (event.type === 'ShardStopped') this.#failing.delete(event.shardId);
    if (event.type !== 'ReadTrouble') return;
    const { shardId, error } = event;
    if (error === undefined) return void this.#failing.delete(shardId);
    const sinceMs = this.#failing.get(shardId)?.sinceMs ?? this.#clock.monotonic();
    this.#failing.set(shardId, { sinceMs, error });
  }

  /** With which error the reads of this shard fail, as was told last. */
  of(shardId: string): KcgError | undefined {
    return this.#failing.get(shardId)?.error;
  }

  /** Why the reads fail of the shard that cannot be read for longest; undefined when there is none worth telling. */
  get worst(): ErrorCode | undefined {
    const [first] = [...this.#failing.values()].sort((a, b) => a.sinceMs - b.sinceMs);
    return first && this.#clock.monotonic() - first.sinceMs >= LASTS_MS ? first.error.code : undefined;
  }
}
