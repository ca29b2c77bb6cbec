import type { ShardReaderOptions } from './shard-reader.ts';

const HOUR_MS = 3_600_000;

/**
 * Tells of a position that has left the retention: the service says nothing of records that are gone, it goes on with the
 * oldest that is left. Times are monotonic ms.
 */
export class LossWatch {
  readonly #options: Pick<ShardReaderOptions, 'clock' | 'retentionHours' | 'onLost'>;
  /** Until this moment all was read that was in the shard. */
  #seenTo: number | undefined;
  #told = false;

  constructor(options: Pick<ShardReaderOptions, 'clock' | 'retentionHours' | 'onLost' | 'unreadMs'>) {
    this.#options = options;
    const { clock, unreadMs } = options;
    this.#seenTo = unreadMs === undefined ? undefined : clock.monotonic() - unreadMs;
  }

  /** Before a read. */
  check(): void {
    const { clock, onLost } = this.#options;
    if (this.#told || this.#seenTo === undefined) return;
    const ageMs = clock.monotonic() - this.#seenTo;
    if (ageMs <= this.#retentionMs) return;
    this.#told = true;
    onLost?.(ageMs, ageMs - this.#retentionMs);
  }

  /** After a read that began at `atMs` and ended so far behind the tip. */
  hasRead(atMs: number, millisBehindLatest: number): void {
    this.#seenTo = atMs - millisBehindLatest;
    // A reader that stays at the edge of the retention loses records at every read.
    if (this.#options.clock.monotonic() - this.#seenTo < 0.9 * this.#retentionMs) this.#told = false;
  }

  /** The shard has left the stream; `readAt` is when it was read last. */
  hasLeft(readAt: number): void {
    const { clock, onLost } = this.#options;
    if (this.#told) return;
    const ageMs = clock.monotonic() - (this.#seenTo ?? readAt);
    // What the shard took after that has expired, or it would still be there.
    onLost?.(ageMs, Math.max(0, ageMs - this.#retentionMs));
  }

  get #retentionMs(): number {
    const { retentionHours = () => Infinity } = this.#options;
    return retentionHours() * HOUR_MS;
  }
}
