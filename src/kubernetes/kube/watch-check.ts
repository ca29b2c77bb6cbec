import type { Clock } from '../../lib/clock.ts';
import type { ResourceKind, WatchOptions } from '../cluster.ts';
import { isOlder, type ObjectList, type ObjectStore } from '../object-store.ts';
import { listPages } from './list-pages.ts';
import { listQuery } from './paths.ts';
import type { KubeTransport } from './transport.ts';

export interface WatchCheckOptions {
  transport: KubeTransport;
  kind: ResourceKind;
  watch: WatchOptions;
  clock: Clock;
  pageSize?: number;
  /** Least time between two, ms; as one begins with a watch, it is 10 to 20 minutes by default. */
  checkMs?: number;
}

const CHECK_MS = 600_000;

/**
 * Finds what a watch did not tell. It may look well, with a bookmark every minute, and have lost an event all the same, in what stands
 * between or by a bug at either end; the next watch goes on behind it, so that the cache would stay wrong until the process ends.
 *
 * Now and then the metadata of all objects is listed beside the watch. Once the watch has told of everything up to the version of that
 * list, what the cache lacks of it was missed. No time is waited for, so what is only late does not count.
 */
export class WatchCheck {
  readonly #options: WatchCheckOptions;
  readonly #store: ObjectStore;
  #lastMs = 0;
  /** What the cache lacked a part of. */
  #list: ObjectList | undefined;

  constructor(options: WatchCheckOptions, store: ObjectStore) {
    this.#options = options;
    this.#store = store;
  }

  /** The cache has just been filled anew. */
  listed(): void {
    this.#lastMs = this.#options.clock.monotonic();
    this.#list = undefined;
  }

  /** Lists, when it is time to. @throws KcgError as `listPages` does; the next is as far away as it would be otherwise */
  async begin(signal: AbortSignal): Promise<void> {
    const { clock, watch, checkMs = CHECK_MS } = this.#options;
    const nowMs = clock.monotonic();
    if (nowMs - this.#lastMs < checkMs) return;
    this.#lastMs = nowMs;
    const { namespace } = watch;
    const query = listQuery(watch);
    const list = await listPages({
      ...this.#options,
      namespace,
      query,
      metadataOnly: true,
      attempts: 1,
      signal,
    });
    // Only versions with an order can be compared.
    if (signal.aborted || !isOlder('0', list.version)) return;
    this.#list = this.#store.lacks(list) > 0 ? list : undefined;
  }

  /** Changes that were missed, by a watch that has told of everything up to `version`; 0 where that is not to be said yet. */
  missed(version: string | undefined): number {
    const list = this.#list;
    if (list === undefined || version === undefined || isOlder(version, list.version)) return 0;
    this.#list = undefined;
    return this.#store.lacks(list);
  }
}
