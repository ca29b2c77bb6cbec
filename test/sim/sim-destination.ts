import { KcgError } from '../../src/lib/errors.ts';
import type { Random } from '../../src/lib/random.ts';
import type { FailureDestination, GivenUpBatch } from '../../src/runtime/failure/failure-destination.ts';
import type { DeliveryChecker } from './delivery-checker.ts';
import type { Mood } from './sim-handler.ts';
import type { SimProcess } from './sim-process.ts';

export interface SimDestinationOptions {
  process: SimProcess;
  random: Random;
  mood: () => Mood;
  checker: DeliveryChecker;
  /** `<worker>/<incarnation>` as of now. */
  ref: () => string;
  /** By the stream's clock, ms since the epoch. */
  streamNow: () => number;
}

/** Where what is given up goes: it may refuse it, or have it though its answer gets lost. */
export class SimDestination implements FailureDestination {
  readonly name = 'a simulated queue';
  readonly #options: SimDestinationOptions;

  constructor(options: SimDestinationOptions) {
    this.#options = options;
  }

  async send(givenUp: GivenUpBatch, { signal }: { signal: AbortSignal }): Promise<void> {
    const { process, random, mood, checker, ref, streamNow } = this.#options;
    const me = ref();
    await process.sleep(5 + random() * 200, { signal });
    if (signal.aborted) throw signal.reason;
    const isRefused = random() < mood().refused;
    if (isRefused) throw new KcgError('Unavailable', 'the queue does not take it');
    checker.givenUp(me, givenUp, !signal.aborted, streamNow());
  }

  async close(): Promise<void> {}
}
