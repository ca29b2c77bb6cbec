import { AsyncLocalStorage, createHook } from 'node:async_hooks';
import { nextTurn } from '../../lib/clock.ts';
import { KcgError } from '../../lib/errors.ts';
import type { Log } from '../../lib/log.ts';
import { describeThrown } from './describe-thrown.ts';

/*
 * What a module begins and does not await counts as done when its function returns: what fails later is lost. Two things
 * show that, and both are told with the place in the author's code.
 *
 * - A promise that nobody handles is rejected: it is known by its context to which batch it belongs, at no cost. Node ends the process then, which is right: nobody knows what else is half done.
 * - A promise of the author's own functions is pending when the batch is over. To see it each promise is looked at as it is made,
 *   which costs 60 µs for its stack: so only the first batches of a process are watched, and of each the first thousand
 *   promises. A handler that does not await does so from its first batch on.
 *
 * A promise counts when an async function of the author's made it, that is, it runs; timers and what was left behind by
 * Promise.race are none. Of a function that is not async any promise that is pending counts: it awaits nothing.
 */

/** What a batch's code belongs to, wherever it goes on. */
const batches = new AsyncLocalStorage<BatchScope>();

interface BatchScope {
  shardId: string;
  /** Of the module, for the places in its errors. */
  folder: string;
  log: Log;
}

const FIX =
  'What is part of a batch has to be awaited: "for (const record of batch.records) await save(record)", or "await Promise.all(batch.records.map(save))". Array.forEach awaits nothing.';

/** The error of a rejection that nobody handles, if it is of a batch's work; to be asked when the rejection is told. */
export function unawaitedFailure(reason: unknown): KcgError | undefined {
  const batch = batches.getStore();
  if (!batch) return undefined;
  const { shardId, folder } = batch;
  const what = `work that the handler did not await failed: ${describeThrown(reason, folder)}`;
  return new KcgError('HandlerFailed', what, { resource: `shard ${shardId}`, fix: FIX, cause: reason });
}

const WATCHED_BATCHES = 3;
const WATCHED_PROMISES = 1_000;
const SHOWN_PLACES = 3;

export class UnawaitedWork {
  #left = WATCHED_BATCHES;
  #isWatching = false;

  /**
   * Calls a handler and gives what it returned; warns once when something of it still runs then. It gives it a turn of the
   * event loop later: what has failed by then ends the process before anything of the batch is acknowledged.
   */
  async run(scope: BatchScope, signal: AbortSignal, call: () => unknown): Promise<unknown> {
    const watch = this.#watch(scope, signal);
    try {
      const answer = batches.run(scope, call);
      const isAsync = isThenable(answer);
      const result = await settled(await answer);
      await nextTurn();
      const places = watch?.pending({ isAsync }) ?? [];
      if (places.length > 0) {
        this.#left = 0;
        const message = 'the handler returned while work that it began was still running';
        scope.log.warn(message, { places, fix: FIX });
      }
      return result;
    } finally {
      watch?.stop();
    }
  }

  /** One batch at a time, and only the first few. */
  #watch(scope: BatchScope, signal: AbortSignal): PromiseWatch | undefined {
    if (this.#left === 0 || this.#isWatching) return undefined;
    this.#left -= 1;
    this.#isWatching = true;
    const onStop = () => (this.#isWatching = false);
    return new PromiseWatch(scope, signal, onStop);
  }
}

interface Made {
  place: string;
  /** Of an async function, which so still runs. */
  isRunning: boolean;
}

/** The promises made in the context of a batch by code of the author's, and which of them are pending. */
class PromiseWatch {
  readonly #scope: BatchScope;
  readonly #pending = new Map<number, Made>();
  #left = WATCHED_PROMISES;
  readonly #hook = createHook({
    init: (id, type) => {
      if (type !== 'PROMISE' || this.#left === 0 || batches.getStore() !== this.#scope) return;
      this.#left -= 1;
      const made = whereMade();
      if (made) this.#pending.set(id, made);
    },
    promiseResolve: (id) => void this.#pending.delete(id),
  });

  readonly #signal: AbortSignal;
  readonly #onStop: () => void;
  #isOver = false;

  /** What does not end when `signal` tells it to is not watched any longer. */
  constructor(scope: BatchScope, signal: AbortSignal, onStop: () => void) {
    this.#scope = scope;
    this.#signal = signal;
    this.#onStop = onStop;
    signal.addEventListener('abort', this.stop, { once: true });
    this.#hook.enable();
  }

  pending({ isAsync }: { isAsync: boolean }): string[] {
    const made = [...this.#pending.values()].filter(({ isRunning }) => isRunning || !isAsync);
    return [...new Set(made.map(({ place }) => place))].slice(0, SHOWN_PLACES);
  }

  readonly stop = (): void => {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#pending.clear();
    this.#signal.removeEventListener('abort', this.stop);
    this.#hook.disable();
    this.#onStop();
  };
}

/** The author's code is in files, and not in packages. */
function whereMade(): Made | undefined {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 12;
  const { stack = '' } = new Error('a promise is made');
  Error.stackTraceLimit = stackTraceLimit;
  const frames = stack.split('\n').slice(2); // the message, and this function
  const made = frames.slice(frames.findLastIndex((frame) => frame.includes('node:internal/async_hooks')) + 1);
  const own = made.findIndex((frame) => !frame.includes('(<anonymous>)'));
  const [, place] = /(?:file:\/\/)?(\/[^\s()]+:\d+):\d+\)?$/.exec(made[own] ?? '') ?? [];
  if (place === undefined || place.includes('/node_modules/')) return undefined;
  return { place, isRunning: own === 0 };
}

function isThenable(value: unknown): boolean {
  return typeof (value as PromiseLike<unknown> | undefined)?.then === 'function';
}

/** A list of promises is awaited: an async function gives one for each record when its author forgot `Promise.all`. */
async function settled(answer: unknown): Promise<unknown> {
  return Array.isArray(answer) && answer.some(isThenable) ? Promise.all(answer as unknown[]) : answer;
}
