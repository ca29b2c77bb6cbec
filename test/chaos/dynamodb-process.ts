import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A DynamoDB that can be killed and started again: same port, and all that it has ever answered to have written. */
export class DynamoDbProcess {
  readonly #folder: string;
  #child: ChildProcess | undefined;
  #port = 0;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async start(folder: string): Promise<DynamoDbProcess> {
    const server = new DynamoDbProcess(folder);
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
    this.#port = Number(line);
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
