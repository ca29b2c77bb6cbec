import { backoffMs } from '../../lib/backoff.ts';
import { KcgError } from '../../lib/errors.ts';
import type { StoredObject } from '../../kubernetes/cluster.ts';
import type { StepFailure } from '../plan/group-facts.ts';
import { lookAgain, type Pass } from '../reconcile-context.ts';

/** Nothing went wrong that another try would mend: it only looks whether a person has done their part. */
export class ForAPerson extends KcgError {}

/** Between two tries of one thing. */
const BACKOFF = { baseMs: 1_000, maxMs: 300_000 };

/**
 * Does one thing for a group, with a delay of its own when it fails: the rest of the group goes on at its own pace, and the
 * server is not asked again for what it has just refused. A change of the group ends the wait.
 * @throws what `act` throws; while it is not tried, what it threw last
 */
export async function paced<T>(
  pass: Pass,
  { thing, asked = '' }: { thing: string; asked?: string },
  act: () => Promise<T>,
): Promise<T> {
  const { memory, options, signal, object } = pass;
  const all = () => `${asked} ${askedBy(object)}`;
  const known = memory.refused.get(thing);
  const same = known && known.asked === all() ? known : undefined;
  const leftMs = (same?.nextMs ?? 0) - options.clock.monotonic();
  if (same && leftMs > 0) {
    lookAgain(pass, leftMs, { isExact: true });
    throw same.error;
  }
  try {
    const result = await act();
    memory.refused.delete(thing);
    return result;
  } catch (thrown) {
    if (signal.aborted) throw thrown;
    const error = KcgError.from(thrown);
    const failures = (same?.failures ?? 0) + 1;
    const inMs = Math.max(backoffMs(failures, options.random, BACKOFF), error.retryAfterMs ?? 0);
    const nextMs = options.clock.monotonic() + inMs;
    memory.refused.set(thing, { error, asked: all(), failures, nextMs });
    lookAgain(pass, inMs, { isExact: true });
    // What the server finds wrong with an object waits for a change of it.
    const waits = error.code === 'InvalidInput' || error instanceof ForAPerson;
    if (!waits) pass.refused.push({ thing, error, failures, inMs });
    throw error;
  }
}

/** An annotation is how people ask for another try without a change of the spec. */
function askedBy({ metadata }: StoredObject): string {
  return JSON.stringify([metadata.generation, metadata.annotations]);
}

/**
 * Does one step, or waits with it when it failed not long ago. The pass goes on without its result, so that a status is
 * written that tells of it.
 * @param thing what of the step; it is paced by itself
 * @param asked as of `paced`: once it is another, the delay is over
 */
export async function attempt<T>(
  pass: Pass,
  { step, thing = step, asked = '' }: { step: StepFailure['step']; thing?: string; asked?: string },
  act: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await paced(pass, { thing, asked }, act);
  } catch (thrown) {
    if (pass.signal.aborted) throw thrown;
    pass.failures.push({ step, error: KcgError.from(thrown) });
    return undefined;
  }
}
