import { backoffMs } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import type { Random } from '../../lib/random.ts';
import type { FailureDestination, GivenUpBatch } from '../failure/failure-destination.ts';

export interface GiveUpOptions {
  clock: Clock;
  random: Random;
  destination: FailureDestination;
  /** No more tries after the one that runs. */
  stop: AbortSignal;
  /** Aborts the try that runs. */
  abandon: AbortSignal;
  /** The lease is good. */
  mayGoOn: () => boolean;
  onTrouble: (error: KcgError, retryInMs: number) => void;
}

/** A destination holds its shard while it is away: tried often enough that the shard soon goes on when it is back. */
const BACKOFF = { baseMs: 500, maxMs: 15_000 };

/** Sends what was given up until the destination has it. False: it does not, and nobody is to try any more. */
export async function sendGivenUp(givenUp: GivenUpBatch, options: GiveUpOptions): Promise<boolean> {
  const { clock, random, destination, stop, abandon, mayGoOn, onTrouble } = options;
  for (let failures = 1; failures === 1 || (!stop.aborted && mayGoOn()); failures += 1) {
    try {
      await destination.send(givenUp, { signal: abandon });
      return true;
    } catch (thrown) {
      if (abandon.aborted) return false;
      const error = KcgError.from(thrown);
      const retryInMs = Math.round(error.retryAfterMs ?? backoffMs(failures, random, BACKOFF));
      onTrouble(error, retryInMs);
      await clock.sleep(retryInMs, { signal: stop });
    }
  }
  return false;
}
