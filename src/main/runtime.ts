import { ownCredentials, type AwsCredentials } from '../aws/credentials.ts';
import { randomName, systemRandom } from '../lib/random.ts';
import { systemClock } from '../lib/clock.ts';
import { KcgError } from '../lib/errors.ts';
import { hostPort } from '../lib/listen.ts';
import { createLog, type Log } from '../lib/log.ts';
import type { LibrarySpec } from '../api/library-spec.ts';
import { openDestination } from '../runtime/failure/open-destination.ts';
import { batchRecord } from '../runtime/handlers/batch-record.ts';
import { describeThrown } from '../runtime/handlers/describe-thrown.ts';
import type { Handler } from '../runtime/handlers/handler.ts';
import { ownExport } from '../runtime/handlers/module-export.ts';
import { OwnHandler } from '../runtime/handlers/module-handler.ts';
import { RecordQueue, type QueuedRecord } from '../runtime/handlers/record-queue.ts';
import { httpNudge } from '../runtime/leasing/nudge.ts';
import type { RecordsOptions, ShardRecord, WorkerOptions } from '../runtime/library-types.ts';
import { openPayloads } from '../runtime/payload/payloads.ts';
import { workerEventLog, type WorkerEvent } from '../runtime/worker-event.ts';
import { WorkerMetrics } from '../runtime/worker-metrics.ts';
import { startWorkerServer } from '../runtime/worker-server.ts';
import { Worker as GroupWorker } from '../runtime/worker.ts';
import { findConsumer, newestRevision, openTable } from './library/open-worker.ts';
import { libraryConfig, regionOf, requireLibraryOptions } from './library/library-config.ts';
import { openClients } from './worker/worker-clients.ts';

export { KcgError } from '../lib/errors.ts';
export type { Log } from '../lib/log.ts';
export type * from '../runtime/handlers/module-types.ts';
export type * from '../runtime/handlers/shard-types.ts';
export type * from '../runtime/library-types.ts';
export type { WorkerEvent } from '../runtime/worker-event.ts';

export type WorkerState = 'new' | 'starting' | 'live' | 'draining' | 'dead' | 'stopped';

type Listener = (event: WorkerEvent) => unknown;

/**
 * One worker of a group in this process, as a pod's: it shares the group's shards with all other workers, by leases in the same
 * table. It runs once: `run`, or `start` and `stop`, or `records`.
 */
export class Worker {
  readonly #spec: LibrarySpec;
  readonly #region: string;
  readonly #handler: WorkerOptions['handler'];
  readonly #credentials: AwsCredentials | undefined;
  readonly #log: Log;
  readonly #name: string;
  readonly #stop = new AbortController();
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #metrics: WorkerMetrics;
  #worker: GroupWorker | undefined;
  #running: Promise<void> | undefined;
  #isOver = false;

