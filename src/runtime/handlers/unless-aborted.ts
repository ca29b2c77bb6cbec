import { abortError } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';

/**
 * What `work` gives, or `Aborted` as soon as `signal` aborts: work that ignores the signal is not waited for, and
 * whatever becomes of it later is ignored. Work is not begun when the signal has aborted already.
 * @throws KcgError `Aborted`, or whatever `work` throws.
 */
export async function unlessAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  if (signal.aborted) throw aborted(signal);
  let onAbort = () => {};
  const abort = new Promise<never>((_, reject) => {
    onAbort = () => reject(aborted(signal));
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([work(), abort]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** The error of work that was given up: `Aborted`, with the signal's reason in its message and as its cause. */
export function aborted(signal: AbortSignal): KcgError {
  const reason = abortError(signal);
  return new KcgError('Aborted', `given up: ${reason.message}`, { cause: reason });
}
