import { unreachable } from '../../lib/assert.ts';
import { compareSequence, type KinesisRecord } from '../record.ts';
import { LAST_COUNT, parseSequence, SequenceSource } from '../sequence-number.ts';
import { EventLimit, ReadBudget, TokenBucket } from './rate-limit.ts';
import type { ChildShard, Shard } from '../shard.ts';
import type { HashRange } from '../hash-key.ts';
import { invalid } from './errors.ts';
import type { ReadPosition } from '../stream-client.ts';

const MIB = 1024 * 1024;
/** Most bytes of one GetRecords. */
const MAX_READ_BYTES = 10 * MIB;
/** What a shard takes at once of records larger than 1 MiB; the service's tank, refilled at the rate of writes. */
const BURST_BYTES = 10 * MIB;

export interface NewShard {
  number: number;
  range: HashRange;
  parents: readonly MemoryShard[];
  /** Ms since the epoch. */
  createdAt: number;
}

/**
 * One shard of the memory twin: its records in order, by position counted from the first record ever taken, and the
 * shard's rates (5 reads/s, 2 MB/s out, 1 MB/s and 1,000 records/s in).
 */
export class MemoryShard {
  readonly id: string;
  readonly range: HashRange;
  readonly createdAt: number;
  readonly reads = new EventLimit(5, 1000);
  readonly iterators = new EventLimit(5, 1000);
  readonly readBudget = new ReadBudget(2 * MIB);
  readonly #writtenBytes = new TokenBucket(MIB);
  readonly #burst = new TokenBucket(MIB, BURST_BYTES);
  readonly #writtenRecords = new TokenBucket(1000);
  readonly #createdAtSeconds: number;
  readonly #number: number;
  readonly #sequences: SequenceSource;
  readonly #description: Shard;
  /** Called when a record or the end has come. */
  readonly watchers = new Set<() => void>();
  #children: MemoryShard[] = [];
  #closedAt: number | undefined;
  #records: KinesisRecord[] = [];
  /** Position of `#records[0]`. */
  #base = 0;
  /** Position of the oldest record within retention. */
  #head = 0;

  constructor({ number, range, parents, createdAt }: NewShard) {
    this.id = shardIdOf(number);
    this.#number = number;
    this.range = range;
    this.createdAt = createdAt;
    const parentSeconds = parents.map((parent) => parent.#createdAtSeconds + 1);
    this.#createdAtSeconds = Math.max(Math.floor(createdAt / 1000), ...parentSeconds);
    this.#sequences = new SequenceSource({ shardNumber: number, createdAtSeconds: this.#createdAtSeconds });
    const [parent, adjacent] = parents;
    this.#description = {
      shardId: this.id,
      ...(parent ? { parentShardId: parent.id } : {}),
      ...(adjacent ? { adjacentParentShardId: adjacent.id } : {}),
      hashStart: range.start.toString(),
      hashEnd: range.end.toString(),
      startingSequence: this.#sequences.starting,
    };
  }

