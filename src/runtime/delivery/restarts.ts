import {
  comparePositions,
  justPosition,
  type RecordPosition,
  type UserRecord,
} from '../../kinesis/record.ts';
import { backoffMs } from '../../lib/backoff.ts';
import type { Random } from '../../lib/random.ts';

const BACKOFF = { baseMs: 200, maxMs: 30_000 };

/**
 * How often the program of a shard has failed in a row, and when the next one may begin. One that fails on a batch is given
 * all since its last checkpoint again: it has got over it only when it has had more than that batch.
 */
export class Restarts {
  #failures = 0;
  #dueMs = -Infinity;
  /** The last record of the batch that it failed on. */
  #on: RecordPosition | undefined;
  #isAtEnd = false;

  /** In a row. */
  get failures(): number {
    return this.#failures;
  }

  /** Returns in how many ms the next one may begin. `on`: the batch that it had, or that it was told of the shard's end. */
  failed(on: readonly UserRecord[] | 'end' | undefined, nowMs: number, random: Random): number {
    this.#failures += 1;
    this.#isAtEnd = on === 'end';
    this.#on = on === undefined || on === 'end' ? undefined : justPosition(on.at(-1)!);
    const waitMs = Math.round(backoffMs(this.#failures, random, BACKOFF));
    this.#dueMs = nowMs + waitMs;
    return waitMs;
  }

  /** A batch is done. */
  succeeded(records: readonly UserRecord[]): void {
    if (this.#isAtEnd) return;
    if (this.#on && comparePositions(records.at(-1)!, this.#on) < 0) return;
    this.#failures = 0;
    this.#on = undefined;
  }

  waitMs(nowMs: number): number {
    return Math.max(0, this.#dueMs - nowMs);
  }
}
