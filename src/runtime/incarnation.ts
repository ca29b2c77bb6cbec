import { dataSizeOf } from '../kinesis/record.ts';
import type { ShardReader } from '../kinesis/shard-reader.ts';
import type { StreamClient, StreamSummary } from '../kinesis/stream-client.ts';
import type { WorkerRef } from '../leases/lease.ts';
import type { WorkerState } from '../leases/worker-row.ts';
import type { KcgError } from '../lib/errors.ts';
import { randomName } from '../lib/random.ts';
import { AHEAD_BYTES, ByteBudget } from './delivery/byte-budget.ts';
import { Checkpointer } from './delivery/checkpointer.ts';
import { beginTrouble, HandlerTroubles } from './delivery/handler-troubles.ts';
import { GroupState } from './leasing/group-state.ts';
import { Heartbeat } from './leasing/heartbeat.ts';
import { HeldShards, type StartShard } from './leasing/held-shards.ts';
import { LeaseCoordinator } from './leasing/lease-coordinator.ts';
import { filteredReader } from './delivery/filtered-reader.ts';
import { Lanes } from './delivery/lanes.ts';
import { LoadMeter } from './delivery/load-meter.ts';
import { recordFilter } from './delivery/record-filter.ts';
import { OtherWorkers } from './leasing/other-workers.ts';
import { OwnLease } from './leasing/own-lease.ts';
import { unreadOf } from '../leases/unread.ts';
import { boundedReader } from '../kinesis/bounded-reader.ts';
import { openReader } from './delivery/open-reader.ts';
import { OneByOne } from './delivery/one-by-one.ts';
import { ReadTroubles } from './delivery/read-troubles.ts';
import { Restarts } from './delivery/restarts.ts';
import { ShardConsumer } from './delivery/shard-consumer.ts';
import { ShardSync } from './leasing/shard-sync.ts';
import { payloadReader } from './payload/payload-reader.ts';
import { orUndecodable } from './payload/take-decodable.ts';
import { StreamLook } from './stream-look.ts';
import type { WorkerOptions } from './worker-options.ts';

/** Fetched and not yet processed, over all shards of the worker. */
const BUFFER_BYTES = 64 * 1024 * 1024;

/** What a life begins with. */
export interface Surroundings {
  stream: StreamSummary;
  /** As the claim was last seen. */
  paused: boolean;
  /** The handler answers. */
  isReady: () => boolean;
  /** A client for the reader of one shard. */
  openStream: () => StreamClient;
  /** What the handler does can only be ended with the process. */
  onStuck: (error: KcgError) => void;
}

/**
 * One life of a worker, from its announcement until it is drained or its lease is lost. Everything it owns hangs on its
 * name; nothing is carried over into the next life.
 */
export class Incarnation {
  readonly #options: WorkerOptions;
  readonly #ownLease: OwnLease;
  readonly #state: GroupState;
  readonly #pause = new AbortController();
  readonly #budget = new ByteBudget(BUFFER_BYTES);
  readonly heartbeat: Heartbeat;
  readonly held: HeldShards;
  readonly coordinator: LeaseCoordinator;
  readonly #others: OtherWorkers;
  readonly #sync: ShardSync;
  readonly #stream: StreamLook;
  readonly #openStream: () => StreamClient;
  readonly #onStuck: (error: KcgError) => void;
  readonly #readTroubles: ReadTroubles;
  /** Of the shards whose programs have been opened. */
  readonly #restarts = new Map<string, Restarts>();
  readonly #turns = new OneByOne();
  #knock = 0;
  #stop: AbortSignal | undefined;

