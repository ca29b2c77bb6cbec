import type { Clock } from '../lib/clock.ts';
import { changeOf } from './page-change.ts';
import type { Page } from './page-data.ts';

/** Between two looks at what is shown, while somebody has it open, ms. */
const LOOK_MS = 1_000;
/** A sign of life at least so often, ms: whoever hears none is not connected. */
export const BEAT_MS = 5_000;

export interface FeedsOptions {
  clock: Clock;
  /** What a page says now; `key` is empty for the list. */
  build: (key: string, signal: AbortSignal) => Promise<Page>;
}

/** As it goes over the wire. `now` is the server's wall clock, ms since the epoch. */
export type FeedMessage =
  | { type: 'page'; now: number; page: Page }
  | { type: 'change'; now: number; change: NonNullable<ReturnType<typeof changeOf>> }
  | { type: 'beat'; now: number };

type Send = (message: FeedMessage) => void;

interface Feed {
  page: Page | undefined;
  readers: Set<Send>;
  stop: AbortController;
}

/** One look a second for each page that somebody has open, however many have it open; none when nobody has. */
export class Feeds {
  readonly #options: FeedsOptions;
  readonly #feeds = new Map<string, Feed>();

  constructor(options: FeedsOptions) {
    this.#options = options;
  }

  /** @returns what ends it */
  subscribe(key: string, send: Send): () => void {
    let feed = this.#feeds.get(key);
    if (!feed) {
      feed = { page: undefined, readers: new Set(), stop: new AbortController() };
      this.#feeds.set(key, feed);
      void this.#run(key, feed);
    }
    const { page, readers, stop } = feed;
    readers.add(send);
    if (page) send({ type: 'page', now: this.#options.clock.now(), page });
    return () => {
      readers.delete(send);
      if (readers.size > 0) return;
      stop.abort();
      if (this.#feeds.get(key)?.readers === readers) this.#feeds.delete(key);
    };
  }

  /** Feeds that run. */
  get size(): number {
    return this.#feeds.size;
  }

  async #run(key: string, feed: Feed): Promise<void> {
    const { clock, build } = this.#options;
    const { signal } = feed.stop;
    let toldMs = -Infinity;
    while (!signal.aborted) {
      const page = await build(key, signal).catch(() => undefined);
      if (signal.aborted) return;
      const now = clock.now();
      const message = page && messageOf(feed.page, page, now);
      if (page) feed.page = page;
      const isDue = clock.monotonic() - toldMs >= BEAT_MS;
      if (message || isDue) {
        toldMs = clock.monotonic();
        for (const send of feed.readers) send(message ?? { type: 'beat', now });
      }
      await clock.sleep(LOOK_MS, { signal });
    }
  }
}

function messageOf(before: Page | undefined, page: Page, now: number): FeedMessage | undefined {
  if (!before || before.kind !== page.kind) return { type: 'page', now, page };
  const change = changeOf(before, page);
  return change && { type: 'change', now, change };
}
