import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { WorkerEvent } from './worker-event.ts';

/** Prometheus metrics of one worker, fed by its events. Names and units are stable. */
export class WorkerMetrics {
  readonly #registry = new Registry();
  readonly #records = this.#counter('kcg_worker_records_total', 'Records the handler has processed.', [
    'shard',
  ]);
  readonly #bytes = this.#counter('kcg_worker_bytes_total', 'Data bytes the handler has processed.', [
    'shard',
  ]);
  readonly #handlerFailures = this.#counter(
    'kcg_worker_handler_failures_total',
    'Batches the handler failed.',
    ['shard'],
  );
  readonly #starts = this.#counter('kcg_worker_shard_starts_total', 'Shards this worker began to read.', [
    'reason',
  ]);
  readonly #stops = this.#counter('kcg_worker_shard_stops_total', 'Shards this worker stopped reading.', [
    'reason',
  ]);
  readonly #fences = this.#counter('kcg_worker_fences_total', 'Workers this worker declared dead.', []);
  readonly #selfFences = this.#counter(
    'kcg_worker_self_fences_total',
    'Times this worker lost its own lease.',
    [],
  );
  readonly #troubles = this.#counter(
    'kcg_worker_table_troubles_total',
    'Failed calls to the checkpoint table.',
    ['operation', 'code'],
  );
  readonly #requests = this.#counter('kcg_worker_table_requests_total', 'Calls to the checkpoint table.', [
    'operation',
  ]);
  readonly #batch = new Histogram({
    name: 'kcg_worker_batch_records',
    help: 'Records per processed batch.',
    buckets: [1, 10, 100, 1_000, 10_000],
    registers: [this.#registry],
  });

  constructor(lag: () => [string, number][]) {
    const registers = [this.#registry];
    void new Gauge({
      name: 'kcg_worker_lag_seconds',
      help: 'Seconds between what is processed and the tip of the shard.',
      labelNames: ['shard'],
      registers,
      collect() {
        this.reset();
        for (const [shard, ms] of lag()) this.set({ shard }, ms / 1000);
      },
    });
    void new Gauge({
      name: 'kcg_worker_shards',
      help: 'Shards this worker owns.',
      registers,
      collect() {
        this.set(lag().length);
      },
    });
  }

  onRequest(operation: string): void {
    this.#requests.inc({ operation });
  }

  onEvent(event: WorkerEvent): void {
    switch (event.type) {
      case 'BatchDelivered':
        this.#records.inc({ shard: event.shardId }, event.records);
        this.#bytes.inc({ shard: event.shardId }, event.bytes);
        return this.#batch.observe(event.records);
      case 'HandlerFailed':
        return this.#handlerFailures.inc({ shard: event.shardId });
      case 'ShardStarted':
        return this.#starts.inc({ reason: event.reason });
      case 'ShardStopped':
        return this.#stops.inc({ reason: event.reason });
      case 'WorkerFenced':
        return this.#fences.inc();
      case 'WorkerSelfFenced':
        return this.#selfFences.inc();
      case 'TableTrouble':
        return this.#troubles.inc({ operation: event.operation, code: event.error?.code ?? 'none' });
      default:
    }
  }

  /** The text Prometheus scrapes. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  #counter<L extends string>(name: string, help: string, labelNames: L[]): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }
}
