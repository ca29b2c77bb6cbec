import type { Clock } from '../../lib/clock.ts';
import { hasCode } from '../../lib/errors.ts';
import { randomName, type Random } from '../../lib/random.ts';
import { KINDS, type EventInput, type KubeObject } from '../cluster.ts';
import { eventKey, eventObject, eventSeries } from '../event-object.ts';
import { resourcePath } from './paths.ts';
import type { KubeTransport } from './transport.ts';
import { TokenBucket } from '../../lib/token-bucket.ts';

export interface EventRecorderOptions {
  transport: Pick<KubeTransport, 'request'>;
  clock: Clock;
  random: Random;
  /** This process: the pod's name. */
  instance: string;
  /** Told of events that could not be written; they are lost. */
  onDrop: (thrown: unknown) => void;
}

interface Entry {
  input: EventInput;
  firstSeenAt: number;
  count: number;
  /** Set once the Event exists. */
  written?: { namespace: string; name: string };
  queued: boolean;
}

/** Repetitions within this time count up one Event; `kubectl` and client-go use the same ten minutes. */
const WINDOW_MS = 10 * 60_000;
const MAX_ENTRIES = 4_096;
const MAX_QUEUED = 1_000;
const RATE = { perSecond: 5, burst: 50 };

/** Writes Events in the background: repeated ones count up, too many are dropped, failures never reach the caller. */
export class KubeEventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #bucket: TokenBucket;
  readonly #entries = new Map<string, Entry>();
  readonly #queue: Entry[] = [];
  readonly #stop = new AbortController();
  #pump: Promise<void> | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#bucket = new TokenBucket({ clock: options.clock, ...RATE });
  }

  record(input: EventInput): void {
    const key = eventKey(input);
    const now = this.#options.clock.monotonic();
    const known = this.#entries.get(key);
    const entry: Entry =
      known && now - known.firstSeenAt < WINDOW_MS
        ? known
        : { input: slim(input), firstSeenAt: now, count: 0, queued: false };
    entry.count += 1;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    this.#forgetOld(now);
    if (entry.queued || this.#stop.signal.aborted) return;
    if (this.#queue.length >= MAX_QUEUED) {
      this.#options.onDrop(new Error('too many events are waiting'));
      return;
    }
    entry.queued = true;
    this.#queue.push(entry);
    this.#pump ??= this.#run();
  }

  /** Gives what is queued `graceMs` to be written. */
  async close(graceMs: number): Promise<void> {
    await this.#options.clock.sleep(0);
    if (this.#pump) {
      const done = new AbortController();
      const pumped = this.#pump.then(() => done.abort());
      await this.#options.clock.sleep(graceMs, { signal: done.signal });
      this.#stop.abort();
      await pumped;
    }
    this.#stop.abort();
  }

  async #run(): Promise<void> {
    // What is recorded in the same turn is counted before the first write.
    await Promise.resolve();
    for (let entry = this.#queue.shift(); entry; entry = this.#queue.shift()) {
      await this.#bucket.take({ signal: this.#stop.signal });
      entry.queued = false;
      if (this.#stop.signal.aborted) continue;
      try {
        await this.#write(entry);
      } catch (thrown) {
        this.#options.onDrop(thrown);
      }
    }
    this.#pump = undefined;
  }

  async #write(entry: Entry): Promise<void> {
    const { clock, random, instance } = this.#options;
    const now = clock.now();
    if (entry.written && (await this.#patch(entry.written, eventSeries(entry.count, now)))) return;
    const suffix = randomName(random, 12);
    const first = eventObject(entry.input, { instance, suffix, now });
    const object = entry.count > 1 ? { ...first, ...eventSeries(entry.count, now) } : first;
    await this.#create(object);
    entry.written = { namespace: object.metadata.namespace ?? '', name: object.metadata.name };
  }

  async #create(object: KubeObject): Promise<void> {
    await this.#options.transport.request({
      method: 'POST',
      verb: 'create',
      resource: `events ${object.metadata.namespace}/${object.metadata.name}`,
      path: resourcePath(KINDS.event, object.metadata.namespace),
      body: object,
      attempts: 2,
      signal: this.#stop.signal,
    });
  }

  /** False when the Event has expired. */
  async #patch({ namespace, name }: { namespace: string; name: string }, body: object): Promise<boolean> {
    try {
      await this.#options.transport.request({
        method: 'PATCH',
        verb: 'patch',
        resource: `events ${namespace}/${name}`,
        path: resourcePath(KINDS.event, namespace, name),
        contentType: 'application/merge-patch+json',
        body,
        attempts: 2,
        idempotent: true,
        signal: this.#stop.signal,
      });
      return true;
    } catch (thrown) {
      if (hasCode(thrown, 'NotFound')) return false;
      throw thrown;
    }
  }

  /** The first in the map has not been recorded for the longest time. */
  #forgetOld(now: number): void {
    for (const [key, { firstSeenAt }] of this.#entries) {
      if (this.#entries.size <= MAX_ENTRIES && now - firstSeenAt < WINDOW_MS) return;
      this.#entries.delete(key);
    }
  }
}

/** An entry outlives the object it is about, which may be large. */
function slim(input: EventInput): EventInput {
  const { apiVersion, kind, metadata } = input.regarding;
  const { name, namespace, uid, resourceVersion } = metadata;
  const place = namespace === undefined ? {} : { namespace };
  return { ...input, regarding: { apiVersion, kind, metadata: { name, ...place, uid, resourceVersion } } };
}
