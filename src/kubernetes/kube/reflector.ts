import { backoffMs, jitterMs } from '../../lib/backoff.ts';
import type { Clock } from '../../lib/clock.ts';
import { count } from '../../lib/count.ts';
import { KcgError } from '../../lib/errors.ts';
import type { Random } from '../../lib/random.ts';
import type { ResourceKind, WatchOptions } from '../cluster.ts';
import { networkError, statusError, type KubeStatus } from './errors.ts';
import { listQuery, resourcePath } from './paths.ts';
import type { KubeTransport } from './transport.ts';
import { LineCutter } from './lines.ts';
import { parseJson } from './parse-json.ts';
import { isOlder, ObjectStore } from '../object-store.ts';
import { asStored, listPages } from './list-pages.ts';
import { WatchCheck } from './watch-check.ts';

/** What a reflector went through, for logs and metrics. */
export type ReflectorEvent =
  | { type: 'listed'; kind: string; objects: number; changes: number }
  /** The watch had not told of so many changes; a new list follows. */
  | { type: 'missed'; kind: string; changes: number }
  | { type: 'failed'; kind: string; error: KcgError; failures: number; retryInMs: number }
  | { type: 'handlerThrew'; kind: string; thrown: unknown };

/** Twice as long as servers take to send a bookmark, and more, ms. */
export const INACTIVITY_MS = 150_000;

export interface ReflectorOptions {
  transport: KubeTransport;
  kind: ResourceKind;
  watch: WatchOptions;
  clock: Clock;
  random: Random;
  onEvent: (event: ReflectorEvent) => void;
  /** Objects per page of a list; default 500. */
  pageSize?: number;
  /** A watch that says nothing for so long is opened anew, ms; servers send a bookmark every minute. Default 150,000. */
  inactivityMs?: number;
  /** As `WatchCheckOptions`. */
  checkMs?: number;
  /** After a list or watch that failed; default 200 ms to 30 s. */
  backoff?: { baseMs: number; maxMs: number };
}

interface WatchLine {
  type?: string;
  object?: unknown;
}

/** A watch that lived this long was a good one, ms. */
const GOOD_WATCH_MS = 10_000;
/** Bounds of the length of a watch that we ask the server for, seconds; random, so that reconnects spread. */
const WATCH_SECONDS = { min: 300, max: 600 };
const GONE = 410;
/** One for all: an abort without a reason makes an error with its stack. */
const OVER = new KcgError('Aborted', 'the watch is over');

/**
 * Keeps an `ObjectStore` equal to what the API server holds: a paged list, then a watch from the list's version, again
 * from the last version seen whenever the watch ends, and a new list when the server no longer knows that version (410).
 * Whatever fails is tried again with back-off; only the signal ends it. Same contract as client-go's tools/cache.Reflector.
 */
export class KubeReflector {
  readonly store: ObjectStore;
  readonly #options: ReflectorOptions;
  readonly #check: WatchCheck;
  /** Where the next watch starts; absent = list first. */
  #version: string | undefined;
  /** The last watch gave a sign of life. */
  #progressed = false;
  #heardAtMs: number;

  constructor(options: ReflectorOptions) {
    this.#options = options;
    const { clock, kind, onEvent } = options;
    this.#heardAtMs = clock.monotonic();
    const onThrow = (thrown: unknown) => onEvent({ type: 'handlerThrew', kind: kind.kind, thrown });
    this.store = new ObjectStore({ ...options.watch, onThrow });
    this.#check = new WatchCheck(options, this.store);
  }

  /** When the server last sent something, or was last asked anew, monotonic ms: all that is waited for in between has a limit. */
  get heardAtMs(): number {
    return this.#heardAtMs;
  }

