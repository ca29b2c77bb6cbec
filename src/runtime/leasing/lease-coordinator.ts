import { formatRef, isEnded, parseRef, type Lease, type WorkerRef } from '../../leases/lease.ts';
import type { LeaseTable } from '../../leases/lease-table.ts';
import { ObservedWorkers } from '../../leases/observed-workers.ts';
import { planLeases, type Move } from '../../leases/plan-leases.ts';
import { fenceWorker, giveShard, releaseShard, takeShard } from '../../leases/transitions.ts';
import { jitterMs } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import { loop, Wakeup } from '../../lib/loop.ts';
import type { Random } from '../../lib/random.ts';
import { TakeConfirmation } from './take-confirmation.ts';
import type { GroupState } from './group-state.ts';
import type { HandOver, HeldShards } from './held-shards.ts';
import type { OtherWorkers } from './other-workers.ts';
import { gainByRow, gainByTaking, givenReason } from './ownership-change.ts';
import type { OwnLease } from './own-lease.ts';
import type { OnWorkerEvent } from '../worker-event.ts';

export interface LeaseCoordinatorOptions {
  table: LeaseTable;
  clock: Clock;
  random: Random;
  me: WorkerRef;
  ownLease: OwnLease;
  leaseDurationMs: number;
  state: GroupState;
  held: HeldShards;
  /** Shards the stream still has; asked when a parent's row is missing. */
  listShardIds: () => Promise<ReadonlySet<string>>;
  others: OtherWorkers;
  /** The rows have been looked at. */
  onLook: () => void;
  onEvent: OnWorkerEvent;
}

/** Shard rows are read at least this often, ms ± 20 %, even when nothing seems to happen. */
const FULL_READ_MS = 60_000;
const BACKOFF = { baseMs: 200, maxMs: 5_000 };

/**
 * Observes the group's rows, fences workers whose lease lapsed, and executes this worker's part of the plan. Eventually
 * consistent reads only say where to look: whatever starts delivery is confirmed by strong reads first.
 */
export class LeaseCoordinator {
  readonly #options: LeaseCoordinatorOptions;
  readonly #observed = new ObservedWorkers();
  readonly #confirmation: TakeConfirmation;
  #fullReadDueMs = -Infinity;
  /** Somebody says that rows have changed, or may have: a read that is older than that would miss it. */
  #isCalled = true;
  #isNews = false;
  #hasEnded = false;
  readonly #wakeup = new Wakeup();
  #draining = false;

