import { readFileSync } from 'node:fs';
import { constants } from 'node:os';

/**
 * Whether this process was told to end before any of its own code ran.
 *
 * As process 1 of a container it has to see for itself: the kernel drops a signal that such a process has no handler for.
 * Node has one of its own from its first milliseconds on, which sets the signal back to its default and raises it
 * again, to end the process by it; the kernel drops that too. What is left of it is that the signal is caught no more.
 * To be asked before a handler of ours is added. A signal of the very first milliseconds leaves no trace.
 */
export function wasToldToEnd(pid: number = process.pid, readStatus = readOwnStatus): boolean {
  if (pid !== 1) return false;
  const [, caught] = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readStatus()) ?? [];
  return (
    caught !== undefined && ((BigInt(`0x${caught}`) >> BigInt(constants.signals.SIGTERM - 1)) & 1n) === 0n
  );
}

function readOwnStatus(): string {
  try {
    return readFileSync('/proc/self/status', 'utf8');
  } catch {
    return '';
  }
}