  constructor(options: WorkerOptions, { stream, paused, isReady, openStream, onStuck }: Surroundings) {
    this.#openStream = openStream;
    this.#onStuck = onStuck;
    const { config, identity, table, clock, random, nudge } = options;
    const troubles = new HandlerTroubles(clock);
    this.#readTroubles = new ReadTroubles(clock);
    const onEvent: WorkerOptions['onEvent'] = (event) => {
      troubles.note(event);
      this.#readTroubles.note(event);
      if (event.type === 'ShardStopped') this.#restarts.delete(event.shardId);
      options.onEvent(event);
    };
    this.#options = { ...options, onEvent };
    this.#stream = new StreamLook(options.stream, clock, stream);
    const me: WorkerRef = { worker: identity.worker, incarnation: randomName(random, 10) };
    const ownLease = new OwnLease(clock, config.leaseDurationMs);
    const state = new GroupState(paused);
    this.#state = state;
    let wasPaused = paused;
    const shared = { table, clock, random, me, ownLease, state, onEvent };
    this.#ownLease = ownLease;
    this.#sync = new ShardSync({
      ...shared,
      stream: options.stream,
      look: this.#stream,
      worker: identity.worker,
      initialPosition: config.initialPosition,
      rangeEndMs: config.rangeEndMs,
      onChange: () => this.#changed(),
    });
    this.held = new HeldShards({
      ...shared,
      startShard: this.#startShard,
      handoffTimeoutMs: config.handoffTimeoutMs,
      childrenOf: (shardId, named) => this.#sync.childrenOf(shardId, named),
      onLost: () => this.coordinator.readAllNext(),
      onEnded: () => this.#shardEnded(),
    });
    this.#others = new OtherWorkers({ ...shared, nudge });
    this.coordinator = new LeaseCoordinator({
      ...shared,
      others: this.#others,
      leaseDurationMs: config.leaseDurationMs,
      held: this.held,
      listShardIds: () => this.#sync.listShardIds(),
      onLook: () => {
        if (state.paused && this.heartbeat.state === 'live') this.#pause.abort();
        if (wasPaused && !state.paused) this.heartbeat.wake();
        wasPaused = state.paused;
      },
    });
    this.heartbeat = new Heartbeat({
      ...shared,
      leaseDurationMs: config.leaseDurationMs,
      isReady: () => isReady() && !state.paused,
      lag: () => this.held.lag(),
      handlerTrouble: () => troubles.worst ?? beginTrouble(options.handler.trouble),
      readTrouble: () => this.#readTroubles.worst,
      onBeat: (row) => {
        state.learnOwn(row);
        if (row.knock !== this.#knock) this.coordinator.readAllNext();
        else this.coordinator.roundNow();
        this.#knock = row.knock;
      },
      onEvent: (event) => {
        onEvent(event);
        if (event.type === 'WorkerLive') this.#changed();
      },
    });
  }

  #shardEnded(): void {
    this.coordinator.tellPlanned();
    // It may be the last one of the range.
    if (this.#options.config.rangeEndMs !== undefined) this.#sync.wake();
  }

  /** Not live any more once its lease is over, though the row may still say so. */
  get state(): WorkerState {
    return this.#ownLease.isGood() ? this.heartbeat.state : 'starting';
  }

  get isPaused(): boolean {
    return this.#state.paused;
  }

  word(): string | undefined {
    return this.#ownLease.isGood() ? this.#state.word : undefined;
  }

  /** Resolves when it is over: drained after `stop` or a pause, or fenced. */
  async run(stop: AbortSignal): Promise<void> {
    this.#stop = stop;
    const { config, identity, onEvent } = this.#options;
    const { maxLeases, leaseDurationMs } = config;
    if (!(await this.heartbeat.announce({ ...identity, maxLeases, leaseDurationMs }, stop))) return;
    const life = new AbortController();
    const beating = this.heartbeat.run(life.signal);
    const running = [beating, this.coordinator.run(life.signal), this.#sync.run(life.signal)];
    const pause = this.#pause.signal;
    await Promise.race([beating, whenAborted(stop, pause, life.signal)]);
    if ((stop.aborted || pause.aborted) && this.#ownLease.isGood()) {
      // The lease can run out while draining, and then somebody else goes on with what is left.
      void beating.then(() => this.held.loseAll('the lease of this worker ran out'));
      await this.#drain();
      life.abort();
      await Promise.all([...running, this.heartbeat.remove()]);
      this.#state.leaves();
      if (!this.#state.paused) await this.#others.tellTakers();
      onEvent({ type: stop.aborted ? 'WorkerStopped' : 'WorkerPaused' });
    } else {
      const reason = this.#ownLease.wasTaken ? 'Fenced' : 'NotRenewed';
      onEvent({ type: 'WorkerSelfFenced', reason, shards: this.held.size });
      this.held.loseAll('the lease of this worker ran out');
      life.abort();
      await Promise.all([...running, this.held.settled()]);
    }
  }

  async #drain(): Promise<void> {
    this.#options.onEvent({ type: 'WorkerDraining', shards: this.held.size });
    await this.heartbeat.drain();
    await this.coordinator.drain();
  }

  #changed(): void {
    this.#sync.wake();
    this.coordinator.tellPlanned();
  }

  readonly #startShard: StartShard = (own, lease, from, onLost) => {
    const { config, table, handler, payloads, spans, clock, random, log, onEvent } = this.#options;
    const { shardId } = lease;
    const unread = unreadOf(lease, clock.now());
    const checkpointer = new Checkpointer({
      table,
      clock,
      random,
      own,
      from,
      load: lease.load,
      readAt: lease.readAt,
      intervalMs: config.checkpointIntervalMs,
      beatsFail: () => this.heartbeat.isFailing,
      onLost,
      onTrouble: (error) => onEvent({ type: 'TableTrouble', operation: 'checkpoint', error }),
    });
    const share = this.#budget.share(AHEAD_BYTES);
    const open = openReader(config, {
      client: this.#openStream(),
      clock,
      random,
      shard: lease,
      from,
      trouble: this.#readTroubles.of(shardId),
      onTrouble: (error) => onEvent({ type: 'ReadTrouble', shardId, error }),
      unreadMs: unread.lostAfterMs,
      retentionHours: () => this.#stream.latest.retentionHours,
      onLost: (ageMs, lostMs) => this.#tellLoss(checkpointer, { shardId, ageMs, lostMs }),
      room: share,
      parentRanges: () => (this.#stream.latest.keysPlaceRecords ? this.#state.rangesOf(lease.parents) : []),
      onLeftOut: (records) => onEvent({ type: 'RecordsLeftOut', shardId, records }),
    });
    const reader = config.rangeEndMs === undefined ? open : boundedReader(open, config.rangeEndMs, clock);
    const meter = new LoadMeter(lease.load, clock.monotonic());
    const consumer = new ShardConsumer({
      shardId,
      reader: this.#filtered(shardId, payloadReader(reader, payloads?.open, from), meter),
      payloads,
      // Who has a program for each shard gets its records in one row.
      lanes: new Lanes(handler.open ? 1 : config.parallelizationFactor, config),
      policy: config.retry,
      timeoutMs: config.handlerTimeoutMs,
      destination: this.#options.destination,
      givenUp: lease.givenUp,
      unfinished: lease.unfinished,
      turns: this.#turns,
      onStuck: this.#onStuck,
      share,
      checkpointer,
      meter,
      behindMs: unread.lagMs ?? 0,
      from,
      restarts: this.#restartsOf(shardId),
      handler,
      context: {
        groupId: config.groupId,
        streamName: config.stream.name,
        streamArn: this.#stream.latest.arn,
        region: config.region,
        log: log.child({ shardId }),
      },
      spans,
      leaseIsGood: () => this.#ownLease.isGood(),
      isStopping: () => this.#stop?.aborted === true,
      clock,
      random,
      onEvent,
    });
    return { consumer, checkpointer };
  };

  #restartsOf(shardId: string): Restarts {
    const restarts = this.#restarts.get(shardId) ?? new Restarts();
    this.#restarts.set(shardId, restarts);
    return restarts;
  }

  #tellLoss(checkpointer: Checkpointer, loss: { shardId: string; ageMs: number; lostMs: number }): void {
    const { shardId, ageMs, lostMs } = loss;
    checkpointer.lost();
    this.#options.onEvent({
      type: 'CheckpointsAtRisk',
      shardId,
      reason: 'LostToRetention',
      checkpointAgeMs: ageMs,
      lostSeconds: Math.round(lostMs / 1000),
    });
  }

  #filtered(shardId: string, reader: ShardReader, meter: LoadMeter): ShardReader {
    const { config, payloads, clock, onEvent } = this.#options;
    if (config.filters === undefined) return reader;
    const place = { shardId, region: config.region, streamArn: this.#stream.latest.arn };
    const passes = orUndecodable(recordFilter(config.filters, place), payloads?.decode);
    return filteredReader(reader, passes, (records) => {
      const bytes = records.reduce((sum, record) => sum + dataSizeOf(record), 0);
      meter.add(records.length, bytes, clock.monotonic());
      onEvent({ type: 'RecordsFiltered', shardId, records: records.length });
    });
  }
}

function whenAborted(...signals: AbortSignal[]): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of signals) {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    }
  });
}
