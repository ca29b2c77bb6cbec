import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Clock } from '../../lib/clock.ts';

export interface WorkerProcessOptions {
  /** Program and arguments that run `kcg worker`. */
  command: readonly string[];
  env: NodeJS.ProcessEnv;
  clock: Clock;
  onLine: (line: string) => void;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** Ms since the epoch. */
  at: number;
}

/**
 * One worker as a process of its own. It has its own process group, so that Ctrl-C reaches only the parent, which stops
 * everything in order; and it stops by itself when the parent is gone, which it sees at the end of its stdin.
 */
export class WorkerProcess {
  /** Ms since the epoch. */
  readonly startedAt: number;
  readonly exited: Promise<Exit>;
  /** Where its probes answer; known once it says so. */
  port: number | undefined;
  /** Where it serves a function; resolves once it says so. */
  readonly functionApi: Promise<string>;
  readonly #child: ChildProcess;

  constructor({ command, env, clock, onLine }: WorkerProcessOptions) {
    this.startedAt = clock.now();
    const [program = process.execPath, ...args] = command;
    this.#child = spawn(program, args, { env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    this.exited = new Promise((resolve) => {
      this.#child.once('error', () => resolve({ code: 127, signal: null, at: clock.now() }));
      this.#child.once('exit', (code, signal) => resolve({ code, signal, at: clock.now() }));
    });
    const functionApi = Promise.withResolvers<string>();
    this.functionApi = functionApi.promise;
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (!stream) continue;
      createInterface({ input: stream }).on('line', (line) => {
        this.port ??= listeningPort(line);
        const [, api] = /"functionApi":"([\d.:]+)"/.exec(line) ?? [];
        if (api !== undefined) functionApi.resolve(api);
        onLine(line);
      });
    }
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

/** The worker logs the port it got from the system. */
function listeningPort(line: string): number | undefined {
  const match = /"port":(\d+).*"message":"listening"/.exec(line);
  return match?.[1] === undefined ? undefined : Number(match[1]);
}
