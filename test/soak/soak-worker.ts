import { WorkerProcess, type Exit } from '../../src/dev/pods/worker-process.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import { sizeOf, type ProcessSize } from './process-size.ts';

/** Lines of a worker that are kept, for a failure. */
const LINES = 60;

/** One worker process. */
export class SoakWorker {
  readonly name: string;
  /** It lives from the first to the last moment, so that what it keeps can be judged. */
  readonly isElder: boolean;
  readonly reads: 'polling' | 'fan-out';
  readonly lines: string[] = [];
  /** Since it rested last. */
  sizes: (ProcessSize & { atMs: number })[] = [];
  /** The least of each rest: what remains when garbage is collected. */
  readonly rests: ProcessSize[] = [];
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
    if (size) this.sizes.push({ ...size, atMs: clock.monotonic() });
  }

  /** It has rested since then. */
  rest(sinceMs: number): void {
    const sizes = this.sizes.filter(({ atMs }) => atMs >= sinceMs);
    this.sizes = [];
    if (sizes.length === 0) return;
    this.rests.push({
      ownBytes: Math.min(...sizes.map(({ ownBytes }) => ownBytes)),
      descriptors: Math.min(...sizes.map(({ descriptors }) => descriptors)),
    });
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
