import { backoffMs } from './backoff.ts';
import type { Clock } from './clock.ts';
import { isRetryable, KcgError } from './errors.ts';
import type { Random } from './random.ts';

const TRIES = 6;
const BACKOFF = { baseMs: 500, maxMs: 10_000 };

export interface PatientlyOptions {
  clock: Clock;
  random: Random;
  signal: AbortSignal;
}

/**
 * For a read of a person's command, which has no loop to come again: up to six tries, half a minute at most between the first and the
 * last. @throws the last failure, and at once what would be the same again
 */
export async function patiently<T>(
  { clock, random, signal }: PatientlyOptions,
  work: () => Promise<T>,
): Promise<T> {
  for (let failures = 1; ; failures += 1) {
    try {
      return await work();
    } catch (thrown) {
      if (signal.aborted || failures >= TRIES || !isRetryable(KcgError.from(thrown))) throw thrown;
      await clock.sleep(backoffMs(failures, random, BACKOFF), { signal });
    }
  }
}
