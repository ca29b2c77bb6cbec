import { request } from 'node:http';
import { totalmem } from 'node:os';
import { backoffMs } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import { RESTART_BACKOFF, runFunction } from './function-process.ts';
import { WorkerProcess, type Exit } from './worker-process.ts';

export interface PodContainer {
  name: string;
  command?: string[];
  env?: {
    name: string;
    value?: string;
    valueFrom?: { fieldRef?: { fieldPath?: string }; resourceFieldRef?: { resource?: string } };
  }[];
}

export interface ProcessPodOptions {
  name: string;
  namespace: string;
  uid: string;
  annotations: Readonly<Record<string, string>>;
  container: PodContainer;
  command: readonly string[];
  /** The container of a function; its command runs beside the worker. */
  functionContainer?: PodContainer | undefined;
  /** Seconds between SIGTERM and SIGKILL. */
  graceSeconds: number;
  clock: Clock;
  random: Random;
  onChange: () => void;
  onLine: (pod: string, line: string) => void;
}

const NODE = 'local';
const POD_IP = '127.0.0.1';
/** In a row, before a pod that was ready is not: the failureThreshold of the operator's template. */
const READY_FAILURES = 2;
const READY_POLL_MS = 100;
const FUNCTION_POLL_MS = 1_000;
/** As in a pod without a limit, which is told the memory of its node. */
const MEMORY_MB = Math.floor(totalmem() / 2 ** 20);

/** A pod of one container or, with a function, two, as the kubelet would run it: restarted, probed, and stopped with grace. */
export class ProcessPod {
  readonly options: ProcessPodOptions;
  ready = false;
  restarts = 0;
  readonly done: Promise<void>;
  readonly #stop = new AbortController();
  #process: WorkerProcess | undefined;
  #endFunction = new AbortController();
  #lastExit: Exit | undefined;

  constructor(options: ProcessPodOptions) {
    this.options = options;
    this.done = this.#run();
  }

  get isStopping(): boolean {
    return this.#stop.signal.aborted;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.signal(signal);
  }

  /** SIGTERM, and SIGKILL when the grace is over. */
  async stop(): Promise<void> {
    if (this.isStopping) return this.done;
    this.#stop.abort();
    const { clock, graceSeconds } = this.options;
    this.#process?.signal('SIGTERM');
    void this.#endFunctionWhenDrained();
    const over = new AbortController();
    void clock.sleep(graceSeconds * 1_000, { signal: over.signal }).then(() => {
      if (!over.signal.aborted) this.#process?.signal('SIGKILL');
    });
    await this.done;
    over.abort();
  }

  /** The pod's status as the kubelet reports it. */
  status(): Record<string, unknown> {
    const { container } = this.options;
    const terminated = this.#lastExit && { terminated: terminatedState(this.#lastExit) };
    const running = this.#process && { running: { startedAt: iso(this.#process.startedAt) } };
    return {
      phase: 'Running',
      podIP: POD_IP,
      conditions: [{ type: 'Ready', status: this.ready ? 'True' : 'False' }],
      containerStatuses: [
        {
          name: container.name,
          ready: this.ready,
          restartCount: this.restarts,
          state: running ?? terminated ?? { waiting: { reason: 'ContainerCreating' } },
          ...(running && terminated ? { lastState: terminated } : {}),
        },
      ],
    };
  }

