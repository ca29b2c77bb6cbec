import type { Clock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import type { Batch, Handler, HandlerContext, HandlerResult } from '../handlers/handler.ts';

/** One for all: an abort without a reason makes an error with its stack. */
const FINISHED = new KcgError('Aborted', 'finished');

export interface TimeLimit {
  clock: Clock;
  /** `handler.timeoutSeconds`, ms. */
  timeoutMs: number;
}

/**
 * Gives a batch to the handler with a signal that aborts when `context.signal` does, or when the time is up: then the
 * result is a failure with the code `Timeout`, unless the handler was done all the same.
 */
export async function callInTime(
  handler: Handler,
  batch: Batch,
  context: Omit<HandlerContext, 'deadlineMs'>,
  { clock, timeoutMs }: TimeLimit,
): Promise<HandlerResult> {
  const call = new AbortController();
  const finished = new AbortController();
  const onAbort = () => call.abort(context.signal.reason);
  if (context.signal.aborted) onAbort();
  context.signal.addEventListener('abort', onAbort, { once: true });
  const deadlineMs = clock.now() + timeoutMs;
  let late: KcgError | undefined;
  void clock.sleep(timeoutMs, { signal: finished.signal }).then(() => {
    if (finished.signal.aborted || call.signal.aborted) return;
    late = new KcgError('Timeout', `the handler did not answer within ${timeoutMs / 1000} seconds`, {
      fix: 'Find out what it waits for, or give it longer: spec.handler.timeoutSeconds.',
    });
    call.abort(late);
  });
  try {
    const result = await handler.handle(batch, { ...context, deadlineMs, signal: call.signal });
    if (late === undefined || result.outcome === 'done') return result;
    const running = result.outcome === 'failed' ? result.running : undefined;
    return { outcome: 'failed', error: late, ...(running ? { running } : {}) };
  } finally {
    context.signal.removeEventListener('abort', onAbort);
    finished.abort(FINISHED);
  }
}
