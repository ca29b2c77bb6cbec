import { spawn, type ChildProcessByStdio } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import type { Clock } from '../../lib/clock.ts';
import { LineSplitter } from './line-splitter.ts';

export interface ProgramProcessOptions {
  /** Program and arguments; no shell is involved. */
  command: readonly string[];
  env: NodeJS.ProcessEnv;
  clock: Clock;
  /** Of its standard output; not empty. `isCut`: it was longer. */
  onLine: (line: string, isCut: boolean) => void;
  onErrorLine: (line: string, isCut: boolean) => void;
  /** It has closed its standard output, and goes on. */
  onMute: () => void;
}

/** A message from a program has some hundred bytes. */
const MAX_LINE_BYTES = 64 * 1024;
const MAX_ERROR_LINE_BYTES = 8 * 1024;
/** Between the end of a process and of its output, ms: others that it left behind may keep that open. */
const LAST_OUTPUT_MS = 1_000;
/** Between SIGTERM and SIGKILL. */
const TERM_MS = 2_000;

/**
 * A program as a child process, in a process group of its own: what the worker is told by signals is not meant for it, and what
 * it has started ends with it.
 */
export class ProgramProcess {
  /** How it ended, in words for people; all it wrote before is handed on by then. */
  readonly ended: Promise<string>;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #clock: Clock;
  #isRunning = true;

  /** @throws Error when the system has no room for another process */
  constructor({ command, env, clock, onLine, onErrorLine, onMute }: ProgramProcessOptions) {
    const [program = '', ...args] = command;
    this.#clock = clock;
    const child = spawn(program, args, { env, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child = child;
    const how = new Promise<string>((resolve) => {
      child.once('error', (error: NodeJS.ErrnoException) => resolve(`cannot be run: ${reasonOf(error)}`));
      child.once('exit', (code, signal) =>
        resolve(signal ? `was ended by ${signal}` : `ended with exit code ${code}`),
      );
    });
    if ((child.stdin as Writable | undefined) === undefined) throw new Error('too many files are open');
    // Who does not read its input is known by its end, or by what it does not answer.
    child.stdin.on('error', () => {});
    const read = (stream: Readable, lines: LineSplitter) => {
      stream.on('data', (chunk: Buffer) => lines.add(chunk));
      stream.on('error', () => {});
      return new Promise<void>((resolve) => {
        stream.once('close', () => {
          lines.end();
          resolve();
        });
      });
    };
    const output = read(child.stdout, new LineSplitter({ maxBytes: MAX_LINE_BYTES }, onLine));
    // Python's sample writes to stderr without ever ending a line.
    const toParts = { maxBytes: MAX_ERROR_LINE_BYTES, inParts: true };
    const errors = read(child.stderr, new LineSplitter(toParts, onErrorLine));
    this.ended = this.#end(how, Promise.all([output, errors]));
    void output.then(async () => {
      if (!(await this.endsWithin(LAST_OUTPUT_MS))) onMute();
    });
  }

  send(text: string): void {
    if (this.#isRunning) this.#child.stdin.write(text);
  }

  /** Its standard input ends. */
  endInput(): void {
    this.#child.stdin.end();
  }

  /** Ends its process group: by SIGTERM, and by SIGKILL when that is not enough. */
  async end(): Promise<void> {
    this.#signal('SIGTERM');
    await this.endsWithin(TERM_MS);
    this.#signal('SIGKILL');
    await this.ended;
  }

  /** True when it ends by itself in time. */
  async endsWithin(ms: number): Promise<boolean> {
    const over = new AbortController();
    const isEnded = await Promise.race([
      this.ended.then(() => true),
      this.#clock.sleep(ms, { signal: over.signal }).then(() => false),
    ]);
    over.abort();
    return isEnded;
  }

  async #end(how: Promise<string>, output: Promise<unknown>): Promise<string> {
    const words = await how;
    this.#isRunning = false;
    const over = new AbortController();
    await Promise.race([output, this.#clock.sleep(LAST_OUTPUT_MS, { signal: over.signal })]);
    over.abort();
    this.#signal('SIGKILL'); // what it left behind
    for (const stream of [this.#child.stdin, this.#child.stdout, this.#child.stderr]) stream.destroy();
    return words;
  }

  #signal(signal: NodeJS.Signals): void {
    if (this.#child.pid === undefined) return;
    try {
      process.kill(-this.#child.pid, signal);
    } catch {
      // Nothing of the group is left.
    }
  }
}

function reasonOf({ code, message }: NodeJS.ErrnoException): string {
  if (code === 'ENOENT')
    return 'it, or what it needs to run (the interpreter in its first line, its loader), does not exist';
  if (code === 'EACCES') return 'it may not be executed';
  return message;
}
