import { KcgError } from '../../lib/errors.ts';
import { Wakeup } from '../../lib/loop.ts';
import type { SubscribeRequest, Subscription, SubscriptionEvent } from '../stream-client.ts';
import { shardNotFound, subscriptionInUse } from './errors.ts';
import type { MemoryShard } from './shard.ts';
import type { MemoryStream } from './stream-state.ts';
import type { MemoryKinesis } from './stream.ts';

/** A subscription lives as long, ms. */
const LIFE_MS = 300_000;
/** Without records it gives a sign of life as often, ms. */
const SIGN_OF_LIFE_MS = 5_000;
/** Reshards and deletions come to be when somebody looks, ms. */
const LOOK_MS = 1_000;
const EVENT_BYTES = 1024 * 1024;
const EVENT_RECORDS = 1_000;
const BYTES_PER_SECOND = 2 * 1024 * 1024;

/** The consumer's ARN begins with that of its stream. */
const CONSUMER_ARN = /^(arn:[^:]+:kinesis:[^:]*:\d{12}:stream\/[a-zA-Z0-9_.-]+)\/consumer\/[^:/]+:\d+$/;

/** The stream that a consumer's ARN is of; undefined for other text. */
export function streamArnOf(consumerArn: string): string | undefined {
  return CONSUMER_ARN.exec(consumerArn)?.[1];
}

/**
 * SubscribeToShard: one successful call per consumer and shard in five seconds; a later one ends the one before.
 * @throws KcgError `NotFound`, `InvalidInput`, and `Conflict` while the consumer is not ACTIVE or called again too soon
 */
export function subscribe(
  kinesis: MemoryKinesis,
  streamName: string,
  request: SubscribeRequest,
): MemorySubscription {
  const now = kinesis.clock.now();
  const { consumerArn, shardId, position } = request;
  const stream = kinesis.stream(streamName);
  stream.requireUsable();
  const shard = stream.shard(shardId);
  shard.trim(stream.horizon(now));
  const from = shard.locate(position, now);
  stream.consumers.requireFree(consumerArn, shardId, now, () => subscriptionInUse(consumerArn, shardId));
  const subscription = new MemorySubscription({ kinesis, stream, shard, consumerArn, from });
  stream.consumers.subscribed(consumerArn, shardId, subscription, now);
  return subscription;
}

interface SubscriptionOptions {
  kinesis: MemoryKinesis;
  stream: MemoryStream;
  shard: MemoryShard;
  consumerArn: string;
  from: number;
}

/** One subscription of the memory twin, as far as it has been asked for: what is not asked for is not sent. */
export class MemorySubscription implements Subscription {
  readonly #options: SubscriptionOptions;
  readonly #wakeup = new Wakeup();
  readonly #closed = new AbortController();
  readonly #endsAt: number;
  #position: number;
  /** What it has sent is paid off, by the rate of the shard. */
  #freeAt = -Infinity;
  #failure: KcgError | undefined;
  #isOver = false;

  constructor(options: SubscriptionOptions) {
    this.#options = options;
    this.#position = options.from;
    this.#endsAt = options.kinesis.clock.now() + LIFE_MS;
  }

  /** In-stream: the next event is this error. */
  fail(error: KcgError): void {
    this.#failure ??= error;
    this.#wakeup.wake();
  }

  takeOver(): void {
    this.fail(subscriptionInUse(this.#options.consumerArn, this.#options.shard.id));
  }

  close(): void {
    this.#isOver = true;
    this.#closed.abort();
    this.#wakeup.wake();
  }

  /** Undefined when it is over. @throws KcgError what a real one sends as an exception in the stream */
  async next(): Promise<SubscriptionEvent | undefined> {
    const { kinesis, shard } = this.#options;
    const { clock } = kinesis;
    const delayMs = kinesis.latencyMs?.('SubscribeToShardEvent', shard.id) ?? 0;
    if (delayMs > 0) await clock.sleep(delayMs, { signal: this.#closed.signal });
    const signOfLifeAt = clock.now() + SIGN_OF_LIFE_MS;
    const wake = () => this.#wakeup.wake();
    shard.watchers.add(wake);
    try {
      for (;;) {
        const event = this.#look(signOfLifeAt);
        if (event !== 'nothing yet') return event;
        const now = clock.now();
        const wanted = now < this.#freeAt ? this.#freeAt : Math.min(signOfLifeAt, now + LOOK_MS);
        const waitMs = Math.max(1, Math.min(wanted, this.#endsAt) - now);
        await this.#wakeup.sleep(clock, waitMs, this.#closed.signal);
      }
    } finally {
      shard.watchers.delete(wake);
    }
  }

  #look(signOfLifeAt: number): SubscriptionEvent | undefined | 'nothing yet' {
    const { kinesis, stream, shard } = this.#options;
    const now = kinesis.clock.now();
    if (this.#isOver || now >= this.#endsAt) {
      this.#isOver = true;
      return undefined;
    }
    const fault = kinesis.faults?.('SubscribeToShardEvent', shard.id);
    const failure = fault instanceof KcgError ? fault : (fault?.afterEffect ?? this.#failure);
    if (failure) {
      this.#isOver = true;
      throw failure;
    }
    if (kinesis.stream(stream.name).createdAt !== stream.createdAt) throw shardNotFound(shard.id, stream);
    shard.trim(stream.horizon(now));
    if (now < this.#freeAt) return 'nothing yet';
    const read = shard.read(this.#position, EVENT_RECORDS, now, EVENT_BYTES);
    const isEnd = read.atTip && !shard.isOpen;
    if (read.records.length === 0 && !isEnd && now < signOfLifeAt) return 'nothing yet';
    this.#position = read.next;
    if (kinesis.limits) this.#freeAt = now + (read.bytes / BYTES_PER_SECOND) * 1000;
    const { records, millisBehindLatest } = read;
    this.#isOver = isEnd;
    if (isEnd) return { records, millisBehindLatest, childShards: shard.children };
    const continuation = shard.continuationAt(read.next, now);
    return { records, continuation, millisBehindLatest, childShards: [] };
  }
}
