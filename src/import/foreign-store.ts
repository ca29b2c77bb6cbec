/**
 * What another consumer keeps about a stream, as kcg understands it. A `ForeignStore` brings its raw rows, a pure reader per
 * program (`programs/`) makes `ForeignPositions` of them, and `planImport` makes rows of ours.
 */

/** Whose positions can be read. */
export type ForeignProgram =
  | 'kcl' // KCL 1, 2 and 3, in Java or by MultiLang; also Spark's and Logstash's
  | 'async-kinesis'
  | 'vmware-go-kcl' // 1 and 2
  | 'redpanda-connect' // and Benthos and Bento: the input `aws_kinesis`
  | 'harlow'; // harlow/kinesis-consumer's `store/ddb`; also Telegraf's `kinesis_consumer`

/**
 * An attribute as a store has it: S, N, BOOL, NULL, SS and L, M. An N beyond 2⁵³ is a decimal string. Binary is left out.
 */
export type ForeignValue =
  | string
  | number
  | boolean
  | null
  | readonly ForeignValue[]
  | { readonly [name: string]: ForeignValue };

/** One item of a DynamoDB table, or `{key, value}` of Redis, both texts. */
export type ForeignRow = Readonly<Record<string, ForeignValue>>;

/** Everything of one table, or of the keys of one group in Redis. */
export interface ForeignRows {
  /** Table or server, as errors name it. No password. */
  source: string;
  /** DynamoDB's key attributes; undefined for Redis. */
  key?: { hash: string; range?: string };
  rows: readonly ForeignRow[];
}

/** Reads, and never writes. */
export interface ForeignStore {
  /**
   * All rows, strongly consistent.
   * @throws KcgError `NotFound` (no such table), `AccessDenied`, `Credentials`, `Throttled`, `Timeout`, `Unavailable`
   */
  read(options?: { signal?: AbortSignal | undefined }): Promise<ForeignRows>;
  close(): void;
}

/** Which of the rows are meant, where a store may hold those of several streams or groups. */
export interface ForeignSelection {
  /** The stream as Kinesis describes it. `createdAt` in ms since the epoch. */
  stream: { name: string; arn: string; createdAt: number };
  /** The stream as the other program was told it, when that is not its name: Redpanda Connect may know it by its ARN. */
  knownAs?: string | undefined;
  /** The other's application or group: needed where a store holds several for one stream. */
  group?: string | undefined;
}

/** How far a shard was processed. Numbers name the last record done; `subSequence` the last user record done of it. */
export type ForeignPoint =
  | { at: 'SEQUENCE'; sequence: string; subSequence?: number }
  | { at: 'SHARD_END' }
  | { at: 'TRIM_HORIZON' }
  | { at: 'LATEST' }
  /** KCL leaves the time in its configuration. */
  | { at: 'AT_TIMESTAMP'; timestampMs?: number }
  /** A row, but no position yet: it began nowhere that the row tells. */
  | { at: 'NONE' };

export interface ForeignPosition {
  shardId: string;
  point: ForeignPoint;
  /** Who has it, or had it: some programs leave the owner in the row when they stop. */
  owner?: string;
  /** Changes while its owner is alive, within `expiryMs`. Compare two reads; the text means nothing. */
  movement: string;
  /** KCL's `leaseCounter`, the condition of a write. */
  counter?: number;
  /** Ms since the epoch by the other's clock: until when it says the owner has it. */
  leasedUntilMs?: number;
  /** As the row has them; undefined where the program does not write them. */
  parents?: readonly string[];
  /** What a person should know of it. */
  note?: string;
}

/** A row that is no position, and what it is. */
export interface SkippedRow {
  /** As errors and plans name the row. */
  row: string;
  why: string;
}

export interface ForeignPositions {
  program: ForeignProgram;
  /** What wrote it, as far as the rows tell: `KCL 3.5`. For people. */
  version: string;
  source: string;
  /** By shard id. */
  positions: readonly ForeignPosition[];
  /** Changes while the program runs, whatever it reads: everything here that must stand still before an import. */
  movement: string;
  /**
   * For how long `movement` has to stand still. It is the program's default, or longer where its rows say so; its
   * configuration may have another.
   */
  expiryMs: number;
  /** Only its positions move, when there is something to read: standing still does not prove that it has stopped. */
  isSilentWhenIdle: boolean;
  /** The last sign of life in the rows, ms since the epoch by the other's clock; some programs write none. */
  lastSeenMs?: number;
  /**
   * Rows of finished shards go, at once or with time: one that is missing is finished when a shard that came of it has a
   * row. Of other programs a missing row means that nothing of the shard was read.
   */
  dropsFinishedShards: boolean;
  /** Rows of other streams may be beside, under keys that name the stream. */
  isShared?: boolean;
  skipped: readonly SkippedRow[];
  /** Why nothing may be imported, in words, each naming a row or the table; empty = all was understood. */
  refusals: readonly string[];
}

/** A reader of one program's rows. It never throws: what it cannot read it refuses, or skips, in words. */
export type ForeignReader = (rows: ForeignRows, selection: ForeignSelection) => ForeignPositions;
