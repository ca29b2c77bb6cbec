import type { WorkerConfig } from '../../src/api/worker-config.ts';
import { memoryStreamClient } from '../../src/kinesis/memory-stream-client.ts';
import type { MemoryKinesis } from '../../src/kinesis/memory-stream.ts';
import type { StreamClient } from '../../src/kinesis/stream-client.ts';
import type { LeaseTable } from '../../src/leases/lease-table.ts';
import { KcgError } from '../../src/lib/errors.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import type { Random } from '../../src/lib/random.ts';
import type { Batch, Handler, HandlerContext, HandlerResult } from '../../src/runtime/handlers/handler.ts';
import { Worker } from '../../src/runtime/worker.ts';
import type { WorkerEvent } from '../../src/runtime/worker-event.ts';

export interface SimWorkerHooks {
  onEvent(worker: string, event: WorkerEvent): void;
  /** A batch is handed to the handler of this worker: the delivery starts now. */
  onDelivery(worker: string, incarnation: string, batch: Batch): void;
  /** The handler says that the batch is processed. */
  onProcessed(worker: string, batch: Batch, count: number): void;
  /** Whether and how this batch fails. */
  handlerFault(worker: string, batch: Batch): 'fail' | 'partial' | undefined;
  nudge(from: string, address: string): Promise<boolean>;
}

/**
 * A worker process as the outside can treat one: it can be stopped (SIGTERM), crash (kill −9) and be paused
 * (SIGSTOP). Every way out of the worker goes through `#gate`, which a paused process does not pass and a crashed one
 * never leaves; its clocks go on meanwhile, as a real process's do.
 */
export class SimWorker {
  readonly name: string;
  readonly done: Promise<void>;
  readonly worker: Worker;
  incarnation = '';
  isCrashed = false;
  #paused: Promise<void> = Promise.resolve();
  #resume: (() => void) | undefined;
  readonly #stop = new AbortController();
  readonly #clock: Clock;

  constructor(
    name: string,
    deps: { table: LeaseTable; kinesis: MemoryKinesis; clock: Clock; random: Random; config: WorkerConfig },
    hooks: SimWorkerHooks,
    revision = 0,
  ) {
    this.name = name;
    this.#clock = this.#gatedClock(deps.clock);
    this.worker = new Worker({
      config: deps.config,
      identity: { worker: name, podUid: `uid-${name}`, node: 'node', address: name, revision },
      table: this.#gated(deps.table),
      stream: this.#gated<StreamClient>(memoryStreamClient(deps.kinesis, deps.config.stream.name)),
      handler: this.#handler(hooks),
      nudge: (address) => hooks.nudge(name, address),
      clock: this.#clock,
      random: deps.random,
      log: silentLog,
      onEvent: (event) => {
        if (event.type === 'WorkerAnnounced') this.incarnation = event.incarnation;
        if (!this.isCrashed) hooks.onEvent(name, event);
      },
    });
    this.done = this.worker.run(this.#stop.signal);
  }

  get isPaused(): boolean {
    return this.#resume !== undefined;
  }

  terminate(): void {
    this.#stop.abort();
  }

  crash(): void {
    this.isCrashed = true;
  }

  pause(): void {
    if (this.#resume) return;
    this.#paused = new Promise((resolve) => {
      this.#resume = resolve;
    });
  }

  resume(): void {
    this.#resume?.();
    this.#resume = undefined;
  }

  async #gate(): Promise<void> {
    while (this.#resume) await this.#paused;
    if (this.isCrashed) await new Promise(() => {});
  }

  #gatedClock(clock: Clock): Clock {
    return {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      sleep: async (ms, options) => {
        await clock.sleep(ms, options);
        await this.#gate();
      },
    };
  }

  /** Calls go out, and answers come in, only while the process runs. */
  #gated<T extends object>(target: T): T {
    const gate = () => this.#gate();
    return new Proxy(target, {
      get(object, property) {
        const member: unknown = Reflect.get(object, property);
        if (typeof member !== 'function' || property === 'close') return member;
        return async (...args: unknown[]) => {
          await gate();
          try {
            return await (Reflect.apply(member, object, args) as Promise<unknown>);
          } finally {
            await gate();
          }
        };
      },
    });
  }

  #handler(hooks: SimWorkerHooks): Handler {
    const handle = async (batch: Batch, context: HandlerContext): Promise<HandlerResult> => {
      hooks.onDelivery(this.name, this.incarnation, batch);
      await this.#clock.sleep(20, { signal: context.signal });
      if (context.signal.aborted) return { outcome: 'failed', error: context.signal.reason };
      const fault = hooks.handlerFault(this.name, batch);
      if (fault === 'fail') return { outcome: 'failed', error: new KcgError('HandlerFailed', 'injected') };
      const count = fault === 'partial' ? Math.floor(batch.records.length / 2) : batch.records.length;
      hooks.onProcessed(this.name, batch, count);
      return fault === 'partial' ? { outcome: 'partial', firstFailure: count } : { outcome: 'done' };
    };
    return { kind: 'log', start: () => this.#clock.sleep(100), handle, close: async () => {} };
  }
}
