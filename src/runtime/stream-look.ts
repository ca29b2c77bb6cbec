import type { StreamClient, StreamSummary } from '../kinesis/stream-client.ts';
import type { Clock } from '../lib/clock.ts';

/** What the stream is like. Its retention, mode and placement of records can change while it is read. */
export class StreamLook {
  readonly #stream: Pick<StreamClient, 'describe'>;
  readonly #clock: Clock;
  #latest: StreamSummary;
  #latestMs: number;
  #looking: Promise<StreamSummary> | undefined;

  constructor(stream: Pick<StreamClient, 'describe'>, clock: Clock, first: StreamSummary) {
    this.#stream = stream;
    this.#clock = clock;
    this.#latest = first;
    this.#latestMs = clock.monotonic();
  }

  /** As last seen, however long ago. */
  get latest(): StreamSummary {
    return this.#latest;
  }

  /** Not older than `maxAgeMs`. Shards that ask at the same time share one call. @throws KcgError as `describe` does */
  async fresh(maxAgeMs: number): Promise<StreamSummary> {
    if (this.#clock.monotonic() - this.#latestMs < maxAgeMs) return this.#latest;
    this.#looking ??= this.#look().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  async #look(): Promise<StreamSummary> {
    const askedMs = this.#clock.monotonic();
    this.#latest = await this.#stream.describe();
    this.#latestMs = askedMs;
    return this.#latest;
  }
}
