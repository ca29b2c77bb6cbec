import type { Checkpoint } from '../../kinesis/position.ts';
import type { ChildShard } from '../../kinesis/shard.ts';
import type { Lease, WorkerRef } from '../../leases/lease.ts';
import { formatRef } from '../../leases/lease.ts';
import type { LeaseTable } from '../../leases/lease-table.ts';
import type { WriteResult } from '../../leases/row-write.ts';
import {
  endShard,
  giveShard,
  putShard,
  releaseShard,
  type Ownership,
  type Progress,
} from '../../leases/transitions.ts';
import { assert } from '../../lib/assert.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import type { Checkpointer } from '../delivery/checkpointer.ts';
import { LAST_WRITES_MS, repeat } from './last-writes.ts';
import type { GroupState } from './group-state.ts';
import type { OwnLease } from './own-lease.ts';
import type { ShardConsumer } from '../delivery/shard-consumer.ts';
import type { GivenReason, OwnershipGain, OwnershipLoss } from './ownership-change.ts';
import type { OnWorkerEvent } from '../worker-event.ts';

export interface StartedShard {
  consumer: ShardConsumer;
  checkpointer: Checkpointer;
}

/** Builds the reader, buffer and checkpointer of a shard; the worker's composition knows how. */
export type StartShard = (
  own: Ownership,
  lease: Lease,
  from: Exclude<Checkpoint, { at: 'SHARD_END' }>,
  onLost: () => void,
) => StartedShard;

export interface HeldShardsOptions {
  table: LeaseTable;
  clock: Clock;
  random: Random;
  me: WorkerRef;
  ownLease: OwnLease;
  state: GroupState;
  startShard: StartShard;
  /** How long a running batch may go on when its shard is to be handed over; then its handler is aborted. */
  handoffTimeoutMs: number;
  /** The children of an ended shard that get a row; `named` by GetRecords, if it did. */
  childrenOf: (shardId: string, named: readonly ChildShard[]) => Promise<readonly ChildShard[]>;
  /** The rows are not what this worker believes them to be. */
  onLost: () => void;
  /** A shard has ended: its children can begin. */
  onEnded?: () => void;
  onEvent: OnWorkerEvent;
}

/** Whom a shard is planned to go to. */
export interface HandOver {
  to: WorkerRef;
  reason: GivenReason;
}

/** Told when the shard is drained; undefined: nobody. Does not throw. */
type Receiver = () => Promise<HandOver | undefined>;

interface Held extends StartedShard {
  own: Ownership;
  lease: Lease;
  /** While it is being handed off; resolves when that is over. */
  handingOff: Promise<void> | undefined;
  /** Monotonic ms: until when the end of the shard is written, as its owner stops; Infinity while it does not. */
  endBy: number;
  /** Resolves when the shard is ended or dropped, or was drained. */
  watching: Promise<void> | undefined;
}

/** The shards one incarnation of a worker owns: starts them, and gives, releases, ends or drops them. */
export class HeldShards {
  readonly #options: HeldShardsOptions;
  readonly #held = new Map<string, Held>();

  constructor(options: HeldShardsOptions) {
    this.#options = options;
  }

  get handoffTimeoutMs(): number {
    return this.#options.handoffTimeoutMs;
  }

  get size(): number {
    return this.#held.size;
  }

  has(shardId: string): boolean {
    return this.#held.has(shardId);
  }

  /** Of a shard that is held. */
  epochOf(shardId: string): number {
    return this.#held.get(shardId)?.own.epoch ?? Infinity;
  }

  isHandingOff(shardId: string): boolean {
    return this.#held.get(shardId)?.handingOff !== undefined;
  }

