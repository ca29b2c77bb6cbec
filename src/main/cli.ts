#!/usr/bin/env node
import { wasToldToEnd } from './early-signal.ts';
import { runCommand } from './run-command.ts';

/** The first signal stops in order. A second Ctrl-C stops at once; a second SIGTERM is no reason to deliver anything twice. */
function stopOnSignals(): AbortSignal {
  const stop = new AbortController();
  // Nothing has begun, so there is nothing to end in order.
  if (wasToldToEnd()) process.exit(0);
  stopOnClosedOutput(stop);
  process.on('SIGTERM', () => stop.abort());
  process.on('SIGINT', () => {
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
  });
  return stop.signal;
}

/** What a handler module holds, say timers and connections, keeps no process alive whose work is done. */
function exit(code: number): void {
  process.exitCode = code;
  process.stdout.write('', () => process.stderr.write('', () => process.exit()));
}

/** Nobody reads any more (`kcg dev | head`): what goes on is stopped in order. */
function stopOnClosedOutput(stop: AbortController): void {
  for (const output of [process.stdout, process.stderr]) {
    output.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
      stop.abort();
    });
  }
}

exit(await runCommand(process.argv.slice(2), process.env, stopOnSignals()));
