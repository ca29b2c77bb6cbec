import { KcgError } from '../../lib/errors.ts';
import { abortError, type Clock } from '../../lib/clock.ts';
import { isHashKey } from '../hash-key.ts';
import { invalid, rateExceeded, shardNotFound, streamNotFound } from './errors.ts';
import { decodeIterator, encodeIterator } from './iterator.ts';
import { putMany, putOne, type PutEntry, type PutReceipt } from './put.ts';
import { decodeToken, listPage, type ListShardsPage, type ListShardsRequest } from './shard-list.ts';
import { MemoryStream } from './stream-state.ts';
import type { GetRecordsResult, ReadPosition, StreamSummary } from '../stream-client.ts';

/** What a call meets: a failure before it has an effect, or one after (the answer is lost). */
export type Fault = KcgError | { afterEffect: KcgError };

export interface MemoryKinesisOptions {
  clock: Clock;
  region?: string;
  accountId?: string;
  /** How long CREATING, UPDATING and DELETING last, ms. */
  transitionMs?: number;
  /** False lifts the rates of shards (5 reads/s, 2 MB/s out, 1 MB/s and 1,000 records/s in), for load tests. */
  limits?: boolean;
}

export interface CreateStreamRequest {
  name: string;
  /** 1–10,000; an on-demand stream starts with 4. */
  shardCount?: number | undefined;
  mode?: StreamSummary['mode'] | undefined;
  /** 1,024–10,240; default 1,024. */
  maxRecordKiB?: number | undefined;
  tags?: Readonly<Record<string, string>> | undefined;
}

const STREAM_ARN = /^arn:[^:]+:kinesis:([^:]*):(\d{12}):stream\/([a-zA-Z0-9_.-]{1,128})$/;
/** Between two looks at a stream that is waited for. */
const LOOK_MS = 50;
const MAX_SHARDS = 10_000;
const MIN_RECORD_KIB = 1024;
const MAX_RECORD_KIB = 10_240;

/**
 * Kinesis in memory: the streams of one account in one region, with the service's rules and rates, on an injected
 * clock. Methods act at once and throw `KcgError`; `call` puts latency and faults around them, and is what the
 * clients built on this (`memoryStreamClient`, the local server) go through.
 */
export class MemoryKinesis {
  readonly clock: Clock;
  readonly region: string;
  readonly accountId: string;
  /** Asked at each call; set it to make calls fail. Operations have the service's names. */
  faults: ((operation: string, shardId?: string) => Fault | undefined) | undefined;
  /** Asked twice at each call, for the way there and the way back, ms. */
  latencyMs: ((operation: string, shardId?: string) => number) | undefined;
  limits: boolean;
  readonly #transitionMs: number;
  readonly #streams = new Map<string, MemoryStream>();

  constructor(options: MemoryKinesisOptions) {
    this.clock = options.clock;
    this.region = options.region ?? 'us-east-1';
    this.accountId = options.accountId ?? '000000000000';
    this.limits = options.limits ?? true;
    this.#transitionMs = options.transitionMs ?? 500;
  }

  /** Runs `work` as a call over a network: latency, perhaps a fault, `work`, latency. */
  async call<T>(
    operation: string,
    shardId: string | undefined,
    signal: AbortSignal | undefined,
    work: () => T,
  ): Promise<T> {
    await this.#travel(operation, shardId, signal);
    const fault = this.faults?.(operation, shardId);
    if (fault instanceof KcgError) throw fault;
    const result = work();
    await this.#travel(operation, shardId, signal);
    if (fault) throw fault.afterEffect;
    return result;
  }

