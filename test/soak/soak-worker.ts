import { WorkerProcess, type Exit } from '../../src/dev/pods/worker-process.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import type { Sample } from './growth.ts';
import { sizeOf } from './process-size.ts';

/** Lines of a worker that are kept, for a failure. */
const LINES = 60;

/** One worker process. */
export class SoakWorker {
  readonly name: string;
  /** It lives from the first to the last moment, so that what it keeps can be judged. */
  readonly isElder: boolean;
  readonly reads: 'polling' | 'fan-out';
  readonly lines: string[] = [];
  readonly resident: Sample[] = [];
  readonly descriptors: Sample[] = [];
  readonly #process: WorkerProcess;
  exit: Exit | undefined;
  /** It is told to end, or killed. */
  isGoing = false;
  isFrozen = false;

  constructor(start: {
    name: string;
    isElder: boolean;
    reads: 'polling' | 'fan-out';
    command: string[];
    env: NodeJS.ProcessEnv;
  }) {
    const { name, isElder, reads, command, env } = start;
    this.name = name;
    this.isElder = isElder;
    this.reads = reads;
    const onLine = (line: string) => {
      this.lines.push(line);
      if (this.lines.length > LINES) this.lines.shift();
    };
    this.#process = new WorkerProcess({ command, env, clock, onLine });
    void this.#process.exited.then((exit) => (this.exit = exit));
  }

  get isAlive(): boolean {
    return this.exit === undefined;
  }

  measure(): void {
    const size = this.isAlive ? sizeOf(this.#process.pid!) : undefined;
    if (!size) return;
    const atMs = clock.monotonic();
    this.resident.push({ atMs, value: size.residentBytes });
    this.descriptors.push({ atMs, value: size.descriptors });
  }

  freeze(): void {
    this.isFrozen = true;
    this.#process.signal('SIGSTOP');
  }

  wake(): void {
    this.isFrozen = false;
    this.#process.signal('SIGCONT');
  }

  /** Ends it with this signal, and resolves when it has. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<Exit> {
    this.isGoing = true;
    this.#process.signal(signal);
    return this.#process.exited;
  }
}
