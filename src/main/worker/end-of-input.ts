import { Worker } from 'node:worker_threads';

/**
 * Runs in a thread of its own, which goes on when a handler blocks the event loop. Standard input may be non-blocking:
 * then there is nothing to read yet, and it looks again a second later.
 */
const WATCH = `
  const { readSync } = process.getBuiltinModule('node:fs');
  const { workerData: graceMs } = process.getBuiltinModule('node:worker_threads');
  const wait = (ms) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  const hasEnded = () => {
    try {
      return readSync(0, Buffer.alloc(1024)) === 0;
    } catch (error) {
      return error.code !== 'EAGAIN';
    }
  };
  while (!hasEnded()) wait(1000);
  wait(graceMs);
  process.kill(process.pid, 'SIGKILL');
`;

/**
 * Aborts when the parent process has closed its end, whichever way it went. `graceMs` after that this process is killed,
 * as the kubelet would: nobody is left who could end one that does not stop by itself.
 */
export function endOfInput(graceMs: number): AbortSignal {
  const ended = new AbortController();
  const input = process.stdin.on('end', () => ended.abort()).on('error', () => ended.abort());
  input.resume();
  // Waiting for the parent's end must not keep a worker alive that is done.
  input.unref();
  new Worker(WATCH, { eval: true, workerData: graceMs, execArgv: [] }).unref();
  return ended.signal;
}