  async #travel(
    operation: string,
    shardId: string | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const ms = this.latencyMs?.(operation, shardId) ?? 0;
    if (ms > 0) await this.clock.sleep(ms, { signal });
    if (signal?.aborted) throw abortError(signal);
  }

  createStream(request: CreateStreamRequest): void {
    const { name, shardCount, mode = 'PROVISIONED', maxRecordKiB = MIN_RECORD_KIB, tags = {} } = request;
    if (!/^[a-zA-Z0-9_.-]{1,128}$/.test(name)) {
      throw invalid(
        `1 validation error detected: Value '${name}' at 'streamName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+`,
      );
    }
    const count = shardCount ?? (mode === 'ON_DEMAND' ? 4 : 1);
    if (!Number.isInteger(count) || count < 1 || count > MAX_SHARDS) {
      throw invalid(`ShardCount must be between 1 and ${MAX_SHARDS}, not ${count}`);
    }
    requireRecordSize(maxRecordKiB);
    if (this.#find(name)) {
      throw new KcgError('Conflict', `Stream ${name} under account ${this.accountId} already exists.`, {
        resource: `stream ${name}`,
      });
    }
    const { accountId, region } = this;
    const arn = `arn:aws:kinesis:${region}:${accountId}:stream/${name}`;
    const createdAt = this.clock.now();
    this.#streams.set(
      name,
      new MemoryStream({
        name,
        arn,
        accountId,
        createdAt,
        shardCount: count,
        mode,
        maxRecordKiB,
        tags,
        transitionMs: this.#transitionMs,
      }),
    );
  }

  /** Resolves when the stream is no longer CREATING, or when `signal` aborts. */
  async whenCreated(name: string, { signal }: { signal?: AbortSignal } = {}): Promise<void> {
    while (this.describe(name).status === 'CREATING' && !signal?.aborted)
      await this.clock.sleep(LOOK_MS, { signal });
  }

  deleteStream(name: string): void {
    const stream = this.stream(name);
    if (stream.status === 'CREATING') stream.requireActive();
    stream.delete(this.clock.now());
  }

  /** The stream itself, brought up to now. */
  stream(name: string): MemoryStream {
    const stream = this.#find(name);
    if (!stream) throw streamNotFound({ name, accountId: this.accountId });
    return stream;
  }

  /**
   * The name in an ARN of this account and region.
   * @throws KcgError `InvalidInput` for what is no stream's ARN, `NotFound` for a stream that is somewhere else
   */
  nameOf(arn: string): string {
    const [, region, accountId = '', name] = STREAM_ARN.exec(arn) ?? [];
    if (name === undefined) throw invalid(`StreamARN ${arn} is not the ARN of a stream.`);
    const isHere = accountId === this.accountId && region === this.region;
    if (isHere || this.#find(name)?.aliases.has(arn)) return name;
    throw streamNotFound({ name, accountId });
  }

  describe(name: string): StreamSummary {
    return this.stream(name).summary();
  }

  /** All names, sorted. */
  listStreams(): string[] {
    return [...this.#streams.keys()].filter((name) => this.#find(name)).sort();
  }

  /** @throws KcgError `Conflict` while the stream is CREATING or DELETING */
  listShards(name: string, request: ListShardsRequest = {}): ListShardsPage {
    const stream = this.stream(name);
    stream.requireUsable();
    return listPage(stream, request, this.clock.now());
  }

  /** The page after the one that came with `token`. */
  listMoreShards(token: string, maxResults?: number): ListShardsPage {
    const { stream, request } = decodeToken(token, this.clock.now());
    return this.listShards(stream, { ...request, maxResults });
  }

  putRecord(name: string, entry: PutEntry): PutReceipt {
    return putOne(this.stream(name), entry, this.clock.now(), this.limits);
  }

  /** Up to 500 records and 10 MiB. */
  putRecords(name: string, entries: readonly PutEntry[]): (PutReceipt | KcgError)[] {
    return putMany(this.stream(name), entries, this.clock.now(), this.limits);
  }

  getIterator(name: string, shardId: string, position: ReadPosition): string {
    const now = this.clock.now();
    const stream = this.stream(name);
    stream.requireUsable();
    const shard = stream.shard(shardId);
    if (this.limits && !shard.iterators.tryTake(now)) throw rateExceeded(shardId, stream);
    shard.trim(stream.horizon(now));
    const located = shard.locate(position, now);
    return encodeIterator({
      stream: name,
      streamCreatedAt: stream.createdAt,
      shardId,
      position: located,
      issuedAt: now,
    });
  }

  getRecords(iterator: string, limit = 10_000): GetRecordsResult {
    const now = this.clock.now();
    if (!Number.isInteger(limit) || limit < 1 || limit > 10_000) {
      throw invalid(
        `1 validation error detected: Value '${limit}' at 'limit' failed to satisfy constraint: Member must have value between 1 and 10000`,
      );
    }
    const content = decodeIterator(iterator, now);
    const stream = this.stream(content.stream);
    stream.requireUsable();
    const { shardId } = content;
    if (content.streamCreatedAt !== stream.createdAt) throw shardNotFound(shardId, stream);
    const shard = stream.shard(shardId);
    if (this.limits && (!shard.readBudget.allows(now) || !shard.reads.tryTake(now)))
      throw rateExceeded(shardId, stream);
    shard.trim(stream.horizon(now));
    const { records, bytes, next, atTip, millisBehindLatest } = shard.read(content.position, limit, now);
    shard.readBudget.spend(bytes, now);
    if (atTip && !shard.isOpen) return { records, millisBehindLatest, childShards: shard.children };
    const nextIterator = encodeIterator({ ...content, position: next, issuedAt: now });
    return { records, millisBehindLatest, nextIterator, childShards: [] };
  }

  splitShard(name: string, shardId: string, newStartingHashKey: string): void {
    if (!isHashKey(newStartingHashKey))
      throw invalid(`NewStartingHashKey ${newStartingHashKey} is not a hash key.`);
    this.stream(name).split(shardId, BigInt(newStartingHashKey), this.clock.now());
  }

  mergeShards(name: string, shardId: string, adjacentShardId: string): void {
    this.stream(name).merge(shardId, adjacentShardId, this.clock.now());
  }

  /** Even shards, at most twice and at least half of the open ones. */
  updateShardCount(name: string, target: number): void {
    if (!Number.isInteger(target) || target < 1 || target > MAX_SHARDS)
      throw invalid(`TargetShardCount must be between 1 and ${MAX_SHARDS}, not ${target}`);
    this.stream(name).setShardCount(target, this.clock.now());
  }

  /** 24–8,760 hours; each of the two operations goes one way only, as at the service. */
  setRetention(name: string, hours: number, direction: 'increase' | 'decrease'): void {
    const stream = this.stream(name);
    const bounds = `Requested retention period (${hours} hours) for stream ${name}`;
    if (!Number.isInteger(hours) || hours > 8760)
      throw invalid(`${bounds} exceeds the maximum of 8760 hours.`);
    if (hours < 24) throw invalid(`${bounds} is below the minimum of 24 hours.`);
    const isWrongWay =
      direction === 'increase' ? hours < stream.retentionHours : hours > stream.retentionHours;
    if (isWrongWay)
      throw invalid(`${bounds} must ${direction} the existing one (${stream.retentionHours} hours).`);
    stream.setRetention(hours, this.clock.now());
  }

  /** 1,024–10,240 KiB. */
  setMaxRecord(name: string, kib: number): void {
    requireRecordSize(kib);
    this.stream(name).setMaxRecord(kib, this.clock.now());
  }

  setMode(name: string, mode: StreamSummary['mode']): void {
    this.stream(name).setMode(mode, this.clock.now());
  }

  /** At most 50 tags on a stream. */
  addTags(name: string, tags: Readonly<Record<string, string>>): void {
    const stream = this.stream(name);
    const all = new Set([...stream.tags.keys(), ...Object.keys(tags)]);
    if (all.size > 50) throw invalid(`Failed to add tags to stream ${name}: a stream has at most 50 tags.`);
    for (const [key, value] of Object.entries(tags)) stream.tags.set(key, value);
  }

  removeTags(name: string, keys: readonly string[]): void {
    const stream = this.stream(name);
    for (const key of keys) stream.tags.delete(key);
  }

  #find(name: string): MemoryStream | undefined {
    const stream = this.#streams.get(name);
    stream?.settle(this.clock.now());
    if (!stream?.deleted) return stream;
    this.#streams.delete(name);
    return undefined;
  }
}

function requireRecordSize(kib: number): void {
  if (Number.isInteger(kib) && kib >= MIN_RECORD_KIB && kib <= MAX_RECORD_KIB) return;
  throw invalid(
    `1 validation error detected: Value '${kib}' at 'maxRecordSizeInKiB' failed to satisfy constraint: Member must have value between ${MIN_RECORD_KIB} and ${MAX_RECORD_KIB}`,
  );
}
