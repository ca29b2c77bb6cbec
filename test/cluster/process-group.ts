import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';

const POLL_MS = 50;

/**
 * Processes with one private folder. They end with `stop`, and also when this process dies in any way, SIGKILL included: a
 * shell reads their ids from a pipe that only this process holds open, and cleans up at its end.
 */
export class ProcessGroup {
  readonly folder: string;
  readonly #children = new Map<string, ChildProcess>();
  readonly #guard: ChildProcess;

  constructor(prefix: string) {
    this.folder = mkdtempSync(join(tmpdir(), prefix));
    const script =
      'trap "" INT TERM HUP; while read -r id; do ids="$ids $id"; done; kill -9 $ids; rm -rf "$1"';
    this.#guard = spawn('sh', ['-c', script, 'guard', this.folder], { stdio: ['pipe', 'ignore', 'ignore'] });
    this.#guard.unref();
    this.#guard.stdin?.on('error', () => {});
  }

  start(name: string, [program = '', ...args]: readonly string[]): void {
    const log = openSync(this.#log(name), 'a');
    const child = spawn(program, args, { stdio: ['ignore', log, log], cwd: this.folder });
    closeSync(log);
    child.on('error', () => {}); // such a one has no id, which is how waitFor sees it
    this.#guard.stdin?.write(`${child.pid ?? ''}\n`);
    this.#children.set(name, child);
  }

  /** @throws Error with the end of a log when a process has ended or the time is up */
  async waitFor(what: string, seconds: number, holds: () => Promise<boolean>): Promise<void> {
    for (let tries = 0; tries < (seconds * 1000) / POLL_MS; tries += 1) {
      if (await holds()) return;
      for (const [name, child] of this.#children) {
        if (hasEnded(child))
          throw new Error(`${name} ended before ${what} was there:\n${this.#endOfLog(name)}`);
      }
      await setTimeout(POLL_MS);
    }
    const logs = [...this.#children.keys()].map((name) => `${name}:\n${this.#endOfLog(name)}`);
    throw new Error(`${what} did not come up in ${seconds} s\n${logs.join('\n')}`);
  }

  async stop(): Promise<void> {
    await Promise.all([...this.#children.values()].map(end));
    this.#guard.kill('SIGKILL'); // before the ids can belong to others
    rmSync(this.folder, { recursive: true, force: true, maxRetries: 5 });
  }

  #log(name: string): string {
    return join(this.folder, `${name}.log`);
  }

  #endOfLog(name: string): string {
    const log = this.#log(name);
    return existsSync(log) ? readFileSync(log, 'utf8').split('\n').slice(-15).join('\n') : '';
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.pid === undefined || child.exitCode !== null || child.signalCode !== null;
}

/** At once: what these processes keep is in the folder that goes with them, and an API server takes seconds to say goodbye. */
async function end(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill('SIGKILL');
  await gone;
}
