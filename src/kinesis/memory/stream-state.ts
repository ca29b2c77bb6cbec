import { assert } from '../../lib/assert.ts';
import { evenRanges, type HashRange } from '../hash-key.ts';
import { StreamConsumers } from './consumers.ts';
import { invalid, notProvisioned, reshardLimit, shardNotFound, streamBusy } from './errors.ts';
import { MemoryShard } from './shard.ts';
import { planShardCount, type ReshardStep } from './reshard.ts';
import type { StreamSummary } from '../stream-client.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const RESHARDS_PER_DAY = 10;

export interface NewStream {
  name: string;
  arn: string;
  accountId: string;
  /** Ms since the epoch. */
  createdAt: number;
  shardCount: number;
  mode: StreamSummary['mode'];
  /** Most of one record, data and partition key. */
  maxRecordKiB: number;
  tags: Readonly<Record<string, string>>;
  /** How long CREATING, UPDATING and DELETING last, ms. */
  transitionMs: number;
}

interface Transition {
  status: 'CREATING' | 'UPDATING' | 'DELETING';
  until: number;
  /** Done when the transition ends. */
  apply: (at: number) => void;
}

/**
 * One stream of the memory twin. Changes take effect when their transition is over; `settle` brings the stream up to
 * `now` and is called before anything else looks at it.
 */
export class MemoryStream {
  readonly name: string;
  readonly arn: string;
  readonly accountId: string;
  readonly createdAt: number;
  readonly tags: Map<string, string>;
  /** ARNs of other accounts and regions under which it is asked for all the same. */
  readonly aliases = new Set<string>();
  mode: StreamSummary['mode'];
  retentionHours = 24;
  /** Most of one record, data and partition key. */
  maxRecordKiB: number;
  deleted = false;
  readonly consumers: StreamConsumers;
  readonly #transitionMs: number;
  #shards: MemoryShard[] = [];
  #byId = new Map<string, MemoryShard>();
  #open: MemoryShard[] = [];
  #transition: Transition | undefined;
  #reshardTimes: number[] = [];
  #nextShard = 0;

