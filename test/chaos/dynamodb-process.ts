import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { lastingPort } from '../support/lasting-port.ts';

/** A DynamoDB that can be killed and started again: same port, and all that it has ever answered to have written. */
export class DynamoDbProcess {
  readonly #folder: string;
  readonly #port: number;
  #child: ChildProcess | undefined;

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.#port = port;
  }

  static async start(folder: string): Promise<DynamoDbProcess> {
    const server = new DynamoDbProcess(folder, await lastingPort());
    await server.start();
    return server;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** Resolves when it listens. */
  async start(): Promise<void> {
    const script = join(import.meta.dirname, 'dynamodb-on-disk.ts');
    const child = spawn(process.execPath, [script, this.#folder, String(this.#port)], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    this.#child = child;
    const lines = createInterface({ input: child.stdout });
    const [line] = (await Promise.race([once(lines, 'line'), once(lines, 'close')])) as [string?];
    if (line === undefined) throw new Error('DynamoDB did not start');
  }

  /** SIGKILL, which nothing can prepare for. Its connections are reset, and nobody listens any more. */
  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  }

  close(): Promise<void> {
    return this.kill();
  }
}
