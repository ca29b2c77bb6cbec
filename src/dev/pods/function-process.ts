import { spawn } from 'node:child_process';
import { isAbsolute } from 'node:path';
import { createInterface } from 'node:readline';
import { backoffMs } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Random } from '../../lib/random.ts';

export interface FunctionProcessOptions {
  /** Program and arguments, as `handler.lambda.command` has them. */
  command: readonly string[];
  env: NodeJS.ProcessEnv;
  clock: Clock;
  random: Random;
  onLine: (line: string) => void;
}

/** Between two starts of a container that ends, as the kubelet waits, but for less long. */
export const RESTART_BACKOFF = { baseMs: 1_000, maxMs: 30_000 };
/** Whoever lasted so long began well: the next restart is the first again, ms. */
const LASTED_MS = 60_000;
/** Between SIGTERM and SIGKILL, ms. */
const GRACE_MS = 2_000;

/** The container of a function as the kubelet would run it: started again when it ends, until `signal` aborts. */
export async function runFunction(options: FunctionProcessOptions, signal: AbortSignal): Promise<void> {
  const { clock, random, onLine } = options;
  for (let restarts = 0; !signal.aborted;) {
    const beganMs = clock.monotonic();
    const how = await runOnce(options, signal);
    if (signal.aborted) return;
    restarts = clock.monotonic() - beganMs >= LASTED_MS ? 1 : restarts + 1;
    const restartMs = backoffMs(restarts, random, RESTART_BACKOFF);
    onLine(`the function ${how}; starts again in ${(restartMs / 1_000).toFixed(1)} s`);
    await clock.sleep(restartMs, { signal });
  }
}

/** With its own process group, which ends as a whole: a script may start what asks for events. */
function runOnce(
  { command: [program = '', ...args], env, clock, onLine }: FunctionProcessOptions,
  signal: AbortSignal,
): Promise<string> {
  const child = spawn(program, args, { env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const output of [child.stdout, child.stderr]) createInterface({ input: output }).on('line', onLine);
  const kill = (name: NodeJS.Signals) => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, name);
    } catch {} // it has ended
  };
  const over = new AbortController();
  const stop = async () => {
    kill('SIGTERM');
    await clock.sleep(GRACE_MS, { signal: over.signal });
    if (!over.signal.aborted) kill('SIGKILL');
  };
  const onAbort = () => void stop();
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  return new Promise((resolve) => {
    const end = (how: string) => {
      signal.removeEventListener('abort', onAbort);
      over.abort();
      kill('SIGKILL'); // what it has left behind
      resolve(how);
    };
    child.once('error', (error) => end(`cannot be started: ${whyNot(error, program)}`));
    child.once('exit', (code, name) => end(`ended with ${name ? `signal ${name}` : `exit code ${code}`}`));
  });
}

function whyNot({ code, message }: NodeJS.ErrnoException, program: string): string {
  if (code !== 'ENOENT') return message;
  if (!program.includes('/')) return `no folder of the PATH has ${program}`;
  const where = isAbsolute(program) ? '' : ` in ${process.cwd()}`;
  return `there is no ${program}${where}, or not the interpreter that its first line names`;
}
