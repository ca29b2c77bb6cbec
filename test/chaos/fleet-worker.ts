import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { WorkerProcess, type Exit } from '../../src/dev/pods/worker-process.ts';
import { systemClock as clock } from '../../src/lib/clock.ts';
import type { ChaosProxy } from './proxy.ts';
import { ProcessTrace } from './trace.ts';

export interface Proxies {
  kinesis: ChaosProxy;
  dynamodb: ChaosProxy;
}

/** As `process.hrtime` of the handlers counts. */
const nowMs = () => Number(process.hrtime.bigint()) / 1e6;

/** One worker process. */
export class FleetWorker {
  readonly trace = new ProcessTrace();
  readonly name: string;
  readonly proxies: Proxies | undefined;
  readonly blockFile: string;
  readonly noNamesFile: string;
  readonly process: WorkerProcess;
  exit: Exit | undefined;

  constructor(start: {
    name: string;
    command: string[];
    env: NodeJS.ProcessEnv;
    blockFile: string;
    noNamesFile: string;
    proxies: Proxies | undefined;
  }) {
    const { name, command, env, blockFile, noNamesFile, proxies } = start;
    this.name = name;
    this.blockFile = blockFile;
    this.noNamesFile = noNamesFile;
    this.proxies = proxies;
    this.process = new WorkerProcess({ command, env, clock, onLine: (line) => this.trace.add(line) });
    void this.process.exited.then((exit) => {
      this.exit = exit;
      this.trace.freeze(nowMs());
    });
  }

  get isAlive(): boolean {
    return this.exit === undefined;
  }

  async kill(): Promise<void> {
    this.process.signal('SIGKILL');
    await this.process.exited;
  }

  /** Stops it without its knowledge; what it processes then goes on at `wake`. */
  freeze(): void {
    this.process.signal('SIGSTOP');
    this.trace.freeze(nowMs());
  }

  wake(): void {
    this.process.signal('SIGCONT');
  }

  /** Tells it to stop in order, and waits until it has. */
  async stop(): Promise<Exit> {
    this.process.signal('SIGTERM');
    return this.process.exited;
  }

  /** Its next batch holds up the whole process. */
  block(ms: number): void {
    writeFileSync(`${this.blockFile}.new`, String(ms));
    renameSync(`${this.blockFile}.new`, this.blockFile); // never seen half written
  }

  /** From now on the servers' names have no address for it. Connections that are open stay so. */
  loseNames(): void {
    writeFileSync(this.noNamesFile, '');
  }

  findNames(): void {
    rmSync(this.noNamesFile);
  }

  /** True when it has said so, or when it has said so more than `times`. */
  said(message: string, times = 0): boolean {
    return this.trace.count(message) > times;
  }
}
