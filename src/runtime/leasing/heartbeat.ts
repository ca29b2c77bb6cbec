import type { LeaseTable } from '../../leases/lease-table.ts';
import type { WorkerRef } from '../../leases/lease.ts';
import { announceWorker, beatWorker, removeWorker, type Announcement } from '../../leases/transitions.ts';
import { workerKey } from '../../leases/row.ts';
import {
  decodeWorker,
  MAX_LAGGING,
  MAX_LAGGING_IN_TROUBLE,
  type HandlerTrouble,
  type WorkerRow,
  type WorkerState,
} from '../../leases/worker-row.ts';
import { backoffMs } from '../../lib/backoff.ts';
import { withDeadline, type Clock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import { Wakeup } from '../../lib/loop.ts';
import type { Random } from '../../lib/random.ts';
import { repeat } from './last-writes.ts';
import type { OwnLease } from './own-lease.ts';
import type { OnWorkerEvent } from '../worker-event.ts';

export interface HeartbeatOptions {
  table: LeaseTable;
  clock: Clock;
  random: Random;
  me: WorkerRef;
  ownLease: OwnLease;
  /** A beat is sent every third of it. */
  leaseDurationMs: number;
  /** True once the handler answers and the group is not paused: the worker may go live. */
  isReady: () => boolean;
  /** Ms behind of each held shard, most first. */
  lag: () => [string, number][];
  handlerTrouble: () => HandlerTrouble | undefined;
  /** As `WorkerRow.readTrouble`. */
  readTrouble: () => string | undefined;
  /** The row after each successful beat. */
  onBeat: (row: WorkerRow) => void;
  onEvent: OnWorkerEvent;
}

const BACKOFF = { baseMs: 200, maxMs: 5_000 };
/** How long the removal of the row is tried, ms. */
const REMOVE_MS = 3_000;

/** Keeps one incarnation's worker row, which is the lease of everything the incarnation owns. */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  readonly #wakeup = new Wakeup();
  #beats = 1;
  /** The beat that the row shows, as far as is known. */
  #stored = 1;
  #state: Exclude<WorkerState, 'dead'> = 'starting';
  /** Beats that failed since one succeeded. */
  #failures = 0;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
  }

  get state(): Exclude<WorkerState, 'dead'> {
    return this.#state;
  }

  /** The last beat failed: other writes had better wait. */
  get isFailing(): boolean {
    return this.#failures > 0;
  }

  /**
   * Puts the row, repeated until it is there. False when `stop` aborted first, or this life is over already. A write on
   * its way is not given up at `stop`: its row could appear after everybody has gone.
   */
  async announce(
    row: Omit<Announcement, 'incarnation' | 'state' | 'startedAt'>,
    stop: AbortSignal,
  ): Promise<boolean> {
    const { table, clock, random, me, ownLease, onEvent } = this.#options;
    const startedAt = clock.now();
    let mayBeThere = false;
    for (let failures = 1; !stop.aborted; failures += 1) {
      try {
        const seen = await table.get(workerKey(me.worker), { consistent: true, signal: stop });
        const before = seen && decodeWorker(seen);
        const sentAt = clock.monotonic();
        // An earlier attempt can have had its effect, and the row can have been fenced since.
        if (before?.incarnation !== me.incarnation) {
          const announcement = { ...row, incarnation: me.incarnation, state: 'starting' as const, startedAt };
          const write = announceWorker(announcement, clock.now(), before?.incarnation ?? null);
          mayBeThere = true;
          if ((await table.write(write)).outcome === 'lost') continue;
        } else if (before.state === 'dead') return false;
        ownLease.renewed(sentAt);
        onEvent({ type: 'WorkerAnnounced', incarnation: me.incarnation });
        return true;
      } catch (thrown) {
        if (stop.aborted) break;
        this.#trouble('announce', thrown);
        await clock.sleep(backoffMs(failures, random, BACKOFF), { signal: stop });
      }
    }
    if (mayBeThere) await this.remove();
    return false;
  }

  /** Beats every third of the lease duration; resolves when the lease is lost or `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, ownLease, leaseDurationMs, onEvent, isReady } = this.#options;
    let isTold = false;
    while (!signal.aborted && ownLease.isGood()) {
      let waitMs = leaseDurationMs / 3;
      try {
        if (this.#state === 'starting' && isReady()) this.#state = 'live';
        if (!(await this.beat())) return;
        this.#failures = 0;
        if (!isTold && this.#state === 'live') {
          isTold = true;
          onEvent({ type: 'WorkerLive' });
        }
      } catch (thrown) {
        this.#failures += 1;
        this.#trouble('beat', thrown);
        waitMs = Math.min(backoffMs(this.#failures, random, BACKOFF), Math.max(ownLease.goodForMs(), 0));
      }
      await this.#wakeup.sleep(clock, waitMs, signal);
    }
  }

  /** The handler became ready: beat now rather than at the next third. */
  wake(): void {
    this.#wakeup.wake();
  }

  /** One write tells everybody that this worker gives all its shards away. */
  async drain(): Promise<void> {
    this.#state = 'draining';
    try {
      if (await this.beat()) return;
    } catch (thrown) {
      this.#trouble('beat', thrown);
    }
    this.#wakeup.wake(); // the running beats repeat it, or are over
  }

  /** True when the lease is renewed. @throws KcgError when the outcome is not known */
  async beat(): Promise<boolean> {
    const { table, clock, me, ownLease, lag, onBeat } = this.#options;
    const sentAt = clock.monotonic();
    const behind = lag();
    const trouble = this.#options.handlerTrouble();
    const most = trouble ? MAX_LAGGING_IN_TROUBLE : MAX_LAGGING;
    const lagging = Object.fromEntries(behind.filter(([, ms]) => ms > 0).slice(0, most));
    this.#beats += 1;
    const beat = {
      beat: this.#beats,
      state: this.#state,
      held: behind.length,
      lagging,
      handlerTrouble: trouble,
      readTrouble: this.#options.readTrouble(),
    };
    const deadlineMs = Math.max(1, ownLease.goodForMs());
    const { outcome, row } = await withDeadline(clock, deadlineMs, { what: 'the beat' }, async (signal) => {
      for (;;) {
        const after = this.#stored;
        const result = await table.write(beatWorker(me, beat, clock.now(), after), { signal });
        if (result.outcome === 'done') return result;
        const shown = result.row && decodeWorker(result.row);
        const isMine = shown?.incarnation === me.incarnation && shown.state !== 'dead';
        if (!isMine || shown.beat === after) return result;
        this.#stored = shown.beat;
        // A beat of a drain, sent after this one, was there first: that renews the lease as well.
        if (shown.beat > beat.beat) return { outcome: 'done' as const, row: result.row };
      }
    });
    if (outcome === 'lost' || row === undefined) {
      ownLease.lost();
      return false;
    }
    this.#stored = Math.max(this.#stored, beat.beat);
    ownLease.renewed(sentAt);
    onBeat(decodeWorker(row));
    return true;
  }

  /** The last write of a clean stop. Given up after a while: the row lapses by itself, and owns nothing any more. */
  async remove(): Promise<void> {
    const { table, clock, random, me } = this.#options;
    const untilMs = clock.monotonic() + REMOVE_MS;
    const goesOn = () => clock.monotonic() < untilMs;
    const onFailure = (error: KcgError) => this.#trouble('remove worker', error);
    await repeat({ clock, random, goesOn, onFailure }, () => table.write(removeWorker(me)));
  }

  #trouble(operation: string, thrown: unknown): void {
    this.#options.onEvent({ type: 'TableTrouble', operation, error: KcgError.from(thrown) });
  }
}