  constructor(options: NewStream) {
    this.name = options.name;
    this.arn = options.arn;
    this.accountId = options.accountId;
    this.createdAt = options.createdAt;
    this.mode = options.mode;
    this.maxRecordKiB = options.maxRecordKiB;
    this.tags = new Map(Object.entries(options.tags));
    this.#transitionMs = options.transitionMs;
    this.consumers = new StreamConsumers(this, options.transitionMs);
    this.#begin('CREATING', options.createdAt, () => {
      for (const range of evenRanges(options.shardCount)) this.#addShard(range, [], options.createdAt);
      this.#open = [...this.#shards];
    });
  }

  get status(): StreamSummary['status'] {
    return this.#transition?.status ?? 'ACTIVE';
  }

  /** Open and closed, in the order they came to be. Without those whose every record is out of retention. */
  get shards(): readonly MemoryShard[] {
    return this.#shards;
  }

  get openShards(): readonly MemoryShard[] {
    return this.#open;
  }

  /** What arrived before it is not kept, ms since the epoch; no earlier than the stream was made. */
  horizon(now: number): number {
    return Math.max(this.createdAt, now - this.retentionHours * HOUR_MS);
  }

  /** Ends a transition that is due and forgets closed shards that are out of retention. */
  settle(now: number): void {
    if (this.#transition && now >= this.#transition.until) {
      const { apply, until } = this.#transition;
      this.#transition = undefined;
      apply(until);
    }
    const horizon = this.horizon(now);
    if (this.#shards.length > this.#open.length && this.#shards.some((shard) => isGone(shard, horizon))) {
      this.#shards = this.#shards.filter((shard) => !isGone(shard, horizon));
      this.#byId = new Map(this.#shards.map((shard) => [shard.id, shard]));
    }
  }

  summary(): StreamSummary {
    const { name, arn, status, createdAt, retentionHours, mode } = this;
    const openShards = this.#open.length;
    return { name, arn, status, createdAt, retentionHours, mode, openShards, keysPlaceRecords: true };
  }

  shard(shardId: string): MemoryShard {
    const shard = this.#byId.get(shardId);
    if (!shard) throw shardNotFound(shardId, this);
    return shard;
  }

  shardFor(hashKey: bigint): MemoryShard {
    let low = 0;
    let high = this.#open.length - 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if ((this.#open[middle] as MemoryShard).range.end < hashKey) low = middle + 1;
      else high = middle;
    }
    const shard = this.#open[low];
    assert(shard !== undefined && shard.covers(hashKey), `no open shard covers ${hashKey}`);
    return shard;
  }

  /** Reads and writes work in both. */
  requireUsable(): void {
    if (this.status !== 'ACTIVE' && this.status !== 'UPDATING') throw streamBusy(this, this.status);
  }

  requireActive(): void {
    if (this.status !== 'ACTIVE') throw streamBusy(this, this.status);
  }

  delete(now: number): void {
    this.#begin('DELETING', now, () => {
      this.deleted = true;
    });
  }

  split(shardId: string, hashKey: bigint, now: number): void {
    this.#requireProvisioned('SplitShard');
    const { range } = this.#requireOpen(shardId);
    if (hashKey <= range.start || hashKey > range.end) {
      throw invalid(
        `NewStartingHashKey ${hashKey} used in SplitShard() on shard ${shardId} in stream ${this.name} under account ${this.accountId} is not both greater than one plus the shard's StartingHashKey ${range.start} and less than the shard's EndingHashKey ${range.end - 1n}.`,
      );
    }
    this.#update(now, (at) => this.#reshard({ kind: 'split', at: hashKey }, at));
  }

  merge(shardId: string, adjacentShardId: string, now: number): void {
    this.#requireProvisioned('MergeShards');
    const ranges = [this.#requireOpen(shardId).range, this.#requireOpen(adjacentShardId).range];
    const [low, high] = ranges.sort((a, b) => (a.start < b.start ? -1 : 1)) as [HashRange, HashRange];
    if (low.end + 1n !== high.start) {
      throw invalid(
        `Shards ${shardId} and ${adjacentShardId} in stream ${this.name} under account ${this.accountId} are not an adjacent pair of shards eligible for merging`,
      );
    }
    this.#update(now, (at) => this.#reshard({ kind: 'merge', at: high.start }, at));
  }

  /** At most to twice and to half of the open shards, ten times in 24 hours. */
  setShardCount(target: number, now: number): void {
    this.#requireProvisioned('UpdateShardCount');
    const current = this.#open.length;
    if (target > current * 2) {
      throw invalid(
        `UpdateShardCount cannot scale up over double your current open shard count. Current open shard count: ${current} Target shard count: ${target}`,
      );
    }
    if (target < Math.ceil(current / 2)) {
      throw invalid(
        `UpdateShardCount cannot scale down below half your current open shard count. Current open shard count: ${current} Target shard count: ${target}`,
      );
    }
    this.#reshardTimes = this.#reshardTimes.filter((time) => now - time < DAY_MS);
    if (this.#reshardTimes.length >= RESHARDS_PER_DAY) throw reshardLimit(this);
    this.#reshardTimes.push(now);
    const steps = planShardCount(
      this.#open.map((shard) => shard.range),
      target,
    );
    this.#update(now, (at) => {
      for (const step of steps) this.#reshard(step, at);
    });
  }

  setRetention(hours: number, now: number): void {
    this.requireActive();
    this.#update(now, () => {
      this.retentionHours = hours;
    });
  }

  setMaxRecord(kib: number, now: number): void {
    this.requireActive();
    this.#update(now, () => {
      this.maxRecordKiB = kib;
    });
  }

  setMode(mode: StreamSummary['mode'], now: number): void {
    this.requireActive();
    this.#update(now, () => {
      this.mode = mode;
    });
  }

  #update(now: number, apply: Transition['apply']): void {
    this.#begin('UPDATING', now, apply);
  }

  #begin(status: Transition['status'], now: number, apply: Transition['apply']): void {
    this.#transition = { status, until: now + this.#transitionMs, apply };
    this.settle(now);
  }

  /** And ACTIVE. */
  #requireProvisioned(operation: string): void {
    this.requireActive();
    if (this.mode === 'ON_DEMAND') throw notProvisioned(this, operation);
  }

  #requireOpen(shardId: string): MemoryShard {
    const shard = this.shard(shardId);
    if (!shard.isOpen)
      throw invalid(`Shard ${shardId} in stream ${this.name} under account ${this.accountId} is not open.`);
    return shard;
  }

  /** `at` is the hash key where two shards come to be or are joined. */
  #reshard(step: ReshardStep, now: number): void {
    const isSplit = step.kind === 'split';
    const parents = this.#open.filter(
      (shard) => shard.covers(step.at) || (!isSplit && shard.covers(step.at - 1n)),
    );
    const low = parents.at(0) as MemoryShard;
    const high = parents.at(-1) as MemoryShard;
    const ranges = isSplit
      ? [
          { start: low.range.start, end: step.at - 1n },
          { start: step.at, end: high.range.end },
        ]
      : [{ start: low.range.start, end: high.range.end }];
    const children = ranges.map((range) => this.#addShard(range, parents, now));
    for (const parent of parents) parent.close(now, children);
    this.#open = [...this.#open.filter((shard) => shard.isOpen), ...children];
    this.#open.sort((a, b) => (a.range.start < b.range.start ? -1 : 1));
  }

  #addShard(range: HashRange, parents: readonly MemoryShard[], now: number): MemoryShard {
    const shard = new MemoryShard({ number: this.#nextShard++, range, parents, createdAt: now });
    this.#shards.push(shard);
    this.#byId.set(shard.id, shard);
    return shard;
  }
}

function isGone(shard: MemoryShard, horizon: number): boolean {
  return shard.closedAt !== undefined && shard.closedAt < horizon;
}
