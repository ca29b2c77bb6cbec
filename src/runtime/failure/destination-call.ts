import { abortError, withDeadline, type Clock } from '../../lib/clock.ts';
import { translateDestinationError, type DestinationCall } from './destination-errors.ts';

export interface BoundedCall extends DestinationCall {
  clock: Clock;
  /** Bound of the call, ms. */
  timeoutMs: number;
  signal: AbortSignal | undefined;
}

/**
 * One call, bounded in time.
 * @throws KcgError that names the destination; the reason of `signal` when that aborted
 */
export async function callDestination<T>(
  { clock, timeoutMs, signal, ...call }: BoundedCall,
  work: (abortSignal: AbortSignal) => Promise<T>,
): Promise<T> {
  try {
    return await withDeadline(clock, timeoutMs, { what: call.action, signal }, work);
  } catch (thrown) {
    if (signal?.aborted) throw abortError(signal);
    throw translateDestinationError(thrown, call);
  }
}
