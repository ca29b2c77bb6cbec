#!/usr/bin/env node
import { wasToldToEnd } from './early-signal.ts';
import { nextTurn } from '../lib/clock.ts';
import { KcgError } from '../lib/errors.ts';
import { sayLastWords } from './last-words.ts';
import { runCommand } from './run-command.ts';

/** The first signal stops in order. A second Ctrl-C stops at once; a second SIGTERM is no reason to deliver anything twice. */
function stopOnSignals(output: Output): AbortSignal {
  const stop = new AbortController();
  // Nothing has begun, so there is nothing to end in order.
  if (wasToldToEnd()) process.exit(0);
  stopWithOutput(output, stop);
  process.on('SIGTERM', () => stop.abort());
  process.on('SIGINT', () => {
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
  });
  return stop.signal;
}

interface Output {
  /** Why what was said is lost, a full disk say; undefined while nothing is. */
  failure?: Error;
}

/** What a handler module holds, say timers and connections, keeps no process alive whose work is done. */
async function exit(code: number, output: Output): Promise<void> {
  process.exitCode = code;
  await written(process.stdout);
  await written(process.stderr);
  // A write that fails tells so after the turn in which it has ended.
  await nextTurn();
  if (output.failure) endWith(output.failure);
  process.exit();
}

/** All that was said. Nothing is said for it: a log that nobody could write is no failure of the program. */
function written(stream: NodeJS.WriteStream): Promise<void> {
  if (stream.writableLength === 0) return Promise.resolve();
  return new Promise((done) => stream.write('', () => done()));
}

function endWith(failure: Error): never {
  const why = failure.message.replace(/, write$/, '');
  sayLastWords(new KcgError('Unavailable', `the output cannot be written: ${why}`), process.env);
  process.exit(process.exitCode || 1);
}

/** Nobody reads any more (`kcg dev | head`), or what is asked for is lost: what goes on is stopped in order. */
function stopWithOutput(output: Output, stop: AbortController): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') output.failure ??= error;
    stop.abort();
  });
  process.stderr.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') stop.abort();
  });
}

const output: Output = {};
await exit(await runCommand(process.argv.slice(2), process.env, stopOnSignals(output)), output);
