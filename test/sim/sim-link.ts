import { abortError } from '../../src/lib/clock.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { randomInt, type Random } from '../../src/lib/random.ts';
import type { SimProcess } from './sim-process.ts';
import type { SimTime } from './sim-time.ts';

/** How often what happens to a call, 0–1. What is left goes well. */
export interface Weather {
  /** Takes up to seconds. */
  slow: number;
  /** Refused: too fast. */
  throttled: number;
  /** A 5xx, without an effect or with one. */
  failed: number;
  /** Has its effect, and no answer comes. */
  answerLost: number;
  /** Has its effect after the caller has given up. */
  late: number;
}

export const FAIR: Weather = { slow: 0, throttled: 0, failed: 0, answerLost: 0, late: 0 };

export interface LinkOptions {
  time: SimTime;
  random: Random;
  process: SimProcess;
  /** What the caller waits for an answer, ms. */
  timeoutMs: number;
  weather: () => Weather;
  /** Told of each call; what it returns overrules the weather. */
  onCall: (operation: string) => Partial<Fate> | undefined;
  /** Nothing passes, in either direction. */
  isCut: () => boolean;
}

/** What becomes of a call. */
export interface Fate {
  /** How long it travels before it has its effect, and its answer after that, ms. */
  thereMs: number;
  backMs: number;
  refusal?: KcgError;
  failure?: KcgError;
  answerLost?: boolean;
}

/** The way between one process and one service. Calls and answers travel apart: either may be late or lost. */
export class SimLink {
  readonly #options: LinkOptions;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  call<T>(operation: string, signal: AbortSignal | undefined, effect: () => Promise<T>): Promise<T> {
    const { time, process, timeoutMs, isCut } = this.#options;
    if (signal?.aborted) return Promise.reject(abortError(signal));
    const fate = { ...this.#fate(operation), ...this.#options.onCall(operation) };
    return new Promise((resolve, reject) => {
      let isOver = false;
      const end = (settle: () => void) => {
        if (isOver) return;
        isOver = true;
        time.cancel(deadline);
        signal?.removeEventListener('abort', onAbort);
        settle();
      };
      const onAbort = () => end(() => reject(abortError(signal!)));
      const deadline = time.after(timeoutMs, () =>
        process.deliver(() =>
          end(() => reject(new KcgError('Timeout', `injected: no answer to ${operation}`))),
        ),
      );
      signal?.addEventListener('abort', onAbort, { once: true });
      const answer = (settle: () => void) => {
        if (fate.answerLost) return;
        time.after(fate.backMs, () => {
          if (!isCut()) process.deliver(() => end(settle));
        });
      };
      time.after(fate.thereMs, () => {
        if (isCut()) return;
        if (fate.refusal) return answer(() => reject(fate.refusal!));
        void effect().then(
          (result) => answer(() => (fate.failure ? reject(fate.failure) : resolve(result))),
          (thrown: unknown) => answer(() => reject(thrown)),
        );
      });
    });
  }

  #fate(operation: string): Fate {
    const { random, weather, timeoutMs } = this.#options;
    const { slow, throttled, failed, answerLost, late } = weather();
    let dice = random();
    const is = (share: number) => {
      const hit = dice >= 0 && dice < share;
      dice -= share;
      return hit;
    };
    const soon = { thereMs: 1 + random() * 10, backMs: 1 + random() * 10 };
    if (is(slow)) return { thereMs: random() * timeoutMs, backMs: random() * timeoutMs };
    if (is(throttled)) return { ...soon, refusal: new KcgError('Throttled', `injected: ${operation}`) };
    if (is(failed)) {
      const error = new KcgError('Unavailable', `injected: ${operation}`);
      return randomInt(random, 2) === 0 ? { ...soon, refusal: error } : { ...soon, failure: error };
    }
    if (is(answerLost)) return { ...soon, answerLost: true };
    if (is(late)) return { ...soon, thereMs: timeoutMs * (1 + random()) };
    return soon;
  }
}
