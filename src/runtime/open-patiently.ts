import { backoffMs } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { describeError, isRetryable, KcgError, type ErrorCode } from '../lib/errors.ts';
import type { Log } from '../lib/log.ts';
import type { Random } from '../lib/random.ts';

export interface OpenOptions {
  clock: Clock;
  random: Random;
  log: Log;
  /** The constant message of the log while it waits. */
  waiting: string;
  /** What is waited for here although it does not pass by itself. */
  awaited?: readonly ErrorCode[];
}

const BACKOFF = { baseMs: 500, maxMs: 10_000 };
const CREDENTIALS_PATIENCE_MS = 60_000;
/** The same trouble is said once, and again when it still goes on after this long, ms. */
const REMIND_MS = 60_000;

/**
 * Repeats what a worker starts with, until it is done or `stop` aborts (undefined). What passes by itself is waited for as
 * long as it takes, and credentials for a minute: a projected token, the agent of EKS Pod Identity and a new trust policy
 * can be late by seconds, and the SDK corrects a wrong clock only from one call to the next. AccessDenied ends it at
 * once: a permission is given by a person, whom an ended worker tells what to do, and the kubelet starts it again anyway.
 * @throws KcgError what does not pass, or did not in time
 */
export async function openPatiently<T>(
  options: OpenOptions,
  stop: AbortSignal,
  open: () => Promise<T>,
): Promise<T | undefined> {
  const { clock, random, log, waiting, awaited = [] } = options;
  let code: ErrorCode | undefined;
  let sinceMs = 0;
  let saidMs = 0;
  for (let failures = 1; !stop.aborted; failures += 1) {
    try {
      return await open();
    } catch (thrown) {
      if (stop.aborted) return undefined;
      const error = KcgError.from(thrown);
      const isNew = error.code !== code;
      if (isNew) [code, sinceMs] = [error.code, clock.monotonic()];
      const waitMs = backoffMs(failures, random, BACKOFF);
      if (clock.monotonic() - sinceMs + waitMs > patienceMs(error, awaited)) throw error;
      if (isNew || clock.monotonic() - saidMs >= REMIND_MS) {
        saidMs = clock.monotonic();
        // Whatever was to be opened was not tried, and is not to blame.
        const what = code === 'Credentials' ? 'there are no credentials that work yet' : waiting;
        log.warn(what, { error: describeError(error), failures });
      }
      await clock.sleep(waitMs, { signal: stop });
    }
  }
  return undefined;
}

/** For how long, from the first failure of its kind in a row, it is worth trying again. */
function patienceMs(error: KcgError, awaited: readonly ErrorCode[]): number {
  if (isRetryable(error) || awaited.includes(error.code)) return Infinity;
  return error.code === 'Credentials' ? CREDENTIALS_PATIENCE_MS : 0;
}
