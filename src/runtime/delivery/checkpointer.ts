import { decodeLease, formatRef } from '../../leases/lease.ts';
import { checkpointShard, type Ownership, type Progress } from '../../leases/transitions.ts';
import type { LeaseTable } from '../../leases/lease-table.ts';
import { compareCheckpoints, type Checkpoint } from '../../kinesis/position.ts';
import { assert } from '../../lib/assert.ts';
import type { Clock } from '../../lib/clock.ts';
import { loop, Waiters, Wakeup } from '../../lib/loop.ts';
import type { KcgError } from '../../lib/errors.ts';
import type { Random } from '../../lib/random.ts';

export interface CheckpointerOptions {
  table: LeaseTable;
  clock: Clock;
  random: Random;
  own: Ownership;
  /** As the row says when the shard is taken. */
  from: Checkpoint;
  /** `Lease.load` and `Lease.readAt` of that row. */
  load: number;
  readAt: number | undefined;
  /** Least time between two checkpoints of a shard, ms. */
  intervalMs: number;
  /** The table refuses this worker's beats, which go before its checkpoints: without them everything it holds is lost. */
  beatsFail: () => boolean;
  /** The row belongs to somebody else now. */
  onLost: () => void;
  onTrouble: (error: KcgError) => void;
}

/** Less than this is no load that anybody plans by: records or KiB per second. */
const FAINT_LOAD = 10;

/** A shard in which nothing happens is written this seldom, ms: little beside the shortest retention, 24 h. */
const QUIET_MS = 3_600_000;

const BACKOFF = { baseMs: 200, maxMs: 10_000 };
/** Between two looks whether beats succeed again, ms. */
const HOLD_MS = 500;

/** Writes one shard's progress, coalesced: at most once per interval, and only when there is some. */
export class Checkpointer {
  readonly #options: CheckpointerOptions;
  readonly #wakeup = new Wakeup();
  #latest: Checkpoint;
  /** What the row shows, as far as is known. */
  #stored: Checkpoint | undefined;
  #load: number;
  #readAt: number;
  /** Of `Progress.unfinished`, as this owner has said. */
  #endings: number | undefined;
  #unwritten: Progress | undefined;
  #unwrittenSinceMs = 0;
  #owesRead = false;
  /** On the monotonic clock: no write is begun before. */
  #dueMs = -Infinity;
  /** Of who waits for `written`. */
  readonly #waiting = new Waiters();
  /** No interval is longer than this, ms. */
  mostMs = Infinity;

  constructor(options: CheckpointerOptions) {
    this.#options = options;
    this.#latest = options.from;
    this.#stored = options.from;
    this.#load = options.load;
    this.#readAt = options.readAt ?? options.clock.now();
  }

  get latest(): Checkpoint {
    return this.#latest;
  }

  /** Everything up to `progress.checkpoint` has been processed. */
  note(progress: Progress): void {
    const step = compareCheckpoints(progress.checkpoint, this.#latest);
    assert(step >= 0, `${this.#options.own.shardId}: a checkpoint would go back`);
    if (step === 0) return;
    this.#latest = progress.checkpoint;
    this.#set(progress);
  }

  /** Progress that the row still lacks, though reading goes on behind it. */
  owe(progress: Progress): void {
    this.#set(progress);
  }

  /** Records behind the position are gone, and it is told: the row is to show so after the next read, or the next owner tells it again. */
  lost(): void {
    this.#owesRead = true;
  }

  /** The shard was read. */
  hasRead(now: Omit<Progress, 'checkpoint'>): void {
    if (!this.#owesRead) return;
    this.#owesRead = false;
    this.#set({ ...now, checkpoint: this.#latest });
  }

  /**
   * Nothing is waiting. The load that the row still shows is corrected, once: others plan by it. And now and then the row is
   * to say that the shard is read, though nothing comes: an old position in it is not a lost one. That owners have ended is
   * taken away as soon as it is over.
   */
  quiet(now: Omit<Progress, 'checkpoint'>): void {
    if (this.#unwritten !== undefined) return;
    const hasFaded = this.#load >= FAINT_LOAD && now.load <= this.#load / 10;
    const isOver = now.unfinished?.endings === 0 && this.#endings !== 0;
    if (hasFaded || isOver || now.readAt - this.#readAt >= QUIET_MS)
      this.#set({ ...now, checkpoint: this.#latest });
  }

  /** Writes as progress comes, until `signal` aborts; what is unwritten then, `takeUnwritten` hands out. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, beatsFail, onTrouble } = this.#options;
    await loop({
      clock,
      random,
      signal,
      wakeup: this.#wakeup,
      backoff: BACKOFF,
      onFailure: onTrouble,
      step: async () => {
        if (this.#unwritten === undefined) return Infinity;
        await clock.sleep(this.#dueMs - clock.monotonic(), { signal });
        while (!signal.aborted && beatsFail()) await clock.sleep(HOLD_MS, { signal });
        if (!signal.aborted) await this.#write();
        return 0;
      },
    });
  }

  /** Progress that a give or release has to carry. Only after `run` has ended. */
  takeUnwritten(): Progress | undefined {
    return this.#unwritten;
  }

  /** How long the oldest progress that the table lacks has waited, ms; 0 when it has all. */
  unwrittenMs(): number {
    return this.#unwritten ? this.#options.clock.monotonic() - this.#unwrittenSinceMs : 0;
  }

  /** True once the row has all there is to say; false when `signal` aborts before. */
  async written(signal: AbortSignal): Promise<boolean> {
    await this.#waiting.until(() => this.#unwritten === undefined, this.#options.clock, signal);
    return this.#unwritten === undefined;
  }

  #set(progress: Progress): void {
    if (this.#unwritten === undefined) this.#unwrittenSinceMs = this.#options.clock.monotonic();
    this.#unwritten = progress;
    this.#load = progress.load;
    this.#readAt = progress.readAt;
    this.#endings = progress.unfinished?.endings;
    this.#wakeup.wake();
  }

  async #write(): Promise<void> {
    const { table, own, clock, onLost } = this.#options;
    const progress = this.#unwritten;
    if (progress === undefined) return;
    const intervalMs = Math.min(this.#options.intervalMs, this.mostMs);
    const sentAtMs = clock.monotonic();
    // A write that fails counts too, but a long interval is no reason to leave progress unwritten after one failure.
    this.#dueMs = sentAtMs + Math.min(intervalMs, BACKOFF.maxMs);
    const { outcome, row } = await table.write(checkpointShard(own, progress, clock.now(), this.#stored));
    if (outcome === 'lost') {
      const lease = row && decodeLease(row);
      if (lease?.owner !== formatRef(own.owner) || lease.epoch !== own.epoch) return onLost();
      // An attempt that was given up has had its effect after all, or the row lacks what every row should have.
      const isNews = this.#stored === undefined || compareCheckpoints(lease.checkpoint, this.#stored) !== 0;
      this.#stored = isNews ? lease.checkpoint : undefined;
      return;
    }
    this.#stored = progress.checkpoint;
    this.#dueMs = clock.monotonic() + intervalMs;
    if (this.#unwritten === progress) this.#unwritten = undefined;
    else this.#unwrittenSinceMs = sentAtMs;
    if (this.#unwritten === undefined) this.#waiting.wake();
  }
}