  constructor(options: LeaseCoordinatorOptions) {
    this.#options = options;
    this.#confirmation = new TakeConfirmation(options.table, options.clock, options.state, {
      leaseDurationMs: options.leaseDurationMs,
      listShardIds: options.listShardIds,
    });
  }

  /** The next round reads shard rows too, strongly: after a nudge, a knock, or one's own change. */
  readAllNext(): void {
    this.#isCalled = true;
    this.#wakeup.wake();
  }

  /** I changed something that others plan by: I read, and then tell those that I find. */
  tellNews(): void {
    this.#isNews = true;
    this.readAllNext();
  }

  /** A shard of mine has ended: I read, and then tell those that are planned to take its children. */
  tellReceivers(): void {
    this.#hasEnded = true;
    this.readAllNext();
  }

  /** A beat has told that the table is there: look at the workers now. */
  roundNow(): void {
    this.#wakeup.wake();
  }

  /** Until `signal` aborts: a round after each beat and after each `readAllNext`. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, onEvent, leaseDurationMs } = this.#options;
    await loop({
      clock,
      random,
      signal,
      wakeup: this.#wakeup,
      backoff: BACKOFF,
      step: async () => {
        await this.#round(signal);
        return leaseDurationMs; // beats come earlier, and wake it
      },
      onFailure: (error) => onEvent({ type: 'TableTrouble', operation: 'observe', error }),
    });
  }

  /** Gives each held shard to its planned receiver as soon as that shard is drained, or releases it. */
  async drain(): Promise<void> {
    this.#draining = true;
    const { state, held, table } = this.#options;
    try {
      state.readAll(await table.query('all', { consistent: true }));
    } catch {
      // Without a fresh view the plan of the last one has to do: receivers check anyway.
    }
    state.drains();
    await Promise.all(
      held.shardIds().map(async (shardId) => {
        await held.handOff(shardId, () => this.#receiverOf(shardId), true);
        await this.#options.others.tell(state.lease(shardId)?.owner);
      }),
    );
    try {
      state.readAll(await table.query('all', { consistent: true }));
      await this.#passOn();
    } catch (thrown) {
      // Somebody takes what is left when this life is over.
      this.#options.onEvent({ type: 'TableTrouble', operation: 'drain', error: KcgError.from(thrown) });
    }
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { clock, state } = this.#options;
    await this.#look(signal);
    this.#options.onLook();
    this.#observed.observe(state.workers, clock.monotonic());
    const fenced = await this.#fenceLapsed();
    if (fenced || this.#isNews) {
      this.#isNews = false;
      await this.#options.others.tellAll();
    }
    if (this.#hasEnded) {
      this.#hasEnded = false;
      await this.#options.others.tellTakers();
    }
    this.#reconcileHeld();
    await this.#act(signal);
  }

  /** Worker rows each time; shard rows when they may have changed, and once a minute. */
  async #look(signal: AbortSignal): Promise<void> {
    const { table, clock, random, state } = this.#options;
    const nowMs = clock.monotonic();
    if (!this.#isCalled && nowMs < this.#fullReadDueMs) {
      const haveChanged = state.readWorkers(await table.query('workers', { consistent: false, signal }));
      if (!haveChanged && !this.#isCalled) return;
    }
    // Taken only now: a call that came during the read above is answered by the one below.
    const isCalled = this.#isCalled;
    this.#isCalled = false;
    this.#fullReadDueMs = nowMs + jitterMs(FULL_READ_MS, 0.2, random);
    try {
      // A nudge comes within milliseconds of the write it tells of, and nothing tells of it again.
      state.readAll(await table.query('all', { consistent: isCalled, signal }));
    } catch (thrown) {
      this.#isCalled = true; // what was to be looked at is still to be looked at
      throw thrown;
    }
  }

  async #fenceLapsed(): Promise<boolean> {
    const { clock, state, me, table, leaseDurationMs, onEvent } = this.#options;
    let fenced = false;
    for (const row of this.#observed.lapsed(state.workers, clock.monotonic(), leaseDurationMs)) {
      if (row.worker === me.worker) continue; // my own row seems old: my beats decide, not my reads
      const silentMs = Math.round(this.#observed.stillMs(row, clock.monotonic()));
      const { outcome } = await table.write(fenceWorker(row, me.worker));
      if (outcome === 'lost') continue;
      state.learnWorker(row.worker, { state: 'dead', fencedBy: me.worker });
      onEvent({ type: 'WorkerFenced', worker: row.worker, incarnation: row.incarnation, silentMs });
      fenced = true;
    }
    return fenced;
  }

  /** Epochs only grow, so a row further on than mine is true however old the read is. */
  #reconcileHeld(): void {
    const { state, held, me } = this.#options;
    for (const shardId of held.shardIds()) {
      const lease = state.lease(shardId);
      if (lease !== undefined && lease.owner !== formatRef(me) && lease.epoch > held.epochOf(shardId))
        held.lose(shardId, 'the row has another owner');
    }
  }

  async #act(signal: AbortSignal): Promise<void> {
    const { state, held, me, ownLease } = this.#options;
    if (this.#draining) return this.#passOn();
    if (state.paused || !ownLease.isGood()) return;
    const ref = formatRef(me);
    const moves = planLeases(state.leases, state.workers);
    const takes = moves.filter((m) => m.kind === 'take' && m.to === ref);
    const gives = moves.filter((m) => m.kind === 'give' && m.from === ref && !held.isHandingOff(m.shardId));
    try {
      await all([
        ...this.#strays().map(({ shardId }) => this.#adopt(shardId, signal)),
        ...takes.map((move) => this.#take(move, signal)),
      ]);
    } finally {
      if (gives.length > 0) await this.#give(signal);
    }
  }

  /** Rows that say they are mine though I do not run them. */
  #strays(): Lease[] {
    const { state, held, me } = this.#options;
    const ref = formatRef(me);
    return state.leases.filter((row) => row.owner === ref && !isEnded(row) && !held.has(row.shardId));
  }

  /** Given to me or taken by me when I had begun to drain: nothing of them was read, so they go on as they are. */
  async #passOn(): Promise<void> {
    const { table, clock, state, held, me, ownLease } = this.#options;
    await all(
      this.#strays().map(async ({ shardId }) => {
        const lease = state.learn(await table.get(shardId, { consistent: true }));
        const isMine = lease?.owner === formatRef(me) && !isEnded(lease) && !held.has(shardId);
        if (!isMine || !ownLease.isGood()) return;
        const own = { shardId, epoch: lease.epoch, owner: me };
        const over = this.#receiverOf(shardId);
        const write = over
          ? giveShard(own, { ...over.to, why: over.reason }, undefined, clock.now())
          : releaseShard(own, undefined, clock.now());
        await this.#options.others.tell(state.learn((await table.write(write)).row)?.owner);
      }),
    );
  }

  /** A row that says it is mine though I do not run it: its owner gave it, or an answer of mine got lost. */
  async #adopt(shardId: string, signal: AbortSignal): Promise<void> {
    const { table, state, held, me } = this.#options;
    const row = await table.get(shardId, { consistent: true, signal });
    const lease = state.learn(row);
    if (lease === undefined) return state.forget(shardId);
    if (lease.owner === formatRef(me) && !isEnded(lease) && !held.has(shardId) && this.#mayStart()) {
      held.start(lease, gainByRow(lease));
    }
  }

  async #take(move: Move, signal: AbortSignal): Promise<void> {
    const { table, state, held, me, clock } = this.#options;
    const seen = state.lease(move.shardId);
    if (seen === undefined || held.has(move.shardId)) return;
    if (!(await this.#confirmation.mayTake(seen, move, signal)) || !this.#mayStart()) return;
    const why = gainByTaking(seen, this.#deathOf(seen.owner)).reason;
    const { outcome, row } = await table.write(takeShard(seen, { ...me, why }, clock.now()), { signal });
    const lease = state.learn(row);
    if (row === undefined) state.forget(move.shardId);
    const isMine = outcome === 'done' && lease?.owner === formatRef(me) && !isEnded(lease);
    if (!isMine || held.has(move.shardId)) return;
    if (this.#mayStart()) held.start(lease, gainByTaking(seen, this.#deathOf(seen.owner)));
    else if (this.#draining) await this.#passOn();
  }

  #deathOf(ref: string | undefined) {
    const death = ref === undefined ? undefined : this.#confirmation.deathOf(ref);
    if (ref === undefined || death === undefined) return undefined;
    const nowMs = this.#options.clock.monotonic();
    const silentMs = this.#observed.sinceLastBeatMs(parseRef(ref), nowMs);
    return { death, silentMs: silentMs === undefined ? undefined : Math.round(silentMs) };
  }

  /** Owners read strongly before they give: what still has to move after that is drained and given. */
  async #give(signal: AbortSignal): Promise<void> {
    const { table, state, held, me } = this.#options;
    state.readAll(await table.query('all', { consistent: true, signal }));
    const ref = formatRef(me);
    for (const move of planLeases(state.leases, state.workers)) {
      if (move.kind !== 'give' || move.from !== ref) continue;
      void held
        .handOff(move.shardId, () => this.#receiverOf(move.shardId), false)
        .then(async () => {
          await this.#options.others.tell(state.lease(move.shardId)?.owner);
        });
    }
  }

  #mayStart(): boolean {
    return !this.#draining && this.#options.ownLease.isGood();
  }

  #receiverOf(shardId: string): HandOver | undefined {
    const { state, me } = this.#options;
    if (state.paused) return undefined;
    const move = planLeases(state.leases, state.workers).find((m) => m.shardId === shardId);
    if (move?.from !== formatRef(me) || move.kind !== 'give') return undefined;
    return { to: parseRef(move.to), reason: givenReason(move.reason) };
  }
}

/** Waits for all of them, and only then throws what the first of them threw: one shard's trouble is not another's. */
async function all(steps: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(steps)).find((step) => step.status === 'rejected');
  if (failed) throw failed.reason;
}
