import { FINISHED, type Clock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import type { HandlerResult } from '../handlers/handler.ts';

export interface TimeLimit {
  clock: Clock;
  /** `handler.timeoutSeconds`, ms. */
  timeoutMs: number;
}

/**
 * Calls a handler with a signal that aborts when `signal` does, or when the time is up: then the result is a failure with the
 * code `Timeout`, unless the handler was done all the same. `deadlineMs`: when that is, since the epoch.
 */
export async function callInTime(
  call: (within: { signal: AbortSignal; deadlineMs: number }) => Promise<HandlerResult>,
  signal: AbortSignal,
  { clock, timeoutMs }: TimeLimit,
): Promise<HandlerResult> {
  const given = new AbortController();
  const finished = new AbortController();
  const onAbort = () => given.abort(signal.reason);
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  const deadlineMs = clock.now() + timeoutMs;
  let late: KcgError | undefined;
  void clock.sleep(timeoutMs, { signal: finished.signal }).then(() => {
    if (finished.signal.aborted || given.signal.aborted) return;
    late = notInTime(timeoutMs);
    given.abort(late);
  });
  try {
    const result = await call({ signal: given.signal, deadlineMs });
    if (late === undefined || result.outcome === 'done') return result;
    if (result.outcome === 'partial') return { outcome: 'failed', error: late };
    const { running, isBroken } = result;
    return {
      outcome: 'failed',
      error: late,
      ...(running ? { running } : {}),
      ...(isBroken ? { isBroken } : {}),
    };
  } finally {
    signal.removeEventListener('abort', onAbort);
    finished.abort(FINISHED);
  }
}

export function notInTime(timeoutMs: number): KcgError {
  return new KcgError('Timeout', `the handler did not answer within ${timeoutMs / 1000} seconds`, {
    fix: 'Find out what it waits for, or give it longer: spec.handler.timeoutSeconds.',
  });
}