  shardIds(): string[] {
    return [...this.#held.keys()];
  }

  /** Ms behind of each held shard, most first. */
  lag(): [shardId: string, behindMs: number][] {
    return [...this.#held]
      .map(([shardId, held]): [string, number] => [shardId, Math.round(held.consumer.behindMs())])
      .sort(([, a], [, b]) => b - a);
  }

  /** How long the progress of each held shard has waited to be written, ms. */
  checkpointAges(): [shardId: string, ms: number][] {
    return [...this.#held].map(([shardId, { checkpointer }]) => [shardId, checkpointer.unwrittenMs()]);
  }

  /** `lease` is the row as my own take returned it, or as a strong read shows it to be mine. */
  start(lease: Lease, gain: OwnershipGain): void {
    const { me, onEvent } = this.#options;
    assert(lease.owner === formatRef(me), `${lease.shardId} is started by somebody who does not own it`);
    const own = { shardId: lease.shardId, epoch: lease.epoch, owner: me };
    this.#run(own, lease, lease.checkpoint, undefined);
    onEvent({ type: 'ShardStarted', shardId: lease.shardId, epoch: lease.epoch, ...gain });
  }

  /**
   * Drains the shard and gives it to `receiver()`, asked when the drain is done; without a receiver it is released when
   * `orRelease`, else reading goes on.
   */
  async handOff(shardId: string, receiver: Receiver, orRelease: boolean): Promise<void> {
    if (orRelease) await this.#beginStop(shardId);
    const held = this.#held.get(shardId);
    if (held === undefined || held.handingOff) return;
    held.handingOff = this.#handOff(held, receiver, orRelease);
    await held.handingOff;
  }

  /** A hand-off that runs already is waited for by who stops; it may end with reading going on. */
  async #beginStop(shardId: string): Promise<void> {
    const { clock, handoffTimeoutMs } = this.#options;
    const endBy = clock.monotonic() + handoffTimeoutMs + LAST_WRITES_MS;
    const before = this.#held.get(shardId);
    if (before) before.endBy = endBy;
    await before?.handingOff;
    const held = this.#held.get(shardId);
    if (held) held.endBy = endBy;
  }

  async #handOff(held: Held, receiver: Receiver, orRelease: boolean): Promise<void> {
    const { table, clock, state, ownLease, handoffTimeoutMs } = this.#options;
    const beganMs = clock.monotonic();
    const untilMs = beganMs + handoffTimeoutMs + LAST_WRITES_MS;
    // Who has lost its lease meanwhile, or stops and is out of time, does not.
    const readsOn = () => !orRelease && ownLease.isGood() && clock.monotonic() < held.endBy;
    const end = await held.consumer.drain(handoffTimeoutMs);
    if (end.as !== 'drained' && end.as !== 'broken') return held.watching;
    const over = await receiver();
    if (this.#held.get(held.own.shardId) !== held) return;
    const unwritten = held.checkpointer.takeUnwritten();
    if (over === undefined && readsOn()) return this.#resume(held, unwritten);
    // Also without news: that it has been read until now, so that its position is not taken for an old one.
    const progress = held.consumer.standing() ?? unwritten;
    const write = over
      ? giveShard(held.own, { ...over.to, why: over.reason }, progress, clock.now())
      : releaseShard(held.own, progress, clock.now());
    const isInTime = () => clock.monotonic() < untilMs;
    // Who stops leaves the rest to others in time. Who goes on must not read what an earlier attempt can still give away.
    const result = await this.#repeat(
      write.name,
      (isInDoubt) => isInTime() || (isInDoubt && readsOn()),
      () => table.write(write),
    );
    if (result === undefined && readsOn()) return this.#resume(held, progress);
    if (result?.outcome !== 'done') return this.#drop(held, notWritten(result));
    state.learn(result.row);
    const handoffMs = Math.round(clock.monotonic() - beganMs);
    const given = over && { reason: over.reason, to: formatRef(over.to), handoffMs };
    this.#drop(held, given ?? { reason: 'Released', handoffMs });
  }

  /** The row shows another owner or epoch, or is gone: stop at once. */
  lose(shardId: string, reason: string): void {
    this.#held.get(shardId)?.consumer.lose(reason);
  }

  loseAll(reason: string): void {
    for (const held of this.#held.values()) held.consumer.lose(reason);
  }

  /** Resolves when nothing of what is held now is being processed any more. */
  async settled(): Promise<void> {
    await Promise.all([...this.#held.values()].map((held) => held.consumer.run()));
  }

  #run(own: Ownership, lease: Lease, from: Checkpoint, unwritten: Progress | undefined): void {
    assert(from.at !== 'SHARD_END', `${lease.shardId} has ended and is started again`);
    const started = this.#options.startShard(own, lease, from, () =>
      this.lose(lease.shardId, 'the row has another owner'),
    );
    if (unwritten) started.checkpointer.owe(unwritten);
    const held: Held = {
      ...started,
      own,
      lease,
      handingOff: undefined,
      endBy: Infinity,
      watching: undefined,
    };
    this.#held.set(lease.shardId, held);
    held.watching = this.#watch(held);
  }

  #beginAnew(held: Held, unwritten: Progress | undefined): void {
    // Its reader begins anew, and is not to take for unread what was read since the shard was taken.
    const lease = { ...held.lease, ...held.consumer.standing() };
    this.#run(held.own, lease, held.checkpointer.latest, unwritten);
  }

  #resume(held: Held, unwritten: Progress | undefined): void {
    this.#beginAnew(held, unwritten);
    this.#options.onEvent({ type: 'HandoffCancelled', shardId: held.own.shardId, epoch: held.own.epoch });
  }

