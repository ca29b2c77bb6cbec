/** A record as Kinesis stores it. Name the members that are wanted: a copy by spreading lacks those that are made when they are asked for. */
export interface KinesisRecord {
  /** Decimal string, up to 128 digits; compare with `compareSequence`. */
  sequence: string;
  partitionKey: string;
  data: Uint8Array;
  /** Ms since the epoch; when the stream took the record. 0 = the answer does not say, as of some emulators: see `ageOf`. */
  arrivedAt: number;
  encryptionType?: 'NONE' | 'KMS' | undefined;
  /** The length of `data`, and that of `partitionKey` in UTF-8, where they are known before these are made: see `dataSizeOf`. */
  dataBytes?: number;
  keyBytes?: number;
}

/** A record as a handler sees it: one user record of a KPL aggregate, or the Kinesis record itself. */
export interface UserRecord extends KinesisRecord {
  /** Position within a KPL aggregate, or of a payload (`payload-position.ts`); absent on a plain record. */
  subSequence?: number;
  /** Why its data is not what the group's format says; absent when it is, as far as that is known. */
  undecodable?: string;
  /** What its data is by the group's format, from when it is delivered; absent where the format says no more than bytes. */
  value?: unknown;
  explicitHashKey?: string | undefined;
}

/** What is to be kept of a record that is done: the record itself may be a view that keeps a whole answer. */
export type RecordPosition = Pick<UserRecord, 'sequence' | 'subSequence'>;

/** Records in order. What an array can do, though they may be made only when they are asked for. */
export interface RecordList extends Iterable<UserRecord> {
  readonly length: number;
  /** Negative: from the end. */
  at(index: number): UserRecord | undefined;
  slice(start: number, end: number): UserRecord[];
}

/** A copy with every member made. */
export function copyOf(record: UserRecord): UserRecord {
  const { sequence, subSequence, partitionKey, explicitHashKey, data, arrivedAt, encryptionType } = record;
  const { undecodable } = record;
  return {
    sequence,
    ...(subSequence === undefined ? {} : { subSequence }),
    partitionKey,
    ...(explicitHashKey === undefined ? {} : { explicitHashKey }),
    data,
    arrivedAt,
    ...(encryptionType === undefined ? {} : { encryptionType }),
    ...(undecodable === undefined ? {} : { undecodable }),
  };
}

/** For people and as an identifier: the sequence number, and behind a colon the sub-sequence. */
export function positionOf({ sequence, subSequence }: RecordPosition): string {
  return subSequence === undefined ? sequence : `${sequence}:${subSequence}`;
}

export function justPosition({ sequence, subSequence }: RecordPosition): RecordPosition {
  return subSequence === undefined ? { sequence } : { sequence, subSequence };
}

/** As KCL has it: a plain record is at sub-sequence 0. */
export function comparePositions(a: RecordPosition, b: RecordPosition): number {
  return compareSequence(a.sequence, b.sequence) || (a.subSequence ?? 0) - (b.subSequence ?? 0);
}

/** How long ago the stream took the record, ms; 0 where that is not known: nothing is old for lack of a date. */
export function ageOf({ arrivedAt }: KinesisRecord, nowMs: number): number {
  return arrivedAt === 0 ? 0 : nowMs - arrivedAt;
}

/** Sequence numbers are decimal strings of different lengths: shorter is smaller, then text order. */
export function compareSequence(a: string, b: string): number {
  if (a.length !== b.length) return a.length - b.length;
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Bytes of the data. */
export function dataSizeOf(record: Pick<KinesisRecord, 'data' | 'dataBytes'>): number {
  return record.dataBytes ?? record.data.length;
}

/** Bytes of the data and, about, of the partition key. */
export function sizeOf(record: KinesisRecord): number {
  return dataSizeOf(record) + keySizeOf(record);
}

/** Bytes of the partition key, about: characters, where it is there as a text. */
export function keySizeOf(record: Pick<KinesisRecord, 'partitionKey' | 'keyBytes'>): number {
  return record.keyBytes ?? record.partitionKey.length;
}
