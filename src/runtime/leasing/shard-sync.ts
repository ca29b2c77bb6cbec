import type { WorkerConfig } from '../../api/worker-config.ts';
import type { ChildShard, Shard } from '../../kinesis/shard.ts';
import { parentsOf } from '../../kinesis/shard.ts';
import type { ShardFilter, StreamClient } from '../../kinesis/stream-client.ts';
import { beginsAfter } from '../../kinesis/bounded-reader.ts';
import { decodeClaim, isHeld } from '../../leases/claim.ts';
import { decodeRows } from '../../leases/group-rows.ts';
import { isEnded } from '../../leases/lease.ts';
import { latestStart } from '../../leases/latest.ts';
import type { LeaseTable } from '../../leases/lease-table.ts';
import { doubtfulParents, planShardSync } from '../../leases/plan-shard-sync.ts';
import { completeShard, expireShard, pinStart, putShard } from '../../leases/transitions.ts';
import { completeRange } from '../../leases/range-writes.ts';
import { jitterMs } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { loop, Wakeup } from '../../lib/loop.ts';
import { hasCode, KcgError } from '../../lib/errors.ts';
import type { Random } from '../../lib/random.ts';
import type { GroupState } from './group-state.ts';
import type { StreamLook } from '../stream-look.ts';
import type { OnWorkerEvent } from '../worker-event.ts';

export interface ShardSyncOptions {
  table: LeaseTable;
  stream: Pick<StreamClient, 'listShards' | 'getIterator' | 'now'>;
  look: StreamLook;
  clock: Clock;
  random: Random;
  state: GroupState;
  worker: string;
  initialPosition: WorkerConfig['initialPosition'];
  /** Ms since the epoch: of shards that began later nothing is read. */
  rangeEndMs?: number | undefined;
  onChange: () => void;
  onEvent: OnWorkerEvent;
}

/** Between two syncs of the group, ms ± 10 %; workers that are not its turn look three times less often. */
const SYNC_INTERVAL_MS = 60_000;
const OTHERS_FACTOR = 3;
/** How often each worker looks whether it is its turn, ms. */
const LOOK_MS = 5_000;
/** Lists catch up with a reshard sooner. */
const DOUBT_MS = 30_000;

/** Keeps a row for every shard of the stream; normally by the live worker with the smallest name. */
export class ShardSync {
  readonly #options: ShardSyncOptions;
  readonly #wakeup = new Wakeup();
  #lastSyncMs = -Infinity;
  /** By parent that is in no list, monotonic ms. */
  #doubtedSince: ReadonlyMap<string, number> = new Map();

