import type { Checkpoint } from '../kinesis/position.ts';
import type { ChildShard } from '../kinesis/shard.ts';
import type { Lease, WorkerRef } from '../leases/lease.ts';
import { formatRef } from '../leases/lease.ts';
import type { LeaseTable } from '../leases/lease-table.ts';
import type { RowWrite, WriteResult } from '../leases/row-write.ts';
import {
  endShard,
  giveShard,
  putShard,
  releaseShard,
  type Ownership,
  type Progress,
} from '../leases/transitions.ts';
import { assert } from '../lib/assert.ts';
import { backoffMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { isRetryable, KcgError } from '../lib/errors.ts';
import type { Random } from '../lib/random.ts';
import type { Checkpointer } from './checkpointer.ts';
import type { GroupState } from './group-state.ts';
import type { OwnLease } from './own-lease.ts';
import type { ShardConsumer } from './shard-consumer.ts';
import type { OnWorkerEvent, StartReason, StopReason } from './worker-event.ts';

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
  handoffTimeoutMs: number;
  /** The children of an ended shard when GetRecords did not name them. */
  listChildren: (shardId: string) => Promise<ChildShard[]>;
  /** Something changed that may allow new moves. */
  onChange: () => void;
  onEvent: OnWorkerEvent;
}

interface Held extends StartedShard {
  own: Ownership;
  lease: Lease;
  handingOff: boolean;
}

const WRITE_BACKOFF = { baseMs: 100, maxMs: 2_000 };

/** The shards one incarnation of a worker owns: starts them, and gives, releases, ends or drops them. */
export class HeldShards {
  readonly #options: HeldShardsOptions;
  readonly #held = new Map<string, Held>();

  constructor(options: HeldShardsOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#held.size;
  }

  has(shardId: string): boolean {
    return this.#held.has(shardId);
  }

  isHandingOff(shardId: string): boolean {
    return this.#held.get(shardId)?.handingOff === true;
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

  /** `lease` is the row as my own take returned it, or as a strong read shows it to be mine. */
  start(lease: Lease, reason: StartReason, from: string | undefined): void {
    const { me, onEvent } = this.#options;
    assert(lease.owner === formatRef(me), `${lease.shardId} is started by somebody who does not own it`);
    const own = { shardId: lease.shardId, epoch: lease.epoch, owner: me };
    this.#run(own, lease, lease.checkpoint, undefined);
    onEvent({ type: 'ShardStarted', shardId: lease.shardId, epoch: lease.epoch, reason, from });
  }

  /**
   * Drains the shard and gives it to `receiver()`, asked when the drain is done; without a receiver it is released when
   * `orRelease`, else reading goes on.
   */
  async handOff(shardId: string, receiver: () => WorkerRef | undefined, orRelease: boolean): Promise<void> {
    const held = this.#held.get(shardId);
    if (held === undefined || held.handingOff) return;
    held.handingOff = true;
    const end = await held.consumer.drain(this.#options.handoffTimeoutMs);
    if (end.as !== 'drained' || this.#held.get(shardId) !== held) return;
    const to = receiver();
    const progress = held.checkpointer.takeUnwritten();
    if (to === undefined && !orRelease) return this.#resume(held, progress);
    const { clock } = this.#options;
    const write =
      to === undefined
        ? releaseShard(held.own, progress, clock.now())
        : giveShard(held.own, to, progress, clock.now());
    const result = await this.#write(write);
    if (result?.outcome === 'done') this.#options.state.learn(result.row);
    const done: StopReason = to === undefined ? 'Released' : 'Given';
    this.#drop(held, result?.outcome === 'done' ? done : 'Lost', to && formatRef(to));
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
    if (unwritten) started.checkpointer.note(unwritten);
    const held: Held = { ...started, own, lease, handingOff: false };
    this.#held.set(lease.shardId, held);
    void this.#watch(held);
  }

  #resume(held: Held, unwritten: Progress | undefined): void {
    this.#run(held.own, held.lease, held.checkpointer.latest, unwritten);
    const { shardId, epoch } = held.own;
    this.#options.onEvent({
      type: 'ShardStarted',
      shardId,
      epoch,
      reason: 'HandoffCancelled',
      from: held.lease.owner,
    });
  }

  async #watch(held: Held): Promise<void> {
    const end = await held.consumer.run();
    if (end.as === 'lost') this.#drop(held, 'Lost', undefined);
    if (end.as === 'ended') await this.#finish(held, end.childShards);
  }

  /** First the children have rows, then the parent is ended: nobody can miss them. */
  async #finish(held: Held, named: readonly ChildShard[]): Promise<void> {
    const { clock, state, listChildren, random, ownLease } = this.#options;
    for (let failures = 0; ownLease.isGood(); failures += 1) {
      try {
        const children = named.length > 0 ? named : await listChildren(held.own.shardId);
        for (const { shardId, parents, hashStart, hashEnd } of children) {
          const lease = { shardId, parents, hashStart, hashEnd, checkpoint: { at: 'TRIM_HORIZON' } as const };
          const put = await this.#options.table.write(putShard(lease, clock.now()));
          state.learn(put.row);
        }
        const result = await this.#options.table.write(endShard(held.own, clock.now()));
        state.learn(result.row);
        return this.#drop(held, result.outcome === 'done' ? 'Ended' : 'Lost', undefined);
      } catch (thrown) {
        this.#trouble('end shard', thrown);
        await clock.sleep(backoffMs(failures + 1, random, WRITE_BACKOFF));
      }
    }
    this.#drop(held, 'Lost', undefined);
  }

  /** Repeats until an answer is there or the lease is gone. */
  async #write(write: RowWrite): Promise<WriteResult | undefined> {
    const { table, clock, random, ownLease } = this.#options;
    for (let failures = 0; ownLease.isGood(); failures += 1) {
      try {
        return await table.write(write);
      } catch (thrown) {
        this.#trouble(write.name, thrown);
        if (!isRetryable(KcgError.from(thrown))) return undefined;
        await clock.sleep(backoffMs(failures + 1, random, WRITE_BACKOFF));
      }
    }
    return undefined;
  }

  #trouble(operation: string, thrown: unknown): void {
    this.#options.onEvent({ type: 'TableTrouble', operation, error: KcgError.from(thrown) });
  }

  #drop(held: Held, reason: StopReason, to: string | undefined): void {
    if (this.#held.get(held.own.shardId) !== held) return;
    this.#held.delete(held.own.shardId);
    const { shardId, epoch } = held.own;
    this.#options.onEvent({ type: 'ShardStopped', shardId, epoch, reason, to });
    this.#options.onChange();
  }
}