  /** @throws KcgError `InvalidInput` with every wrong option, before anything is touched */
  constructor(options: WorkerOptions) {
    this.#spec = requireLibraryOptions(options);
    this.#region = regionOf(this.#spec, process.env);
    this.#handler = options.handler;
    this.#credentials = options.credentials && ownCredentials(options.credentials);
    this.#name = options.name ?? `local-${randomName(systemRandom, 8)}`;
    const log = options.log ?? createLog('warn', (line) => process.stderr.write(line));
    this.#log = log.child({ worker: this.#name });
    this.#metrics = new WorkerMetrics({
      clock: systemClock,
      lag: () => this.#worker?.lag() ?? [],
      checkpointAges: () => this.#worker?.checkpointAges() ?? [],
    });
  }

  /** Of its row in the table. */
  get name(): string {
    return this.#name;
  }

  get state(): WorkerState {
    if (this.#isOver) return 'stopped';
    return this.#worker?.state ?? (this.#running ? 'starting' : 'new');
  }

  /** The shards that it holds, and how far behind each is, ms; most first. */
  shards(): { shardId: string; behindMillis: number }[] {
    return (this.#worker?.lag() ?? []).map(([shardId, behindMillis]) => ({ shardId, behindMillis }));
  }

  /** For Prometheus; names and units as in docs/metrics.md. */
  metrics(): Promise<string> {
    return this.#metrics.text();
  }

  /** Tells of events of this type, or of all; the function that it returns ends that. What a listener throws is logged, of an async one too. */
  on<T extends WorkerEvent['type']>(
    type: T,
    listener: (event: Extract<WorkerEvent, { type: T }>) => unknown,
  ): () => void;
  on(type: '*', listener: (event: WorkerEvent) => unknown): () => void;
  on(type: string, listener: (event: never) => unknown): () => void {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(listener as Listener));
    return () => void listeners.delete(listener as Listener);
  }

  /**
   * Runs until `signal` aborts or `stop` is called, then drains: what is being processed is finished, positions are written and
   * shards handed over.
   * @throws KcgError when it can never work as configured, or `Timeout`, after it has drained, when the handler does not stop
   */
  async run(signal?: AbortSignal): Promise<void> {
    if (this.#handler === undefined)
      throw new KcgError('InvalidInput', 'this worker has no handler', {
        fix: 'Set handler, or take its records: for await (const record of worker.records()).',
      });
    const onAbort = () => this.#tellToStop();
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    try {
      const own = ownExport(this.#handler, 'handler');
      await this.#begin(new OwnHandler({ load: async () => own, folder: '', clock: systemClock }), false);
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }

  /** `run` in the background: resolves once the worker takes part in the group, and rejects when it cannot. */
  async start(): Promise<void> {
    let off = () => {};
    const live = new Promise<void>((resolve) => {
      off = this.on('WorkerLive', () => resolve());
    });
    const running = this.run();
    running.catch(() => {}); // told here or by stop()
    try {
      await Promise.race([live, running]);
    } finally {
      off();
    }
  }

  /** Drains and ends; resolves when that is done. @throws what `run` would throw */
  async stop(): Promise<void> {
    this.#tellToStop();
    await this.#running;
  }

  #tellToStop(): void {
    this.#stop.abort(new KcgError('Aborted', 'the worker is told to stop'));
  }

  /**
   * Runs the worker and gives its records one by one, the shards in turn. A record is done when the next one is asked for, or by its
   * `checkpoint()`. Leaving the loop, by `break` or a throw, stops the worker; the record in hand and what comes behind it come
   * again.
   * @throws KcgError as `run`
   */
  async *records({ signal }: RecordsOptions = {}): AsyncGenerator<ShardRecord, void, void> {
    const queue = new RecordQueue();
    const over = new AbortController();
    const onAbort = () => this.#stop.abort(signal?.reason);
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
    this.#stop.signal.addEventListener('abort', () => queue.close(), { once: true });
    const running = this.#begin(queue.handler(), true).finally(() => over.abort());
    running.catch(() => {}); // told below
    try {
      for (;;) {
        const queued = await queue.take(systemClock, over.signal);
        if (queued === undefined) return;
        yield shardRecord(queued);
        queued.done();
      }
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.#stop.abort(new KcgError('Aborted', 'nobody takes records any more'));
      queue.drop();
      await running;
    }
  }

  #begin(handler: Handler, byRecord: boolean): Promise<void> {
    if (this.#running)
      throw new KcgError('Conflict', 'this worker has run already', { fix: 'Make a new Worker.' });
    this.#running = this.#run(handler, byRecord).finally(() => (this.#isOver = true));
    return this.#running;
  }

  async #run(handler: Handler, byRecord: boolean): Promise<void> {
    const { signal } = this.#stop;
    const plain = libraryConfig(this.#spec, { region: this.#region, consumerArn: undefined, byRecord });
    const clients = openClients(plain, { credentials: this.#credentials });
    const { stream, credentials } = clients;
    const clock = systemClock;
    const random = systemRandom;
    const log = this.#log;
    const { onFailure } = plain;
    const destination =
      onFailure && (await openDestination(onFailure, { region: this.#region, clock, credentials }));
    const server = await this.#listen();
    try {
      const table = await openTable(
        {
          spec: this.#spec,
          table: plain.table,
          clients,
          log,
          onRequest: (operation) => this.#metrics.onRequest(operation),
        },
        signal,
      );
      if (table === undefined) return;
      const at = { spec: this.#spec, region: this.#region, credentials, stream };
      const consumerArn = await findConsumer(at, signal);
      const config = libraryConfig(this.#spec, { region: this.#region, consumerArn, byRecord });
      const logEvent = workerEventLog(log, clock);
      this.#worker = new GroupWorker({
        config,
        identity: {
          worker: this.#name,
          podUid: '',
          node: '',
          address: server === undefined ? '' : hostPort(server.host, server.port),
          ...(await newestRevision(table, signal)),
        },
        table,
        stream,
        handler,
        payloads: config.payload && (await openPayloads(config.payload)),
        destination,
        nudge: httpNudge,
        clock,
        random,
        log,
        onEvent: (event) => {
          logEvent(event);
          this.#metrics.onEvent(event);
          this.#tell(event);
        },
      });
      await this.#worker.run(signal);
    } catch (thrown) {
      if (!signal.aborted || this.#worker) throw thrown;
    } finally {
      clients.close();
      await destination?.close();
      await server?.close();
    }
  }

  async #listen() {
    const { listen } = this.#spec;
    if (listen === undefined) return undefined;
    const { host, port } = listen;
    const server = await startWorkerServer({
      host,
      port,
      clock: systemClock,
      worker: () => this.#worker,
      metrics: () => this.metrics(),
    });
    return { host, port: server.port, close: () => server.close() };
  }

  #tell(event: WorkerEvent): void {
    for (const type of [event.type, '*'])
      for (const listener of this.#listeners.get(type) ?? []) void this.#tellOne(listener, event);
  }

  /** Events are told in the midst of reading and delivering, of which a listener must break nothing off. */
  async #tellOne(listener: Listener, event: WorkerEvent): Promise<void> {
    try {
      await listener(event);
    } catch (thrown) {
      this.#log.error('a listener threw', { event: event.type, error: describeThrown(thrown) });
    }
  }
}

function shardRecord(queued: QueuedRecord): ShardRecord {
  const { shardId, record, done } = queued;
  return Object.assign(batchRecord(record), { shardId, checkpoint: done });
}
