import type { GetRecordsResult } from '../stream-client.ts';
import type { KinesisRecord } from '../record.ts';
import { RecordPlace, RecordView } from '../record-view.ts';
import {
  AsciiName,
  CborReader,
  MAJOR_ARRAY,
  MAJOR_BYTES,
  MAJOR_MAP,
  MAJOR_TEXT,
  MAJOR_UINT,
  MalformedCbor,
} from './cbor-reader.ts';
import { resultOf } from './json-answer.ts';

const SEQUENCE = new AsciiName('SequenceNumber');
const PARTITION_KEY = new AsciiName('PartitionKey');
const DATA = new AsciiName('Data');
const ARRIVED_AT = new AsciiName('ApproximateArrivalTimestamp');
const ENCRYPTION = new AsciiName('EncryptionType');
const NO_DATA = Buffer.alloc(0);
/** Of an item's head, at most. */
const HEAD_BYTES = 5;
/** Times are in ms (the AWS SDK for Java's UNIX_TIMESTAMP_MILLIS); of some emulators in seconds, as tag 1 of the RFC. */
const FIRST_MS = 100_000_000_000;

/** GetRecords' answer in CBOR, its records' data as views into `body`; undefined when it is none. */
export function readCborAnswer(body: Buffer): GetRecordsResult | undefined {
  const reader = new CborReader(body);
  let records: KinesisRecord[] | undefined;
  const members: Record<string, unknown> = {};
  for (let left = reader.enter(MAJOR_MAP); reader.more(left); left -= 1) {
    const name = reader.text();
    if (name === 'Records') records = readRecords(reader);
    else members[name] = reader.value();
  }
  return records && resultOf(records, members);
}

function readRecords(reader: CborReader): KinesisRecord[] {
  const records: KinesisRecord[] = [];
  const place = new RecordPlace(reader.bytes);
  for (let left = reader.enter(MAJOR_ARRAY); reader.more(left); left -= 1) {
    const start = reader.at;
    if (findFields(reader, place)) {
      records.push(new RecordView(place));
    } else {
      reader.at = start;
      records.push(recordOf(reader.value()));
    }
  }
  return records;
}

/** Finds where the next record has its fields; false when one of them does not lie there as it is. */
function findFields(reader: CborReader, place: RecordPlace): boolean {
  place.clear();
  for (let left = reader.enter(MAJOR_MAP); reader.more(left); left -= 1) {
    const name = reader.pass(MAJOR_TEXT);
    if (name < 0) return false;
    if (reader.hasPassed(SEQUENCE, name)) {
      place.sequenceAt = reader.pass(MAJOR_TEXT);
      if (place.sequenceAt < 0) return false;
      place.sequenceLength = reader.at - place.sequenceAt;
    } else if (reader.hasPassed(ARRIVED_AT, name)) {
      place.arrivedAt = timeOf(reader.value());
    } else if (reader.hasPassed(DATA, name)) {
      place.dataAt = reader.pass(MAJOR_BYTES);
      if (place.dataAt < 0) return false;
      place.dataBytes = reader.at - place.dataAt;
    } else if (reader.hasPassed(PARTITION_KEY, name)) {
      place.keyAt = reader.pass(MAJOR_TEXT);
      if (place.keyAt < 0) return false;
      place.keyBytes = reader.at - place.keyAt;
    } else if (reader.hasPassed(ENCRYPTION, name)) {
      place.encryptionType = encryptionOf(reader.value());
    } else {
      reader.value();
    }
  }
  if (place.sequenceLength === 0) throw withoutSequence();
  return true;
}

/** Whatever it is made of: texts in pieces, nulls. Data may be a text in base64: from kinesis-local 0.6.2, and the AWS SDK for Java takes it. */
function recordOf(members: unknown): KinesisRecord {
  const { SequenceNumber, PartitionKey, Data, ApproximateArrivalTimestamp, EncryptionType } =
    members as Record<string, unknown>;
  if (typeof SequenceNumber !== 'string' || SequenceNumber === '') throw withoutSequence();
  const isText = typeof Data === 'string';
  const record: KinesisRecord = {
    sequence: SequenceNumber,
    partitionKey: typeof PartitionKey === 'string' ? PartitionKey : '',
    data: isText ? Buffer.from(Data, 'base64') : Data instanceof Uint8Array ? Data : NO_DATA,
    arrivedAt: timeOf(ApproximateArrivalTimestamp),
  };
  const encryptionType = encryptionOf(EncryptionType);
  if (encryptionType) record.encryptionType = encryptionType;
  return record;
}

function timeOf(told: unknown): number {
  if (typeof told !== 'number') return 0;
  return Math.round(told < FIRST_MS ? told * 1000 : told);
}

function encryptionOf(told: unknown): KinesisRecord['encryptionType'] {
  return told === 'KMS' || told === 'NONE' ? told : undefined;
}

function withoutSequence(): MalformedCbor {
  return new MalformedCbor('a record without its sequence number');
}

/** A map of texts and whole numbers; members that are undefined are left out. */
export function encodeCborMap(members: Readonly<Record<string, string | number | undefined>>): Buffer {
  let length = HEAD_BYTES;
  let count = 0;
  for (const name in members) {
    const value = members[name];
    if (value === undefined) continue;
    count += 1;
    length +=
      2 * HEAD_BYTES + Buffer.byteLength(name) + (typeof value === 'string' ? Buffer.byteLength(value) : 0);
  }
  const to = Buffer.allocUnsafe(length);
  let at = writeHead(to, 0, MAJOR_MAP, count);
  for (const name in members) {
    const value = members[name];
    if (value === undefined) continue;
    at = writeText(to, at, name);
    at = typeof value === 'number' ? writeHead(to, at, MAJOR_UINT, value) : writeText(to, at, value);
  }
  return to.subarray(0, at);
}

function writeText(to: Buffer, at: number, text: string): number {
  const start = writeHead(to, at, MAJOR_TEXT, Buffer.byteLength(text));
  return start + to.write(text, start);
}

/** Returns where the next byte goes. */
function writeHead(to: Buffer, at: number, major: number, argument: number): number {
  const first = major << 5;
  if (argument < 24) return to.writeUInt8(first | argument, at);
  if (argument < 2 ** 8) return to.writeUInt8(argument, to.writeUInt8(first | 24, at));
  if (argument < 2 ** 16) return to.writeUInt16BE(argument, to.writeUInt8(first | 25, at));
  return to.writeUInt32BE(argument, to.writeUInt8(first | 26, at));
}
