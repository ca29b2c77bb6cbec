import { backoffMs } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { isRetryable, KcgError } from '../../lib/errors.ts';
import type { Random } from '../../lib/random.ts';

/** After the time that handlers have to end, for the writes that give shards away, ms; pods have 15 s before SIGKILL. */
export const LAST_WRITES_MS = 10_000;

const BACKOFF = { baseMs: 100, maxMs: 2_000 };

export interface RepeatOptions {
  clock: Clock;
  random: Random;
  /** Asked before each attempt. `isInDoubt`: an earlier one can still have its effect. */
  goesOn: (isInDoubt: boolean) => boolean;
  onFailure: (error: KcgError) => void;
}

/**
 * Repeats a call of a hand-off or a stop until it is answered; undefined when it does not go on. Nobody else can make such
 * a write, so a refusal does not end it: access and credentials come back.
 */
export async function repeat<T>(options: RepeatOptions, call: () => Promise<T>): Promise<T | undefined> {
  const { clock, random, goesOn, onFailure } = options;
  let isInDoubt = false;
  for (let failures = 1; goesOn(isInDoubt); failures += 1) {
    try {
      return await call();
    } catch (thrown) {
      const error = KcgError.from(thrown);
      onFailure(error);
      isInDoubt ||= isRetryable(error);
      await clock.sleep(backoffMs(failures, random, BACKOFF));
    }
  }
  return undefined;
}