  async #run(): Promise<void> {
    const { clock, random, name, onLine, onChange } = this.options;
    const { signal } = this.#stop;
    while (!signal.aborted) {
      this.#process = this.#start();
      onChange();
      const probing = new AbortController();
      void this.#probe(this.#process, probing.signal);
      const running = this.#runFunction(this.#process);
      this.#lastExit = await this.#process.exited;
      probing.abort();
      this.#endFunction.abort();
      await running;
      this.#process = undefined;
      this.ready = false;
      onChange();
      if (signal.aborted) return;
      this.restarts += 1;
      const restartMs = backoffMs(this.restarts, random, RESTART_BACKOFF);
      onLine(
        name,
        `ended with ${howItEnded(this.#lastExit)}; starts again in ${(restartMs / 1_000).toFixed(1)} s`,
      );
      await clock.sleep(restartMs, { signal });
    }
  }

  #start(): WorkerProcess {
    const { command, clock, name, onLine } = this.options;
    return new WorkerProcess({
      command,
      clock,
      env: this.#workerEnv(),
      onLine: (line) => onLine(name, line),
    });
  }

  /** Beside this process of the worker: the next one serves the function on another port. */
  async #runFunction(worker: WorkerProcess): Promise<void> {
    const { functionContainer: container, name, clock, random, onLine } = this.options;
    this.#endFunction = new AbortController();
    if (container?.command === undefined) return;
    const api = await Promise.race([worker.functionApi, worker.exited]);
    if (typeof api !== 'string') return;
    const env = { ...this.#env(container), AWS_LAMBDA_RUNTIME_API: api };
    const line = (line: string) => onLine(name, line);
    const { signal } = this.#endFunction;
    while (!signal.aborted) {
      const life = new AbortController();
      const both = AbortSignal.any([life.signal, signal]);
      void this.#killHanging(worker, life);
      await runFunction({ command: container.command, env, clock, random, onLine: line }, both);
    }
  }

  /** As the liveness probe of the function's container. */
  async #killHanging(worker: WorkerProcess, life: AbortController): Promise<void> {
    const { clock, name, onLine } = this.options;
    const { signal } = this.#endFunction;
    while (!signal.aborted) {
      await clock.sleep(FUNCTION_POLL_MS, { signal });
      const status = worker.port === undefined ? undefined : await statusOf(worker.port, '/v1/function');
      if (status !== 503) continue;
      onLine(name, 'the function did not answer in time and does not ask for more: it is started again');
      return life.abort();
    }
  }

  /** As the preStop hook of the function's container. */
  async #endFunctionWhenDrained(): Promise<void> {
    const { graceSeconds, functionContainer } = this.options;
    const port = this.#process?.port;
    if (functionContainer && port !== undefined) await statusOf(port, '/v1/drained', graceSeconds * 1_000);
    this.#endFunction.abort();
  }

  #workerEnv(): NodeJS.ProcessEnv {
    const local = {
      KCG_HOST: POD_IP,
      KCG_PORT: '0',
      KCG_FUNCTION_PORT: '0',
      KCG_EXIT_WITH_PARENT: 'true',
      KCG_LAST_WORDS: '',
    };
    return { ...this.#env(this.options.container), ...local };
  }

  #env(container: PodContainer): NodeJS.ProcessEnv {
    const { name, namespace, uid, annotations } = this.options;
    const fields: Record<string, string> = {
      'metadata.name': name,
      'metadata.namespace': namespace,
      'metadata.uid': uid,
      'status.podIP': POD_IP,
      'spec.nodeName': NODE,
    };
    const fieldOf = (path: string) => {
      const annotation = /^metadata\.annotations\['(.+)'\]$/.exec(path)?.[1];
      return annotation === undefined ? fields[path] : annotations[annotation];
    };
    const given = (container.env ?? []).map(({ name, value, valueFrom }) => [
      name,
      value ??
        (valueFrom?.resourceFieldRef ? String(MEMORY_MB) : fieldOf(valueFrom?.fieldRef?.fieldPath ?? '')),
    ]);
    const env: NodeJS.ProcessEnv = { ...process.env, ...Object.fromEntries(given) };
    // What this process was started with, a loader or a debugger, is for its workers as well.
    const { NODE_OPTIONS: own } = process.env;
    return own === undefined || env['NODE_OPTIONS'] === own
      ? env
      : { ...env, NODE_OPTIONS: `${env['NODE_OPTIONS']} ${own}` };
  }

  async #probe(target: WorkerProcess, signal: AbortSignal): Promise<void> {
    const { clock, onChange } = this.options;
    let failures = 0;
    while (!signal.aborted) {
      const passed = target.port !== undefined && (await statusOf(target.port, '/readyz')) === 200;
      if (signal.aborted) return;
      failures = passed ? 0 : failures + 1;
      const ready = passed || (this.ready && failures < READY_FAILURES);
      if (ready !== this.ready) {
        this.ready = ready;
        onChange();
      }
      await clock.sleep(READY_POLL_MS, { signal });
    }
  }
}

/** Undefined: no answer. */
function statusOf(port: number, path: string, timeout = 1_000): Promise<number | undefined> {
  return new Promise((resolve) => {
    const call = request({ host: POD_IP, port, path, timeout, agent: false });
    call.on('response', (response) => {
      response.resume();
      resolve(response.statusCode);
    });
    call.on('timeout', () => call.destroy());
    call.on('close', () => resolve(undefined));
    call.on('error', () => resolve(undefined));
    call.end();
  });
}

function howItEnded({ code, signal }: Exit): string {
  return signal ? `signal ${signal}` : `exit code ${code ?? 'unknown'}`;
}

function terminatedState(exit: Exit) {
  const killed = exit.signal === 'SIGKILL' ? 137 : exit.signal ? 143 : 1;
  return {
    exitCode: exit.code ?? killed,
    reason: exit.code === 0 ? 'Completed' : 'Error',
    finishedAt: iso(exit.at),
  };
}

/** Kubernetes' times have whole seconds. */
function iso(ms: number): string {
  return new Date(Math.floor(ms / 1_000) * 1_000).toISOString().replace('.000Z', 'Z');
}