  async run(): Promise<void> {
    const { clock, random, kind, onEvent, backoff = { baseMs: 200, maxMs: 30_000 } } = this.#options;
    const { signal } = this.#options.watch;
    let failures = 0;
    while (!signal.aborted) {
      this.#progressed = false;
      const start = clock.monotonic();
      this.#heardAtMs = start;
      const wasListed = this.#version !== undefined;
      let error: KcgError | undefined;
      try {
        if (this.#version === undefined) await this.#list();
        await this.#follow();
      } catch (thrown) {
        error = networkError(thrown, { verb: 'watch', resource: kind.plural });
      }
      if (signal.aborted) break;
      // What was waited for in vain lasted long, too.
      const lasted = clock.monotonic() - start >= GOOD_WATCH_MS && error?.code !== 'Timeout';
      const good = this.#progressed || lasted;
      failures = good ? 0 : failures + 1;
      if (good && !error) continue;
      // The server answers: to list anew waits for no failure of before.
      const isForgotten = wasListed && this.#version === undefined;
      const delayMs = error?.retryAfterMs ?? backoffMs(isForgotten ? 1 : failures, random, backoff);
      if (error) onEvent({ type: 'failed', kind: kind.kind, error, failures, retryInMs: delayMs });
      await clock.sleep(jitterMs(delayMs, 0.1, random), { signal });
    }
    this.store.end();
  }

  async #list(): Promise<void> {
    const { kind, watch, onEvent } = this.#options;
    const { namespace, signal } = watch;
    // Once: `run` tries again, and tells of each failure.
    const once = { attempts: 1, onPage: () => this.#hear() };
    const list = { ...this.#options, namespace, query: listQuery(watch), ...once, signal };
    const { objects, version } = await listPages(list);
    if (signal.aborted) return;
    const changes = this.store.replace(objects);
    this.#version = version;
    this.#check.listed();
    onEvent({ type: 'listed', kind: kind.kind, objects: objects.length, changes });
  }

  /** One watch, from the last version to its end, or until it is silent for `inactivityMs`, be it before it has begun. */
  async #follow(): Promise<void> {
    const ended = new AbortController();
    const signal = AbortSignal.any([this.#options.watch.signal, ended.signal]);
    this.#hear();
    const reading = this.#read(signal);
    // One that was given up ends in its own time.
    reading.catch(() => {});
    // One that fails is made up for by the next.
    this.#check.begin(signal).catch(() => {});
    try {
      await Promise.race([reading, this.#silence(signal)]);
    } finally {
      ended.abort(OVER);
    }
  }

  async #read(signal: AbortSignal): Promise<void> {
    const { transport, kind, random, watch } = this.#options;
    const { min, max } = WATCH_SECONDS;
    const seconds = Math.round(min + random() * (max - min));
    const lines = new LineCutter();
    const onChunk = (chunk: Buffer) => {
      this.#hear();
      for (const line of lines.cut(chunk)) {
        if (signal.aborted) return;
        this.#take(line);
      }
    };
    const request = {
      method: 'GET',
      verb: 'watch',
      resource: kind.plural,
      path: resourcePath(kind, watch.namespace),
      query: {
        ...listQuery(watch),
        watch: 'true',
        allowWatchBookmarks: 'true',
        resourceVersion: this.#version,
        timeoutSeconds: String(seconds),
      },
      accept: [GONE],
      signal,
    } as const;
    const { statusCode, body } = await transport.watch(request, onChunk);
    if (statusCode === GONE && !signal.aborted) throw this.#expired(body);
  }

  #hear(): void {
    this.#heardAtMs = this.#options.clock.monotonic();
  }

  /** One timer for a watch, however much comes. @throws KcgError `Timeout`; returns when `signal` aborts */
  async #silence(signal: AbortSignal): Promise<void> {
    const { clock, transport, kind, inactivityMs = INACTIVITY_MS } = this.#options;
    for (;;) {
      const leftMs = this.#heardAtMs + inactivityMs - clock.monotonic();
      if (leftMs <= 0) break;
      await clock.sleep(leftMs, { signal });
      if (signal.aborted) return;
    }
    transport.distrust();
    throw new KcgError('Timeout', `the watch of ${kind.plural} was silent for ${inactivityMs} ms`);
  }

  #take(line: string): void {
    const { kind } = this.#options;
    const { type, object } = parseLine(line, kind);
    if (type === 'ERROR') {
      const { code } = object as { code?: number };
      if (code === GONE) throw this.#expired(object);
      throw statusError({ statusCode: code ?? 500, body: object }, { verb: 'watch', resource: kind.plural });
    }
    const stored = asStored(object, kind);
    const { resourceVersion } = stored.metadata;
    const isOld = isOlder(resourceVersion, this.#version ?? '');
    // The server was restored from a backup: the watch would say nothing of what changes below the version we have seen.
    if (type === 'BOOKMARK' && isOld) {
      throw this.#expired({ message: `it is at ${resourceVersion} by now` });
    }
    if (type === 'ADDED' || type === 'MODIFIED') this.store.put(stored);
    else if (type === 'DELETED') this.store.remove(stored);
    if (!isOld) this.#version = resourceVersion;
    this.#progressed = true;
    const changes = this.#check.missed(this.#version);
    if (changes === 0) return;
    this.#options.onEvent({ type: 'missed', kind: kind.kind, changes });
    throw this.#listAnew(`the watch of ${kind.plural} has missed ${count(changes, 'change')}`);
  }

  #expired(body: unknown): KcgError {
    const { message } = (body ?? {}) as KubeStatus;
    const { plural } = this.#options.kind;
    return this.#listAnew(`the server forgot version ${this.#version} of ${plural}: ${message ?? 'gone'}`);
  }

  #listAnew(why: string): KcgError {
    this.#version = undefined;
    return new KcgError('Conflict', why);
  }
}

function parseLine(line: string, { plural }: ResourceKind): { type: string; object: object } {
  try {
    const { type, object } = parseJson(line) as WatchLine;
    if (typeof type === 'string' && typeof object === 'object' && object !== null) return { type, object };
  } catch {
    // Falls through: a line that is not JSON and one that is no event are the same trouble.
  }
  throw new KcgError('Unavailable', `the watch of ${plural} sent a line that is no event`);
}
