import { MAX_FAILING_WHY_BYTES, type HandlerTrouble } from '../../leases/worker-row.ts';
import type { Clock } from '../../lib/clock.ts';
import { cutBytes } from '../../lib/cut-bytes.ts';
import { describeError, hasCode } from '../../lib/errors.ts';
import type { WorkerEvent } from '../worker-event.ts';

/** Failures in a row, or batches given up in a row, of one lane of a shard, or time since the first of them (ms), that are more than a hiccup. */
const FAILURES = 3;
const LASTS_MS = 10_000;
/** So long after the last batch that was given up nothing is known of the handler any more, ms: as `KcgRecordsGivenUp` counts. */
const GIVEN_UP_MS = 900_000;
/** Errors that differ in each try, say by a time, are told anew this seldom, ms. */
const KEEP_MS = 60_000;

interface Failing {
  shardId: string;
  /** It is the destination of what was given up that fails. */
  isUnsent: boolean;
  /** Batches given up in a row: each by itself is over, and says nothing of the next. */
  givenUp: number;
  givenUpMs: number;
  /** The last failure was that it did not answer in time. */
  hangs: boolean;
  /** 0: what failed is given up. */
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
    switch (event.type) {
      case 'HandlerFailed':
        return this.#failed(keyOf(event), event);
      case 'DestinationFailed':
        this.#rest(event);
        return this.#failed(unsentOf(event), event);
      case 'RecordsGivenUp':
        this.#failing.delete(unsentOf(event));
        return this.#gaveUp(event);
      case 'BatchDelivered':
        if (!event.isRepeat) this.#failing.delete(keyOf(event));
        return;
      case 'ShardStopped':
        for (const [key, { shardId }] of this.#failing)
          if (shardId === event.shardId) this.#failing.delete(key);
        return;
      default:
    }
  }

  /** With the error of the shard that has failed for longest, and of what waits for its destination first; undefined when there is none worth telling. */
  get worst(): HandlerTrouble | undefined {
    const nowMs = this.#clock.monotonic();
    const lasting = [...this.#failing.values()].filter(
      ({ givenUp, givenUpMs, failures, sinceMs }) =>
        (givenUp >= FAILURES && (failures > 0 || nowMs - givenUpMs < GIVEN_UP_MS)) ||
        failures >= FAILURES ||
        (failures > 0 && nowMs - sinceMs >= LASTS_MS),
    );
    const [first] = lasting.sort((a, b) => Number(b.isUnsent) - Number(a.isUnsent) || a.sinceMs - b.sinceMs);
    const shards = new Set(lasting.map(({ shardId }) => shardId));
    return (
      first && {
        shards: shards.size,
        error: first.error,
        ...(first.hangs ? { hangs: true } : {}),
        ...(first.isUnsent ? { destination: true } : {}),
      }
    );
  }

  /** The handler is done with what failed last. */
  #rest(lane: OfLane): void {
    const known = this.#failing.get(keyOf(lane));
    if (known) this.#failing.set(keyOf(lane), { ...known, failures: 0 });
  }

  #gaveUp(lane: OfLane): void {
    const known = this.#failing.get(keyOf(lane));
    if (known === undefined) return;
    const givenUpMs = this.#clock.monotonic();
    this.#failing.set(keyOf(lane), { ...known, failures: 0, givenUp: known.givenUp + 1, givenUpMs });
  }

  #failed(key: string, event: Extract<WorkerEvent, { type: 'HandlerFailed' | 'DestinationFailed' }>): void {
    const { type, shardId, error } = event;
    const nowMs = this.#clock.monotonic();
    const known = this.#failing.get(key);
    const isOld = known === undefined || nowMs - known.errorMs >= KEEP_MS;
    const isFirst = known === undefined || (known.failures === 0 && known.givenUp < FAILURES);
    this.#failing.set(key, {
      shardId,
      isUnsent: type === 'DestinationFailed',
      hangs: type === 'HandlerFailed' && hasCode(error, 'Timeout'),
      givenUp: known?.givenUp ?? 0,
      givenUpMs: known?.givenUpMs ?? nowMs,
      failures: (known?.failures ?? 0) + 1,
      sinceMs: isFirst ? nowMs : known.sinceMs,
      ...(isOld
        ? { error: whyOf(describeError(error)), errorMs: nowMs }
        : { error: known.error, errorMs: known.errorMs }),
    });
  }
}

/** Of a handler that says itself that it cannot begin: on no shard yet. */
export function beginTrouble(error: string | undefined): HandlerTrouble | undefined {
  return error === undefined ? undefined : { shards: 0, error: whyOf(error) };
}

interface OfLane {
  shardId: string;
  lane?: number;
}

function keyOf({ shardId, lane = 0 }: OfLane): string {
  return `${shardId}/${lane}`;
}

function unsentOf(lane: OfLane): string {
  return `${keyOf(lane)}/unsent`;
}

/** On one line. */
function whyOf(error: string): string {
  return cutBytes(error.replaceAll(/\s+/g, ' '), MAX_FAILING_WHY_BYTES);
}
