import { hash } from 'node:crypto';
import type { KinesisRecord } from '../record.ts';
import { RecordView } from '../record-view.ts';
import { FieldReader, MalformedMessage, WIRE_BYTES, WIRE_VARINT } from './protobuf.ts';

/**
 * The KPL's aggregate format: the magic F3 89 9A C2, a protobuf message, the message's MD5.
 *
 *     message AggregatedRecord {
 *       repeated string partition_key_table = 1;
 *       repeated string explicit_hash_key_table = 2;
 *       repeated Record records = 3;
 *     }
 *     message Record {
 *       required uint64 partition_key_index = 1;
 *       optional uint64 explicit_hash_key_index = 2;
 *       required bytes data = 3;
 *     }
 *
 * Source: awslabs/amazon-kinesis-producer `aggregation-format.md`.
 */
export interface KplRecord {
  partitionKey: string;
  /** As the producer wrote it; the KPL writes decimal 128-bit numbers, others anything. */
  explicitHashKey?: string;
  data: Uint8Array;
}

const MAGIC = [0xf3, 0x89, 0x9a, 0xc2] as const;
const DIGEST_BYTES = 16;

/**
 * The user records of an aggregate, or undefined when `data` is a plain record: no magic, a bad digest or a message that
 * does not parse. Never throws.
 */
export function decodeAggregate(data: Uint8Array): Aggregate | undefined {
  if (data.length < MAGIC.length + DIGEST_BYTES || MAGIC.some((byte, index) => data[index] !== byte))
    return undefined;
  const end = data.length - DIGEST_BYTES;
  const digest = hash('md5', data.subarray(MAGIC.length, end), 'buffer');
  if (digest.compare(data, end) !== 0) return undefined;
  try {
    return new Aggregate(data, MAGIC.length, end);
  } catch (error) {
    if (error instanceof MalformedMessage) return undefined;
    throw error;
  }
}

/** False for most plain records, without making anything of their data. */
export function mayBeAggregate(record: KinesisRecord): boolean {
  return record instanceof RecordView ? record.begins(MAGIC) : true;
}

const NO_HASH_KEY = -1;
/** Numbers that are kept of each user record: the index of its key, of its explicit hash key, where its data begins and its length. */
const NUMBERS = 4;

/** User records where they lie in an aggregate, by their index; their data are views of it. */
export class Aggregate {
  readonly #bytes: Uint8Array;
  readonly #partitionKeys: string[] = [];
  readonly #explicitHashKeys: string[] = [];
  readonly #numbers: number[] = [];

  /** @throws MalformedMessage for what is no such message between `start` and `end` */
  constructor(bytes: Uint8Array, start: number, end: number) {
    this.#bytes = bytes;
    const reader = new FieldReader(bytes, start, end);
    while (!reader.done) {
      const tag = reader.varint();
      if (tag === ((3 << 3) | WIRE_BYTES)) this.#addRecord(reader);
      else if (tag === ((1 << 3) | WIRE_BYTES))
        this.#partitionKeys.push(text(bytes, reader.bytes(), reader.position));
      else if (tag === ((2 << 3) | WIRE_BYTES))
        this.#explicitHashKeys.push(text(bytes, reader.bytes(), reader.position));
      else reader.skip(tag & 7);
    }
    for (let index = 0; index < this.length; index += 1) {
      const key = this.#numbers[index * NUMBERS]!;
      if (this.#partitionKeys[key] === undefined) throw new MalformedMessage(`no key ${key}`);
    }
  }

  get length(): number {
    return this.#numbers.length / NUMBERS;
  }

  /** All of them. */
  records(): KplRecord[] {
    return Array.from({ length: this.length }, (_, index) => {
      const [partitionKey, explicitHashKey] = [this.partitionKey(index), this.explicitHashKey(index)];
      const data = this.data(index);
      return explicitHashKey === undefined ? { partitionKey, data } : { partitionKey, explicitHashKey, data };
    });
  }

  partitionKey(index: number): string {
    return this.#partitionKeys[this.#numbers[index * NUMBERS]!]!;
  }

  /** It places the aggregate and is of no use behind that: what is wrong with it is no reason to hide the records. */
  explicitHashKey(index: number): string | undefined {
    return this.#explicitHashKeys[this.#numbers[index * NUMBERS + 1]!];
  }

  data(index: number): Uint8Array {
    const start = this.#numbers[index * NUMBERS + 2]!;
    return this.#bytes.subarray(start, start + this.dataBytes(index));
  }

  dataBytes(index: number): number {
    return this.#numbers[index * NUMBERS + 3]!;
  }

  #addRecord(reader: FieldReader): void {
    let partitionKeyIndex = -1;
    let explicitHashKeyIndex = NO_HASH_KEY;
    let dataAt = -1;
    let dataBytes = 0;
    const outerEnd = reader.enter();
    while (!reader.done) {
      const tag = reader.varint();
      if (tag === ((1 << 3) | WIRE_VARINT)) partitionKeyIndex = reader.varint();
      else if (tag === ((2 << 3) | WIRE_VARINT)) explicitHashKeyIndex = reader.varint();
      else if (tag === ((3 << 3) | WIRE_BYTES)) {
        dataAt = reader.bytes();
        dataBytes = reader.position - dataAt;
      } else reader.skip(tag & 7);
    }
    reader.leave(outerEnd);
    if (partitionKeyIndex < 0 || dataAt < 0) throw new MalformedMessage('record without key or data');
    this.#numbers.push(partitionKeyIndex, explicitHashKeyIndex, dataAt, dataBytes);
  }
}

function text(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}
