import type { GetRecordsResult } from '../stream-client.ts';
import type { KinesisRecord } from '../record.ts';
import { CborReader, MAJOR_ARRAY, MAJOR_MAP, MAJOR_TEXT, MAJOR_UINT, MalformedCbor } from './cbor-reader.ts';
import { resultOf } from './json-answer.ts';

const RECORDS = Buffer.from('Records');
const SEQUENCE = Buffer.from('SequenceNumber');
const PARTITION_KEY = Buffer.from('PartitionKey');
const DATA = Buffer.from('Data');
const ARRIVED_AT = Buffer.from('ApproximateArrivalTimestamp');
const ENCRYPTION = Buffer.from('EncryptionType');
const NO_DATA = Buffer.alloc(0);
/** Times are in ms (the AWS SDK for Java's UNIX_TIMESTAMP_MILLIS); of some emulators in seconds, as tag 1 of the RFC. */
const FIRST_MS = 100_000_000_000;

/** GetRecords' answer in CBOR, its records' data as views into `body`; undefined when it is none. */
export function readCborAnswer(body: Buffer): GetRecordsResult | undefined {
  const reader = new CborReader(body);
  let records: KinesisRecord[] | undefined;
  const members: Record<string, unknown> = {};
  for (let left = reader.enter(MAJOR_MAP); reader.more(left); left -= 1) {
    if (reader.passText(RECORDS)) records = readRecords(reader);
    else members[reader.text()] = reader.value();
  }
  return records && resultOf(records, members);
}

function readRecords(reader: CborReader): KinesisRecord[] {
  const records: KinesisRecord[] = [];
  for (let left = reader.enter(MAJOR_ARRAY); reader.more(left); left -= 1) records.push(readRecord(reader));
  return records;
}

function readRecord(reader: CborReader): KinesisRecord {
  let sequence = '';
  let partitionKey = '';
  let data: Buffer = NO_DATA;
  let arrivedAt = 0;
  let encryptionType: unknown;
  for (let left = reader.enter(MAJOR_MAP); reader.more(left); left -= 1) {
    if (reader.passText(SEQUENCE)) sequence = reader.text();
    else if (reader.passText(ARRIVED_AT)) arrivedAt = reader.passNull() ? 0 : reader.number();
    else if (reader.passText(DATA)) data = readData(reader);
    else if (reader.passText(PARTITION_KEY)) partitionKey = reader.passNull() ? '' : reader.text();
    else if (reader.passText(ENCRYPTION)) encryptionType = reader.value();
    else {
      reader.text();
      reader.value();
    }
  }
  if (sequence === '') throw new MalformedCbor('a record without its sequence number');
  arrivedAt = Math.round(arrivedAt < FIRST_MS ? arrivedAt * 1000 : arrivedAt);
  const record: KinesisRecord = { sequence, partitionKey, data, arrivedAt };
  if (encryptionType === 'KMS' || encryptionType === 'NONE') record.encryptionType = encryptionType;
  return record;
}

/** Bytes; from kinesis-local 0.6.2 a text in base64, which the AWS SDK for Java takes, too. */
function readData(reader: CborReader): Buffer {
  return reader.isText() ? Buffer.from(reader.text(), 'base64') : reader.data();
}

/** A map of texts and whole numbers; members that are undefined are left out. */
export function encodeCborMap(members: Readonly<Record<string, string | number | undefined>>): Buffer {
  const entries = Object.entries(members).filter(([, value]) => value !== undefined);
  const parts = entries.flatMap(([name, value]) => [
    ...textItem(name),
    ...(typeof value === 'number' ? [head(MAJOR_UINT, value)] : textItem(value!)),
  ]);
  return Buffer.concat([head(MAJOR_MAP, entries.length), ...parts]);
}

function textItem(text: string): Buffer[] {
  const bytes = Buffer.from(text);
  return [head(MAJOR_TEXT, bytes.length), bytes];
}

function head(major: number, argument: number): Buffer {
  const first = major << 5;
  if (argument < 24) return Buffer.of(first | argument);
  if (argument < 2 ** 8) return Buffer.of(first | 24, argument);
  if (argument < 2 ** 16) return Buffer.of(first | 25, argument >> 8, argument & 0xff);
  return Buffer.of(
    first | 26,
    (argument >>> 24) & 0xff,
    (argument >> 16) & 0xff,
    (argument >> 8) & 0xff,
    argument & 0xff,
  );
}
