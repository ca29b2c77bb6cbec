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
export const FINISHED = new KcgError('Aborted', 'finished');

/**
 * Calls `ring` after `ms`, unless what it returns is called first. For what is done all the time: a timer of the system by itself
 * costs a fraction of a sleep with its promises and its signal.
 */
export function alarm(clock: Clock, ms: number, ring: () => void): () => void {
  if (clock === systemClock && ms > 0 && ms <= MAX_TIMER_MS) {
    const handle = setTimeout(ring, ms);
    return () => clearTimeout(handle);
  }
  const off = new AbortController();
  const { signal } = off;
  void clock.sleep(ms, { signal }).then(() => signal.aborted || ring());
  return () => off.abort(FINISHED);
}

interface BoundOptions {
  what: string;
  signal?: AbortSignal | undefined;
}

/**
 * Runs `work` until `signal` aborts or `ms` have passed; `work` says what stops it, and may say it anew.
 * @throws KcgError `Timeout` when the deadline came first; otherwise whatever `work` throws.
 */
export async function bounded<T>(
  clock: Clock,
  ms: number,
  { what, signal: outer }: BoundOptions,
  work: (onEnd: (stop: (reason: unknown) => void) => void) => Promise<T>,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  let ended: { reason: unknown } | undefined;
  let stopWork: ((reason: unknown) => void) | undefined;
  const end = (reason: unknown) => {
    ended ??= { reason };
    // Before `work` hears of it: what it throws then says less.
    reject(asError(reason));
    stopWork?.(reason);
  };
  const onAbort = () => end(outer?.reason);
  if (outer?.aborted) onAbort();
  outer?.addEventListener('abort', onAbort, { once: true });
  const off = alarm(clock, ms, () => end(new KcgError('Timeout', `${what} took longer than ${ms} ms`)));
  const onEnd = (stop: (reason: unknown) => void) => {
    stopWork = stop;
    if (ended) stop(ended.reason);
  };
  try {
    work(onEnd).then(resolve, reject);
  } catch (thrown) {
    reject(thrown);
  }
  try {
    return await promise;
  } finally {
    outer?.removeEventListener('abort', onAbort);
    off();
  }
}

/** As `bounded`, for work that is stopped by a signal. */
export function withDeadline<T>(
  clock: Clock,
  ms: number,
  options: BoundOptions,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  return bounded(clock, ms, options, (onEnd) => {
    const either = new AbortController();
    onEnd((reason) => either.abort(reason));
    return work(either.signal);
  });
}

/** The reason of an aborted signal, as an Error. */
export function abortError({ reason }: AbortSignal): Error {
  return asError(reason);
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new KcgError('Aborted', String(reason));
}

/**
 * Resolves when the event loop has turned once: what could be done without waiting is done by then, and rejections that
 * nobody handled have been told. No time: it takes microseconds.
 */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
