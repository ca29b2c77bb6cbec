import { formatRef, isEnded, parseRef, type Lease, type WorkerRef } from '../../leases/lease.ts';
import type { LeaseTable } from '../../leases/lease-table.ts';
import { ObservedWorkers } from '../../leases/observed-workers.ts';
import { planLeases, type Move } from '../../leases/plan-leases.ts';
import { fenceWorker, giveShard, releaseShard, takeShard } from '../../leases/transitions.ts';
import { jitterMs } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import type { KcgError } from '../../lib/errors.ts';
import { loop, Wakeup } from '../../lib/loop.ts';
import type { Random } from '../../lib/random.ts';
import { Calls } from './calls.ts';
import { TakeConfirmation } from './take-confirmation.ts';
import type { GroupState } from './group-state.ts';
import type { HeldShards } from './held-shards.ts';
import { LAST_WRITES_MS, repeat } from './last-writes.ts';
import type { OtherWorkers } from './other-workers.ts';
import { gainByRow, gainByTaking } from './ownership-change.ts';
import { Owed } from './owed.ts';
import type { OwnLease } from './own-lease.ts';
import { Receivers } from './receivers.ts';
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
/** How long a stop tries to see the rows as they are before it gives shards away, ms. */
const FRESH_VIEW_MS = 1_000;
const BACKOFF = { baseMs: 200, maxMs: 5_000 };

/**
 * Observes the group's rows, fences workers whose lease lapsed, and executes this worker's part of the plan. Eventually
 * consistent reads only say where to look: whatever starts delivery is confirmed by strong reads first.
 */
export class LeaseCoordinator {
  readonly #options: LeaseCoordinatorOptions;
  readonly #observed = new ObservedWorkers();
  readonly #confirmation: TakeConfirmation;
  readonly #receivers: Receivers;
  readonly #calls = new Calls();
  readonly #owed = new Owed();
  #fullReadDueMs = -Infinity;
  #roundMs = -Infinity;
  readonly #wakeup = new Wakeup();
  #draining = false;
  /** This round has read all rows strongly. */
  #isFresh = false;
  /** All rows have been read since I changed something, and those whom the plan concerns are not told yet. */
  #isUntold = false;

