import { MAX_FAILING_WHY_BYTES, type HandlerTrouble } from '../../leases/worker-row.ts';
import type { Clock } from '../../lib/clock.ts';
import { describeError } from '../../lib/errors.ts';
import type { WorkerEvent } from '../worker-event.ts';

/** Failures in a row of one shard, or time since the first of them (ms), that are more than a hiccup. */
const FAILURES = 3;
const LASTS_MS = 10_000;
/** Errors that differ in each try, say by a time, are told anew this seldom, ms. */
const KEEP_MS = 60_000;

interface Failing {
  failures: number;
  sinceMs: number;
  error: string;
  errorMs: number;
}

/** On which of a worker's shards the handler does not succeed, from the worker's events. */
export class HandlerTroubles {
  readonly #clock: Clock;
  readonly #failing = new Map<string, Failing>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  note(event: WorkerEvent): void {
    if (event.type === 'HandlerFailed') this.#failed(event.shardId, event.error);
    else if (event.type === 'BatchDelivered' || event.type === 'ShardStopped')
      this.#failing.delete(event.shardId);
  }

  /** With the error of the shard that has failed for longest; undefined when there is none worth telling. */
  get worst(): HandlerTrouble | undefined {
    const nowMs = this.#clock.monotonic();
    const lasting = [...this.#failing.values()].filter(
      ({ failures, sinceMs }) => failures >= FAILURES || nowMs - sinceMs >= LASTS_MS,
    );
    const [first] = lasting.sort((a, b) => a.sinceMs - b.sinceMs);
    return first && { shards: lasting.length, error: first.error };
  }

  #failed(shardId: string, thrown: unknown): void {
    const nowMs = this.#clock.monotonic();
    const known = this.#failing.get(shardId);
    const isOld = known === undefined || nowMs - known.errorMs >= KEEP_MS;
    this.#failing.set(shardId, {
      failures: (known?.failures ?? 0) + 1,
      sinceMs: known?.sinceMs ?? nowMs,
      ...(isOld
        ? { error: inBytes(describeError(thrown), MAX_FAILING_WHY_BYTES), errorMs: nowMs }
        : { error: known.error, errorMs: known.errorMs }),
    });
  }
}

/** On one line, cut where no character is. */
function inBytes(text: string, max: number): string {
  const bytes = Buffer.from(text.replaceAll(/\s+/g, ' '));
  if (bytes.length <= max) return bytes.toString();
  return new TextDecoder().decode(bytes.subarray(0, max - 3), { stream: true }) + '…';
}