  constructor(options: ShardSyncOptions) {
    this.#options = options;
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, onEvent } = this.#options;
    await loop({
      clock,
      random,
      signal,
      wakeup: this.#wakeup,
      backoff: { baseMs: 500, maxMs: 30_000 },
      step: async () => {
        const isMyTurn = this.#isMyTurn();
        const dueMs = this.#lastSyncMs + SYNC_INTERVAL_MS * (isMyTurn ? 1 : OTHERS_FACTOR);
        const waitMs = dueMs - clock.monotonic();
        const isAwaited = isMyTurn && this.#options.state.leases.length === 0;
        if (waitMs > 0 && !isAwaited) return Math.min(waitMs, LOOK_MS);
        await this.#syncOnce(signal);
        return jitterMs(LOOK_MS, 0.1, random);
      },
      onFailure: (error) => onEvent({ type: 'TableTrouble', operation: 'shard sync', error }),
    });
  }

  /** Who wakes it while it runs, or after it failed, gets another one. */
  async #syncOnce(signal: AbortSignal): Promise<void> {
    this.#lastSyncMs = this.#options.clock.monotonic();
    try {
      await this.sync(signal);
    } catch (thrown) {
      this.#lastSyncMs = -Infinity;
      throw thrown;
    }
  }

  /** The stream may have changed: look now. */
  wake(): void {
    this.#lastSyncMs = -Infinity;
    this.#wakeup.wake();
  }

  /** One pass. Safe to run anywhere at any time: rows are only added where there is none. */
  async sync(signal: AbortSignal): Promise<void> {
    const { table, stream, look, clock, state, onChange, onEvent } = this.#options;
    const initial = await this.#initialPosition(signal);
    const [{ retentionHours }, listed] = await Promise.all([
      look.fresh(0),
      stream.listShards(filterFor(initial), { signal }),
    ]);
    const shards = this.#within(listed);
    // The coordinator reads them once a minute; older rows only make a put that its condition refuses. Positions may be
    // on their way: from another consumer, or to where somebody wants them.
    if (state.leases.length === 0) state.readAll(await table.query('all', { consistent: true, signal }));
    if (state.isHeld) return;
    // Rows that lack their lineage can be of shards from before the initial position.
    const isWhole = state.leases.every((lease) => lease.hashStart !== undefined || isEnded(lease));
    const input = {
      shards,
      all: isWhole ? listed : await stream.listShards({ from: 'TRIM_HORIZON' }, { signal }),
      leases: state.leases,
      initialPosition: initial,
      retentionHours,
      nowMs: clock.now(),
    };
    const unlisted = await this.#thoseThere(doubtfulParents(input), signal);
    // The list shows them in a moment.
    if (unlisted.size > 0) this.#lastSyncMs = -Infinity;
    const plan = planShardSync({ ...input, unlisted });
    const added: string[] = [];
    for (const lease of plan.puts) {
      const { outcome, row } = await table.write(putShard(lease, clock.now()), { signal });
      state.learn(row);
      if (outcome === 'done') added.push(lease.shardId);
    }
    for (const lineage of plan.completions)
      state.learn((await table.write(completeShard(lineage), { signal })).row);
    for (const { shardId, ttl } of plan.expirations) await table.write(expireShard(shardId, ttl), { signal });
    if (added.length > 0) onEvent({ type: 'ShardsAdded', shardIds: added });
    if (added.length + plan.completions.length > 0) onChange();
    else if (plan.puts.length === 0 && unlisted.size === 0)
      await this.#noteComplete({ isEmpty: shards.length === 0 && listed.length > 0, signal });
  }

  /**
   * The children of a closed shard that are to be read: as the service has named them, where it has, and without those that
   * began after the range, as a parent of theirs may have, which gets no row.
   * @throws KcgError `Unavailable` while the list is too old to tell
   */
  async childrenOf(shardId: string, named: readonly ChildShard[]): Promise<readonly ChildShard[]> {
    if (named.length > 0 && this.#options.rangeEndMs === undefined) return named;
    const shards = await this.#options.stream.listShards({ from: 'TRIM_HORIZON' });
    const listed = new Set(shards.map((shard) => shard.shardId));
    const unlisted = named.find((child) => !listed.has(child.shardId));
    if (unlisted) throw new KcgError('Unavailable', `the stream does not list ${unlisted.shardId} yet`);
    return this.#within(shards)
      .filter((shard) => parentsOf(shard).includes(shardId))
      .map(asChild);
  }

  #within(shards: readonly Shard[]): readonly Shard[] {
    const { rangeEndMs } = this.#options;
    return rangeEndMs === undefined ? shards : shards.filter((shard) => !beginsAfter(shard, rangeEndMs));
  }

  /** Every shard of the range has a row, and all of them are read to their end; or all that is listed began after it. */
  async #noteComplete({ isEmpty, signal }: { isEmpty: boolean; signal: AbortSignal }): Promise<void> {
    const { rangeEndMs, clock, table } = this.#options;
    if (rangeEndMs === undefined || clock.now() <= rangeEndMs) return;
    const { leases, claim } = decodeRows(await table.query('all', { consistent: true, signal }));
    const isRead = leases.length > 0 ? leases.every(isEnded) : isEmpty;
    if (!isRead || isHeld(claim) || claim?.completedAt !== undefined) return;
    await table.write(completeRange(clock.now(), claim), { signal });
  }

  async listShardIds(): Promise<ReadonlySet<string>> {
    const shards = await this.#options.stream.listShards({ from: 'TRIM_HORIZON' });
    return new Set(shards.map((shard) => shard.shardId));
  }

  /**
   * Which of these shards the stream has, whatever it lists. One that is still in no list after a while ended before the initial
   * position after all: sequence numbers of shards that were split and merged quickly tell a later time than that.
   */
  async #thoseThere(shardIds: readonly string[], signal: AbortSignal): Promise<ReadonlySet<string>> {
    const there = new Set<string>();
    const nowMs = this.#options.clock.monotonic();
    const since = this.#doubtedSince;
    this.#doubtedSince = new Map(shardIds.map((shardId) => [shardId, since.get(shardId) ?? nowMs]));
    for (const [shardId, sinceMs] of this.#doubtedSince) {
      if (nowMs - sinceMs > DOUBT_MS) continue;
      try {
        await this.#options.stream.getIterator(shardId, { at: 'TRIM_HORIZON' }, { signal });
        there.add(shardId);
      } catch (thrown) {
        if (!hasCode(thrown, 'NotFound')) throw thrown;
      }
    }
    return there;
  }

  #isMyTurn(): boolean {
    const live = this.#options.state.workers.filter((row) => row.state === 'live').map((row) => row.worker);
    return live.sort()[0] === this.#options.worker;
  }

  async #initialPosition(signal: AbortSignal) {
    const { initialPosition, clock, state, stream, table } = this.#options;
    switch (initialPosition.type) {
      case 'TrimHorizon':
        return { at: 'TRIM_HORIZON' } as const;
      case 'AtTimestamp':
        return { at: 'AT_TIMESTAMP', timestampMs: initialPosition.timestampMs } as const;
      case 'Latest': {
        if (state.startAt !== undefined) return { at: 'AT_TIMESTAMP', timestampMs: state.startAt } as const;
        const startMs = latestStart({ streamMs: await stream.now({ signal }), nowMs: clock.now() });
        const { row } = await table.write(pinStart(startMs), { signal });
        const pinned = row && decodeClaim(row).startAt;
        return { at: 'AT_TIMESTAMP', timestampMs: pinned ?? startMs } as const;
      }
    }
  }
}

function filterFor(
  initial: { at: 'TRIM_HORIZON' } | { at: 'AT_TIMESTAMP'; timestampMs: number },
): ShardFilter {
  return initial.at === 'TRIM_HORIZON'
    ? { from: 'TRIM_HORIZON' }
    : { from: 'TIMESTAMP', timestampMs: initial.timestampMs };
}

function asChild(shard: Shard): ChildShard {
  return {
    shardId: shard.shardId,
    parents: parentsOf(shard),
    hashStart: shard.hashStart,
    hashEnd: shard.hashEnd,
  };
}
