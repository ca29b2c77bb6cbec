import { KcgError } from './errors.ts';

/**
 * Time, injected everywhere. Lint forbids the global clock and timers outside this file, so that every
 * decision and every wait can be driven by a virtual clock in tests.
 */
export interface Clock {
  /** Wall clock, ms since the epoch. For people, lag and stored times; never for deciding who owns what. */
  now(): number;
  /** Ms since an arbitrary origin; never goes back, keeps counting while the process is stopped. */
  monotonic(): number;
  /** Resolves after `ms` (at once when ≤ 0), or early when `signal` aborts. Never rejects. */
  sleep(ms: number, options?: { signal?: AbortSignal | undefined }): Promise<void>;
}

/** Longest delay a Node timer can hold, ms; longer sleeps are cut into pieces. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  async sleep(ms, { signal } = {}) {
    const end = performance.now() + ms;
    for (let left = ms; left > 0 && !signal?.aborted; left = end - performance.now()) {
      await timer(Math.min(left, MAX_TIMER_MS), signal);
    }
  },
};

function timer(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(handle);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const handle = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** One for all: an abort without a reason makes an error with its stack. */
const FINISHED = new KcgError('Aborted', 'finished');

interface BoundOptions {
  what: string;
  signal?: AbortSignal | undefined;
}

/**
 * Runs `work` with a signal that aborts when `signal` does or after `ms`.
 * @throws KcgError `Timeout` when the deadline came first; otherwise whatever `work` throws.
 */
export async function withDeadline<T>(
  clock: Clock,
  ms: number,
  options: BoundOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const expired = async (finished: AbortSignal) => {
    await clock.sleep(ms, { signal: finished });
    return `${options.what} took longer than ${ms} ms`;
  };
  return unlessExpired(expired, options, work);
}

/** `expired` resolves with what to say. */
async function unlessExpired<T>(
  expired: (finished: AbortSignal) => Promise<string>,
  { signal: outer }: BoundOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const either = new AbortController();
  const { signal } = either;
  const onAbort = () => either.abort(outer?.reason);
  if (outer?.aborted) onAbort();
  outer?.addEventListener('abort', onAbort, { once: true });
  const finished = new AbortController();
  const watching = expired(finished.signal).then((message) => {
    if (!finished.signal.aborted) either.abort(new KcgError('Timeout', message));
  });
  const aborted = new Promise<never>((_, reject) => {
    if (signal.aborted) reject(abortError(signal));
    signal.addEventListener('abort', () => reject(abortError(signal)), { once: true });
  });
  aborted.catch(() => {});
  try {
    return await Promise.race([work(signal), aborted]);
  } finally {
    outer?.removeEventListener('abort', onAbort);
    finished.abort(FINISHED);
    await watching;
  }
}

/** The reason of an aborted signal, as an Error. */
export function abortError(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new KcgError('Aborted', String(signal.reason));
}

/**
 * Resolves when the event loop has turned once: what could be done without waiting is done by then, and rejections that
 * nobody handled have been told. No time: it takes microseconds.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