  describe(): Shard {
    return { ...this.#description };
  }

  get isOpen(): boolean {
    return this.#closedAt === undefined;
  }

  get closedAt(): number | undefined {
    return this.#closedAt;
  }

  get children(): ChildShard[] {
    return this.#children.map((child) => ({
      shardId: child.id,
      parents: [child.#description.parentShardId, child.#description.adjacentParentShardId].filter(
        (id) => id !== undefined,
      ),
      hashStart: child.#description.hashStart,
      hashEnd: child.#description.hashEnd,
    }));
  }

  /** Records within retention, oldest first. */
  get records(): readonly KinesisRecord[] {
    return this.#records.slice(this.#head - this.#base);
  }

  close(now: number, children: MemoryShard[]): void {
    this.#description.endingSequence = this.#sequences.ending(now);
    this.#closedAt = now;
    this.#children = children;
    for (const tell of this.watchers) tell();
  }

  covers(hashKey: bigint): boolean {
    return this.range.start <= hashKey && hashKey <= this.range.end;
  }

  /**
   * Whether the write rate allows one more record of `bytes`; takes it from the rate when it does. Records up to 1 MiB
   * keep to the rate of every second. Larger ones do not fit into that: they need only the burst, which all records
   * draw on, so that writes are 1 MiB/s on average.
   */
  admits(bytes: number, now: number): boolean {
    const buckets = bytes > MIB ? [this.#burst] : [this.#burst, this.#writtenBytes];
    if (!this.#writtenRecords.has(1, now) || !buckets.every((bucket) => bucket.has(bytes, now))) return false;
    this.#writtenRecords.take(1);
    for (const bucket of buckets) bucket.take(bytes);
    return true;
  }

  append(partitionKey: string, data: Uint8Array, now: number): string {
    const arrivedAt = Math.max(now, this.#records.at(-1)?.arrivedAt ?? 0);
    const sequence = this.#sequences.next(now);
    this.#records.push({ sequence, partitionKey, data, arrivedAt });
    for (const tell of this.watchers) tell();
    return sequence;
  }

  /** Forgets records that arrived before `horizon`. */
  trim(horizon: number): void {
    while (this.#head < this.#tip && this.#at(this.#head).arrivedAt < horizon) this.#head += 1;
    const dead = this.#head - this.#base;
    if (dead > 1024 && dead > this.#records.length / 2) {
      this.#records = this.#records.slice(dead);
      this.#base = this.#head;
    }
    if (this.#head === this.#tip && dead > 0) {
      this.#records = [];
      this.#base = this.#head;
    }
  }

  /**
   * The position of the first record to read.
   * @throws KcgError `InvalidInput` for a sequence number of another shard and for a time to come.
   */
  locate(position: ReadPosition, now: number): number {
    switch (position.at) {
      case 'TRIM_HORIZON':
        return this.#head;
      case 'LATEST':
        return this.#tip;
      case 'AT_TIMESTAMP':
        if (position.timestampMs > now) {
          throw invalid(
            'The timestampInMillis parameter cannot be greater than the currentTimestampInMillis.',
          );
        }
        return this.#search((record) => record.arrivedAt >= position.timestampMs);
      case 'AT_SEQUENCE_NUMBER':
        this.#checkOrigin(position.sequence);
        return this.#search((record) => compareSequence(record.sequence, position.sequence) >= 0);
      case 'AFTER_SEQUENCE_NUMBER':
        this.#checkOrigin(position.sequence);
        return this.#search((record) => compareSequence(record.sequence, position.sequence) > 0);
      default:
        return unreachable(position);
    }
  }

  /** What a subscription that has read up to `position` goes on after. */
  continuationAt(position: number, now: number): string {
    return this.#sequences.behind(position, now);
  }

  /** Up to `limit` records and `maxBytes` from `position` on, at least one when there is one. */
  read(position: number, limit: number, now: number, maxBytes = MAX_READ_BYTES) {
    const from = Math.max(position, this.#head);
    let bytes = 0;
    let to = from;
    while (to < this.#tip && to - from < limit) {
      const size = recordBytes(this.#at(to));
      if (to > from && bytes + size > maxBytes) break;
      bytes += size;
      to += 1;
    }
    const records = this.#records.slice(from - this.#base, to - this.#base);
    const atTip = to === this.#tip;
    // As the service says it: how old the last record read is; without one, how long the next has been waiting.
    const reached = records.at(-1)?.arrivedAt ?? (atTip ? now : this.#at(to).arrivedAt);
    return { records, bytes, next: to, atTip, millisBehindLatest: atTip ? 0 : Math.max(1, now - reached) };
  }

  get #tip(): number {
    return this.#base + this.#records.length;
  }

  #at(position: number): KinesisRecord {
    return this.#records[position - this.#base] as KinesisRecord;
  }

  #search(isReached: (record: KinesisRecord) => boolean): number {
    let low = this.#head;
    let high = this.#tip;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (isReached(this.#at(middle))) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #checkOrigin(sequence: string): void {
    const origin = parseSequence(sequence);
    const ours = origin?.shardNumber === this.#number && origin.createdAtSeconds === this.#createdAtSeconds;
    if (!ours || (origin.count > BigInt(this.#tip) && origin.count !== LAST_COUNT)) {
      throw invalid(
        `StartingSequenceNumber ${sequence} used in GetShardIterator on shard ${this.id} is invalid because it did not come from this stream.`,
      );
    }
  }
}

/** `shardId-` and the number in twelve digits, so that ids sort as their shards were made. */
function shardIdOf(number: number): string {
  return `shardId-${String(number).padStart(12, '0')}`;
}

function recordBytes(record: KinesisRecord): number {
  return record.data.length + record.partitionKey.length;
}
