import { request } from 'node:http';
import { backoffMs } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';
import { WorkerProcess, type Exit } from './worker-process.ts';

export interface PodContainer {
  name: string;
  env: { name: string; value?: string; valueFrom?: { fieldRef?: { fieldPath?: string } } }[];
}

export interface ProcessPodOptions {
  name: string;
  namespace: string;
  uid: string;
  annotations: Readonly<Record<string, string>>;
  container: PodContainer;
  command: readonly string[];
  /** Seconds between SIGTERM and SIGKILL. */
  graceSeconds: number;
  clock: Clock;
  random: Random;
  onChange: () => void;
  onLine: (pod: string, line: string) => void;
}

const NODE = 'local';
const POD_IP = '127.0.0.1';
const READY_POLL_MS = 100;
const RESTART_BACKOFF = { baseMs: 1_000, maxMs: 30_000 };

/** A pod of one container, as the kubelet would run it: restarted when it ends, probed, and stopped with grace. */
export class ProcessPod {
  readonly options: ProcessPodOptions;
  ready = false;
  restarts = 0;
  readonly done: Promise<void>;
  readonly #stop = new AbortController();
  #process: WorkerProcess | undefined;
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
      this.#lastExit = await this.#process.exited;
      probing.abort();
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
    return new WorkerProcess({ command, clock, env: this.#env(), onLine: (line) => onLine(name, line) });
  }

  #env(): NodeJS.ProcessEnv {
    const { name, namespace, uid, annotations, container } = this.options;
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
    const given = container.env.map(({ name, value, valueFrom }) => [
      name,
      value ?? fieldOf(valueFrom?.fieldRef?.fieldPath ?? ''),
    ]);
    const local = { KCG_HOST: POD_IP, KCG_PORT: '0', KCG_EXIT_WITH_PARENT: 'true', KCG_LAST_WORDS: '' };
    return { ...process.env, ...Object.fromEntries(given), ...local };
  }

  async #probe(target: WorkerProcess, signal: AbortSignal): Promise<void> {
    const { clock, onChange } = this.options;
    while (!signal.aborted) {
      const ready = target.port !== undefined && (await isReady(target.port));
      if (signal.aborted) return;
      if (ready !== this.ready) {
        this.ready = ready;
        onChange();
      }
      await clock.sleep(READY_POLL_MS, { signal });
    }
  }
}

function isReady(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const call = request({ host: POD_IP, port, path: '/readyz', timeout: 1_000, agent: false });
    call.on('response', (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    call.on('timeout', () => call.destroy());
    call.on('close', () => resolve(false));
    call.on('error', () => resolve(false));
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
