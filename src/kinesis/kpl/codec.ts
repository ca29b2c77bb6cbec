import { hash } from 'node:crypto';
import {
  FieldReader,
  MalformedMessage,
  varintSize,
  WIRE_BYTES,
  WIRE_VARINT,
  writeVarint,
} from './protobuf.ts';

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
 * The user records of an aggregate, their data as views into `data`, or undefined when `data` is a plain record: no
 * magic, a bad digest or a message that does not parse. Never throws.
 */
export function decodeAggregate(data: Uint8Array): KplRecord[] | undefined {
  if (!startsWithMagic(data)) return undefined;
  const end = data.length - DIGEST_BYTES;
  const digest = hash('md5', data.subarray(MAGIC.length, end), 'buffer');
  if (digest.compare(data, end) !== 0) return undefined;
  try {
    return decodeMessage(data, MAGIC.length, end);
  } catch (error) {
    if (error instanceof MalformedMessage) return undefined;
    throw error;
  }
}

function startsWithMagic(data: Uint8Array): boolean {
  return data.length >= MAGIC.length + DIGEST_BYTES && MAGIC.every((byte, index) => data[index] === byte);
}

interface RawRecord {
  partitionKeyIndex: number;
  explicitHashKeyIndex: number | undefined;
  data: Uint8Array;
}

function decodeMessage(bytes: Uint8Array, start: number, end: number): KplRecord[] {
  const partitionKeys: string[] = [];
  const explicitHashKeys: string[] = [];
  const raw: RawRecord[] = [];
  const reader = new FieldReader(bytes, start, end);
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === ((1 << 3) | WIRE_BYTES)) partitionKeys.push(text(bytes, reader.bytes(), reader.position));
    else if (tag === ((2 << 3) | WIRE_BYTES))
      explicitHashKeys.push(text(bytes, reader.bytes(), reader.position));
    else if (tag === ((3 << 3) | WIRE_BYTES)) raw.push(decodeRecord(bytes, reader.bytes(), reader.position));
    else reader.skip(tag & 7);
  }
  return raw.map(({ partitionKeyIndex, explicitHashKeyIndex, data }) => {
    const partitionKey = entry(partitionKeys, partitionKeyIndex);
    // It places the aggregate and is of no use behind that: what is wrong with it is no reason to hide the records.
    const explicitHashKey =
      explicitHashKeyIndex === undefined ? undefined : explicitHashKeys[explicitHashKeyIndex];
    return explicitHashKey === undefined ? { partitionKey, data } : { partitionKey, explicitHashKey, data };
  });
}

function decodeRecord(bytes: Uint8Array, start: number, end: number): RawRecord {
  let partitionKeyIndex: number | undefined;
  let explicitHashKeyIndex: number | undefined;
  let data: Uint8Array | undefined;
  const reader = new FieldReader(bytes, start, end);
  while (!reader.done) {
    const tag = reader.varint();
    if (tag === ((1 << 3) | WIRE_VARINT)) partitionKeyIndex = reader.varint();
    else if (tag === ((2 << 3) | WIRE_VARINT)) explicitHashKeyIndex = reader.varint();
    else if (tag === ((3 << 3) | WIRE_BYTES)) data = bytes.subarray(reader.bytes(), reader.position);
    else reader.skip(tag & 7);
  }
  if (partitionKeyIndex === undefined || !data) throw new MalformedMessage('record without key or data');
  return { partitionKeyIndex, explicitHashKeyIndex, data };
}

function entry(table: readonly string[], index: number): string {
  const value = table[index];
  if (value === undefined) throw new MalformedMessage(`no key ${index}`);
  return value;
}

function text(bytes: Uint8Array, start: number, end: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('utf8');
}

/** One aggregate of `records`. The caller sees to it that it fits into a Kinesis record (1 MiB). */
export function encodeAggregate(records: readonly KplRecord[]): Uint8Array {
  const partitionKeys = new Map<string, number>();
  const explicitHashKeys = new Map<string, number>();
  const raw = records.map((record) => ({
    partitionKeyIndex: indexIn(partitionKeys, record.partitionKey),
    explicitHashKeyIndex:
      record.explicitHashKey === undefined ? undefined : indexIn(explicitHashKeys, record.explicitHashKey),
    data: record.data,
  }));
  const tables = [tableFields(1, partitionKeys), tableFields(2, explicitHashKeys)].flat();
  const fields = [...tables, ...raw.map((record) => bytesField(3, encodeRecord(record)))];
  const message = Buffer.concat(fields);
  return Buffer.concat([Uint8Array.from(MAGIC), message, hash('md5', message, 'buffer')]);
}

function indexIn(table: Map<string, number>, key: string): number {
  const index = table.get(key) ?? table.size;
  table.set(key, index);
  return index;
}

function tableFields(field: number, table: ReadonlyMap<string, number>): Uint8Array[] {
  return [...table.keys()].map((key) => bytesField(field, Buffer.from(key)));
}

function encodeRecord({ partitionKeyIndex, explicitHashKeyIndex, data }: RawRecord): Uint8Array {
  const key = varintField(1, partitionKeyIndex);
  const hashKey = explicitHashKeyIndex === undefined ? [] : [varintField(2, explicitHashKeyIndex)];
  return Buffer.concat([key, ...hashKey, bytesField(3, data)]);
}

function varintField(field: number, value: number): Uint8Array {
  const target = new Uint8Array(1 + varintSize(value));
  target[0] = (field << 3) | WIRE_VARINT;
  writeVarint(target, 1, value);
  return target;
}

function bytesField(field: number, content: Uint8Array): Uint8Array {
  const target = new Uint8Array(1 + varintSize(content.length) + content.length);
  target[0] = (field << 3) | WIRE_BYTES;
  target.set(content, writeVarint(target, 1, content.length));
  return target;
}
