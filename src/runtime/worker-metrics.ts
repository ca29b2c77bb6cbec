import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Clock } from '../lib/clock.ts';
import { FailingTimes } from '../lib/failing-times.ts';
import type { WorkerEvent } from './worker-event.ts';

/** What a worker tells of each shard it holds, ms. */
export interface WorkerGauges {
  clock: Clock;
  lag: () => [shardId: string, ms: number][];
  checkpointAges: () => [shardId: string, ms: number][];
}

/** Of a shard: the most that handler.parallelizationFactor allows. */
const MAX_LANES = 10;

const GIVE_UP_REASONS = ['RetryAttemptsExhausted', 'RecordAgeExceeded'];

/** How long the counters of a shard stay after the shard has gone, ms: whoever collects them has the last of them by then. */
const KEPT_MS = 3_600_000;

/** Around lease durations and hand-off timeouts. */
const SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15, 20, 30, 60, 120, 300];

/**
 * Prometheus metrics of one worker, fed by its events. Names and units are stable; `docs/metrics.md` lists them. What alerts
 * ask for an increase of begins at 0 as early as its labels are known: a series that begins at 1 has not increased.
 */
export class WorkerMetrics {
  readonly registry = new Registry();
  readonly #records = this.#counter('records_total', 'Records the handler has processed.', ['shard']);
  readonly #bytes = this.#counter('bytes_total', 'Data bytes the handler has processed.', ['shard']);
  readonly #batch = this.#histogram(
    'batch_records',
    'Records per processed batch.',
    [1, 10, 100, 1_000, 10_000],
  );
  readonly #handlerFailures = this.#counter('handler_failures_total', 'Batches the handler failed.', [
    'shard',
  ]);
  readonly #handlerTimeouts = this.#counter(
    'handler_timeouts_total',
    'Batches that the handler did not answer within handler.timeoutSeconds; they count as failed too.',
    ['shard'],
  );
  readonly #givenUp = this.#counter(
    'records_given_up_total',
    'Records that the handler does not get again, by reason: their attempts are used up, or they are too old.',
    ['shard', 'reason'],
  );
  readonly #destinationFailures = this.#counter(
    'destination_failures_total',
    'Tries to send what was given up that failed; the records wait, and what comes behind them in their lane.',
    ['shard'],
  );
  readonly #changes = this.#counter(
    'ownership_changes_total',
    'Shards this worker began (change="started") or ceased ("stopped") to own, by reason.',
    ['change', 'reason'],
  );
  readonly #failovers = this.#histogram(
    'failover_seconds',
    'From the last beat seen of a worker that died until this worker reads its shard; once per shard taken.',
    SECONDS,
  );
  readonly #handoffs = this.#histogram(
    'handoff_seconds',
    'From the start of draining a shard until its row is given or released; once per shard.',
    SECONDS,
  );
  readonly #fences = this.#counter('fences_total', 'Workers this worker declared dead.', []);
  readonly #selfFences = this.#counter(
    'self_fences_total',
    'Times this worker dropped all its shards: its lease was not renewed in time, or it was declared dead.',
    ['reason'],
  );
  readonly #lost = this.#counter(
    'lost_to_retention_total',
    'Times that a position was found to have fallen out of the retention before it was read on: records are lost.',
    ['shard'],
  );
  readonly #lostSeconds = this.#counter(
    'lost_to_retention_seconds_total',
    'How long a time of the shard expired unread, at most: from its position to the oldest record kept, once per loss.',
    ['shard'],
  );
  readonly #leftOut = this.#counter(
    'records_left_out_total',
    'User records of KPL aggregates that were not delivered because the KPL sends them again, to their own shard.',
    ['shard'],
  );
  readonly #filtered = this.#counter(
    'records_filtered_total',
    'Records that passed no pattern of handler.filters: processed without the handler.',
    ['shard'],
  );
  readonly #readTroubles = this.#counter(
    'read_troubles_total',
    'Times that the reads of a shard began to fail, by cause.',
    ['code'],
  );
  readonly #troubles = this.#counter('table_troubles_total', 'Failed calls to the checkpoint table.', [
    'operation',
    'code',
  ]);
  readonly #handlerFailing: FailingTimes;
  readonly #readFailing: FailingTimes;
  readonly #requests = this.#counter('table_requests_total', 'Calls to the checkpoint table.', ['operation']);
  readonly #clock: Clock;
  /** Shards that are not owned any more, in the order in which they went, and since when, monotonic ms. */
  readonly #gone = new Map<string, number>();

  constructor({ clock, lag, checkpointAges }: WorkerGauges) {
    for (const reason of ['NotRenewed', 'Fenced']) this.#selfFences.inc({ reason }, 0);
    this.#clock = clock;
    this.#handlerFailing = new FailingTimes(clock);
    this.#readFailing = new FailingTimes(clock);
    void new Gauge({
      name: 'kcg_worker_shards',
      help: 'Shards this worker owns.',
      registers: [this.registry],
      collect() {
        this.set(lag().length);
      },
    });
    this.#secondsOfShards('lag_seconds', 'Between what is processed and the tip of the shard.', lag);
    this.#secondsOfShards(
      'checkpoint_age_seconds',
      'How long processed records have waited for their checkpoint to be written; 0 = all is written.',
      checkpointAges,
    );
    const heldOnly = (times: FailingTimes) => () => {
      const held = new Set(lag().map(([shardId]) => shardId));
      const longest = new Map<string, number>();
      for (const [key, ms] of times.list()) {
        const [shardId = ''] = key.split('/');
        if (held.has(shardId)) longest.set(shardId, Math.max(ms, longest.get(shardId) ?? 0));
      }
      return [...longest];
    };
    this.#secondsOfShards(
      'handler_failing_seconds',
      'How long the handler has failed the same batch, from its first failure; only of shards where it does, and not while what was given up waits for its destination.',
      heldOnly(this.#handlerFailing),
    );
    this.#secondsOfShards(
      'read_failing_seconds',
      'How long every read of a shard has failed, from the first failure; only of shards where it does.',
      heldOnly(this.#readFailing),
    );
  }

  onRequest(operation: string): void {
    this.#requests.inc({ operation });
  }

  onEvent(event: WorkerEvent): void {
    switch (event.type) {
      case 'BatchDelivered':
        this.#records.inc({ shard: event.shardId }, event.records);
        this.#bytes.inc({ shard: event.shardId }, event.bytes);
        if (!event.isRepeat) this.#handlerFailing.over(laneKey(event));
        return this.#batch.observe(event.records);
      case 'RecordsGivenUp':
        this.#handlerFailing.over(laneKey(event));
        return this.#givenUp.inc({ shard: event.shardId, reason: event.condition }, event.records);
      case 'DestinationFailed':
        this.#handlerFailing.over(laneKey(event));
        return this.#destinationFailures.inc({ shard: event.shardId });
      case 'HandlerFailed':
        this.#handlerFailing.failed(laneKey(event));
        if (event.error.code === 'Timeout') this.#handlerTimeouts.inc({ shard: event.shardId });
        return this.#handlerFailures.inc({ shard: event.shardId });
      case 'ShardStarted':
        this.#beginShard(event.shardId);
        this.#changes.inc({ change: 'started', reason: event.reason });
        if ('silentMs' in event && event.silentMs !== undefined)
          this.#failovers.observe(event.silentMs / 1000);
        return;
      case 'ShardStopped':
        for (let lane = 0; lane < MAX_LANES; lane += 1)
          this.#handlerFailing.over(laneKey({ shardId: event.shardId, lane }));
        this.#readFailing.over(event.shardId);
        this.#gone.set(event.shardId, this.#clock.monotonic());
        this.#changes.inc({ change: 'stopped', reason: event.reason });
        if ('handoffMs' in event) this.#handoffs.observe(event.handoffMs / 1000);
        return;
      case 'WorkerFenced':
        return this.#fences.inc();
      case 'WorkerSelfFenced':
        return this.#selfFences.inc({ reason: event.reason });
      case 'CheckpointsAtRisk':
        this.#lostSeconds.inc({ shard: event.shardId }, event.lostSeconds);
        return this.#lost.inc({ shard: event.shardId });
      case 'RecordsLeftOut':
        return this.#leftOut.inc({ shard: event.shardId }, event.records);
      case 'RecordsFiltered':
        return this.#filtered.inc({ shard: event.shardId }, event.records);
      case 'ReadTrouble':
        if (event.error === undefined) return void this.#readFailing.over(event.shardId);
        this.#readFailing.failed(event.shardId);
        return this.#readTroubles.inc({ code: event.error.code });
      case 'TableTrouble':
        if (event.error) this.#troubles.inc({ operation: event.operation, code: event.error.code });
        return;
      default:
    }
  }

  /** The text Prometheus scrapes. */
  text(): Promise<string> {
    return this.registry.metrics();
  }

  #beginShard(shard: string): void {
    this.#gone.delete(shard);
    this.#forgetGone();
    for (const counter of this.#ofShard) counter.inc({ shard }, 0);
    for (const reason of GIVE_UP_REASONS) this.#givenUp.inc({ shard, reason }, 0);
  }

  /** Streams that are resharded for months have had any number of shards. */
  #forgetGone(): void {
    const untilMs = this.#clock.monotonic() - KEPT_MS;
    for (const [shard, sinceMs] of this.#gone) {
      if (sinceMs > untilMs) return;
      this.#gone.delete(shard);
      for (const counter of this.#ofShard) counter.remove({ shard });
      for (const reason of GIVE_UP_REASONS) this.#givenUp.remove({ shard, reason });
    }
  }

  get #ofShard(): Counter<'shard'>[] {
    return [
      this.#records,
      this.#bytes,
      this.#filtered,
      this.#lost,
      this.#lostSeconds,
      this.#leftOut,
      this.#handlerFailures,
      this.#handlerTimeouts,
      this.#destinationFailures,
    ];
  }

  #counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L> {
    return new Counter({ name: `kcg_worker_${name}`, help, labelNames, registers: [this.registry] });
  }

  #histogram(name: string, help: string, buckets: number[]): Histogram {
    return new Histogram({ name: `kcg_worker_${name}`, help, buckets, registers: [this.registry] });
  }

  #secondsOfShards(name: string, help: string, read: () => [string, number][]): void {
    void new Gauge({
      name: `kcg_worker_${name}`,
      help,
      labelNames: ['shard'],
      registers: [this.registry],
      collect() {
        this.reset(); // shards held no more
        for (const [shard, ms] of read()) this.set({ shard }, ms / 1000);
      },
    });
  }
}

/** Of what fails: the lanes of a shard fail each for itself. */
function laneKey({ shardId, lane = 0 }: { shardId: string; lane?: number }): string {
  return `${shardId}/${lane}`;
}