  constructor(options: LeaseCoordinatorOptions) {
    this.#options = options;
    this.#receivers = new Receivers(options);
    this.#confirmation = new TakeConfirmation(options.table, options.clock, options.state, {
      leaseDurationMs: options.leaseDurationMs,
      listShardIds: options.listShardIds,
    });
  }

  /** The next round reads shard rows too, strongly: after a nudge that names none, a knock, or a loss. */
  readAllNext(): void {
    this.#calls.readAll();
    this.#wakeup.wake();
  }

  /** Somebody says that these shards are this worker's now: their rows are read, and no others. */
  lookAt(shardIds: readonly string[]): void {
    if (this.#options.state.paused) this.#calls.readAll();
    else this.#calls.lookAt(shardIds);
    this.#wakeup.wake();
  }

  /** I changed something that others plan by: I read, and then tell those whom the plan that follows from it concerns. */
  tellPlanned(): void {
    this.#calls.tellPlanned();
    this.#wakeup.wake();
  }

  /** A beat has told that the table is there: look at the workers now. */
  roundNow(): void {
    this.#calls.look();
    this.#wakeup.wake();
  }

  /** Until `signal` aborts: a round after each beat and after each call. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, onEvent, leaseDurationMs } = this.#options;
    await loop({
      clock,
      random,
      signal,
      wakeup: this.#wakeup,
      backoff: BACKOFF,
      step: async () => {
        await this.#lookAtNamed(signal);
        const dueMs = this.#roundMs + leaseDurationMs; // beats come earlier, and wake it
        if (!this.#calls.isRound && clock.monotonic() < dueMs) return dueMs - clock.monotonic();
        this.#calls.takeRound();
        this.#roundMs = clock.monotonic();
        await this.#round(signal);
        return leaseDurationMs;
      },
      onFailure: (error) => onEvent({ type: 'TableTrouble', operation: 'observe', error }),
    });
  }

  /**
   * Gives each held shard to its planned receiver as soon as that shard is drained, or releases it. Its cost does not grow
   * with the number of workers: who is given a shard is told which, and who is not concerned is not told.
   */
  async drain(): Promise<void> {
    this.#draining = true;
    const { clock, state, held, others } = this.#options;
    state.drains();
    const untilMs = clock.monotonic() + held.handoffTimeoutMs + LAST_WRITES_MS;
    // Without a fresh view the plan of the last one has to do: receivers check anyway.
    await this.#repeat('drain', clock.monotonic() + FRESH_VIEW_MS, () => this.#readAll());
    const told = this.#tellTakers();
    await Promise.all(
      held.shardIds().map(async (shardId) => {
        await held.handOff(shardId, () => this.#receivers.of(shardId), true);
        const owner = state.lease(shardId)?.owner;
        await (owner === undefined ? this.#tellTakers() : others.tell(owner, [shardId]));
      }),
    );
    await told;
    // Somebody takes what is left when this life is over.
    await this.#repeat('drain', untilMs, async () => {
      await this.#readAll();
      await this.#passOn();
    });
  }

  async #readAll(): Promise<void> {
    const { state, table } = this.#options;
    state.readAll(await table.query('all', { consistent: true }));
  }

  /** While the lease is good. */
  async #repeat(operation: string, untilMs: number, call: () => Promise<void>): Promise<void> {
    const { clock, random, ownLease, onEvent } = this.#options;
    const goesOn = () => ownLease.isGood() && clock.monotonic() < untilMs;
    const onFailure = (error: KcgError) => onEvent({ type: 'TableTrouble', operation, error });
    await repeat({ clock, random, goesOn, onFailure }, call);
  }

  async #tellTakers(): Promise<void> {
    if (!this.#options.state.paused) await this.#options.others.tellTakers();
  }

  async #round(signal: AbortSignal): Promise<void> {
    const { clock, state, others } = this.#options;
    await this.#look(signal);
    this.#options.onLook();
    this.#observed.observe(state.workers, clock.monotonic());
    await this.#fenceLapsed();
    if (this.#calls.takeDeath()) await others.tellAll();
    if (this.#isUntold) {
      this.#isUntold = false;
      await others.tellPlanned();
    }
    this.#reconcileHeld();
    await this.#act(signal);
  }

  /** What an owner has given me is mine at once; the rest of the rows are read as often as before. */
  async #lookAtNamed(signal: AbortSignal): Promise<void> {
    const named = this.#calls.takeNamed();
    if (named.size === 0) return;
    try {
      await all([...named].map((shardId) => this.#adopt(shardId, signal)));
      this.#reconcileHeld();
      if (this.#draining) await this.#passOn();
    } catch (thrown) {
      this.#calls.lookAt(named);
      throw thrown;
    }
  }

  /** Worker rows each time; shard rows when a worker has died, when somebody calls for it, and once a minute. */
  async #look(signal: AbortSignal): Promise<void> {
    const { table, clock, random, state } = this.#options;
    const nowMs = clock.monotonic();
    this.#isFresh = false;
    if (!this.#calls.isAll && nowMs < this.#fullReadDueMs) {
      const isDeath = state.readWorkers(await table.query('workers', { consistent: false, signal }));
      if (!isDeath && !this.#calls.isAll) return;
    }
    // Taken only now: a call that came during the read above is answered by the one below.
    const { isCalled, planned } = this.#calls.takeAll();
    this.#fullReadDueMs = nowMs + jitterMs(FULL_READ_MS, 0.2, random);
    try {
      // A nudge comes within milliseconds of the write it tells of, and nothing tells of it again.
      state.readAll(await table.query('all', { consistent: isCalled, signal }));
      this.#confirmation.forgetUnasked();
      this.#isUntold ||= planned;
      this.#isFresh = isCalled;
    } catch (thrown) {
      // What was to be looked at is still to be looked at.
      if (planned) this.#calls.tellPlanned();
      else this.#calls.readAll();
      throw thrown;
    }
  }

  async #fenceLapsed(): Promise<void> {
    const { clock, state, me, table, leaseDurationMs, onEvent } = this.#options;
    for (const row of this.#observed.lapsed(state.workers, clock.monotonic(), leaseDurationMs)) {
      if (row.worker === me.worker) continue; // my own row seems old: my beats decide, not my reads
      const silentMs = Math.round(this.#observed.stillMs(row, clock.monotonic()));
      const { outcome } = await table.write(fenceWorker(row, me.worker));
      if (outcome === 'lost') continue;
      state.learnWorker(row.worker, { state: 'dead', fencedBy: me.worker });
      onEvent({ type: 'WorkerFenced', worker: row.worker, incarnation: row.incarnation, silentMs });
      this.#calls.tellDeath();
      this.#wakeup.wake();
    }
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
    const isToGive = moves.some((m) => m.kind === 'give' && m.from === ref && !held.isHandingOff(m.shardId));
    const isOwed = moves.some((m) => m.kind === 'give' && m.to === ref);
    if (this.#owed.mayAsk(isOwed, this.#options.clock.monotonic())) this.tellPlanned();
    try {
      await all([
        ...this.#strays().map(({ shardId }) => this.#adopt(shardId, signal)),
        ...takes.map((move) => this.#take(move, signal)),
      ]);
    } finally {
      if (isToGive) await this.#give(signal);
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
        const over = await this.#receivers.of(shardId);
        const write = over
          ? giveShard(own, { ...over.to, why: over.reason }, undefined, clock.now())
          : releaseShard(own, undefined, clock.now());
        await this.#options.others.tell(state.learn((await table.write(write)).row)?.owner, [shardId]);
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
    const mayTake = await this.#confirmation.mayTake(seen, move, signal);
    // The plan was made of rows that have moved on: the one of what is known now may have another shard for me.
    if (state.lease(move.shardId)?.owner !== seen.owner) return this.roundNow();
    if (!mayTake || !this.#mayStart()) return;
    const why = gainByTaking(seen, this.#deathOf(seen.owner)).reason;
    const { outcome, row } = await table.write(takeShard(seen, { ...me, why }, clock.now()), { signal });
    const lease = state.learn(row);
    if (row === undefined) state.forget(move.shardId);
    if (outcome === 'lost') this.roundNow();
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
    if (!this.#isFresh) state.readAll(await table.query('all', { consistent: true, signal }));
    const ref = formatRef(me);
    for (const move of planLeases(state.leases, state.workers)) {
      if (move.kind !== 'give' || move.from !== ref) continue;
      void held
        .handOff(move.shardId, () => this.#receivers.of(move.shardId), false)
        .then(async () => {
          await this.#options.others.tell(state.lease(move.shardId)?.owner, [move.shardId]);
        });
    }
  }

  #mayStart(): boolean {
    return !this.#draining && this.#options.ownLease.isGood();
  }
}

/** Waits for all of them, and only then throws what the first of them threw: one shard's trouble is not another's. */
async function all(steps: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(steps)).find((step) => step.status === 'rejected');
  if (failed) throw failed.reason;
}