  async #watch(held: Held): Promise<void> {
    const end = await held.consumer.run();
    if (end.as === 'lost') this.#drop(held, { reason: 'Lost', why: end.why });
    if (end.as === 'ended') await this.#finish(held, end.childShards);
    // One that is being handed over goes on elsewhere.
    if (end.as === 'broken' && held.handingOff === undefined)
      this.#beginAnew(held, held.checkpointer.takeUnwritten());
  }

  /** First the children have rows, then the parent is ended: nobody can miss them. */
  async #finish(held: Held, named: readonly ChildShard[]): Promise<void> {
    const { table, clock, state, childrenOf, onEnded } = this.#options;
    const result = await this.#repeat(
      'end shard',
      () => clock.monotonic() < held.endBy,
      async () => {
        const children = await childrenOf(held.own.shardId, named);
        for (const { shardId, parents, hashStart, hashEnd } of children) {
          const lease = { shardId, parents, hashStart, hashEnd, checkpoint: { at: 'TRIM_HORIZON' } as const };
          state.learn((await table.write(putShard(lease, clock.now()))).row);
        }
        return table.write(endShard(held.own, clock.now(), held.consumer.standing()?.givenUp));
      },
    );
    state.learn(result?.row);
    const isEnded = result?.outcome === 'done';
    this.#drop(held, isEnded ? { reason: 'Ended' } : notWritten(result));
    if (isEnded) onEnded?.();
  }

  /** Until it is answered, or the lease is gone. */
  #repeat<T>(
    what: string,
    goesOn: (isInDoubt: boolean) => boolean,
    call: () => Promise<T>,
  ): Promise<T | undefined> {
    const { clock, random, ownLease, onEvent } = this.#options;
    return repeat(
      {
        clock,
        random,
        goesOn: (isInDoubt) => ownLease.isGood() && goesOn(isInDoubt),
        onFailure: (error) => onEvent({ type: 'TableTrouble', operation: what, error }),
      },
      call,
    );
  }

  #drop(held: Held, loss: OwnershipLoss): void {
    if (this.#held.get(held.own.shardId) !== held) return;
    this.#held.delete(held.own.shardId);
    const { shardId, epoch } = held.own;
    this.#options.onEvent({ type: 'ShardStopped', shardId, epoch, ...loss });
    // What this worker wrote itself, it knows.
    if (loss.reason === 'Lost') this.#options.onLost();
  }
}

function notWritten(result: WriteResult | undefined): OwnershipLoss {
  const why = result ? 'the row has another owner' : 'the row could not be written while the lease was good';
  return { reason: 'Lost', why };
}
