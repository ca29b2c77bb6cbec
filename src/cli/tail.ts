import { COMPRESSIONS, PAYLOAD_FORMATS } from '../api/payload-spec.ts';
import { isUtf8 } from 'node:buffer';
import type { UserRecord } from '../kinesis/record.ts';
import { positionOf } from '../kinesis/record.ts';
import type { OptionTable } from '../lib/options.ts';
import type { Paint } from '../lib/paint.ts';
import { visible } from '../lib/visible.ts';
import { otherClusterOptions, placeOptions, selectOptions } from './group-options.ts';

export const tailOptions = {
  namespace: selectOptions.namespace,
  since: { type: 'string', description: 'begin so long ago, such as 10m; default: now' },
  from: {
    type: 'string',
    description: 'begin at TRIM_HORIZON, LATEST or a time such as 2026-11-29T08:00:00Z',
  },
  'no-follow': { type: 'boolean', description: 'end when all shards are caught up' },
  limit: { type: 'number', description: 'end after so many records', min: 1, max: 1_000_000_000 },
  shard: { type: 'string', many: true, description: 'only these shards: ids or numbers' },
  filter: {
    type: 'string',
    many: true,
    whole: true,
    description: "a pattern as in handler.filters, in place of the group's; may be there several times",
  },
  all: { type: 'boolean', description: "also what the group's filters keep from its handler" },
  format: {
    type: 'string',
    description: "how data is decoded; default: the group's handler.format",
    choices: PAYLOAD_FORMATS,
  },
  compression: {
    type: 'string',
    description: "how data is compressed; default: the group's handler.compression, else Auto",
    choices: COMPRESSIONS,
  },
  'poll-interval-millis': {
    type: 'number',
    description: 'between two reads of a shard, ms; all its readers share five a second',
    default: 1_000,
    min: 200,
    max: 60_000,
  },
  'max-bytes': {
    type: 'number',
    description: 'of a record that are shown',
    default: 2_000,
    min: 1,
    max: 10_485_760,
  },
  output: {
    type: 'string',
    short: 'o',
    description: 'a JSON object a line, or the data alone',
    choices: ['json', 'raw'],
  },
  ...placeOptions,
  ...otherClusterOptions,
} as const satisfies OptionTable;

/** A record that came, decoded as far as it can be. */
export interface TailRecord {
  shardId: string;
  record: UserRecord;
  /** By the format; undefined where the data is all there is. */
  value: unknown;
  /** Why it could not be decoded. */
  problem: string | undefined;
}

export interface TailPrint {
  output: string | undefined;
  maxBytes: number;
  paint: Paint;
}

/** One line, without the newline at the end; `raw` is what the record holds, whatever that does to a terminal. */
export function printRecord(tail: TailRecord, { output, maxBytes, paint }: TailPrint): string | Uint8Array {
  const { shardId, record, problem } = tail;
  if (output === 'raw') return record.data;
  if (output === 'json') return JSON.stringify(recordData(tail));
  const time = record.arrivedAt === 0 ? '-' : new Date(record.arrivedAt).toISOString().slice(11, 23);
  const trouble = problem === undefined ? '' : paint('red', ` (${problem})`);
  return [
    paint('dim', time),
    paint('cyan', shortShard(shardId)),
    paint('green', visible(record.partitionKey)),
    `${textOf(tail, maxBytes)}${trouble}`,
  ].join(' ');
}

/** `shardId-000000000012` → `12`: what tells shards apart. */
export function shortShard(shardId: string): string {
  return shardId.replace(/^shardId-0*(?=\d)/, 'shard-');
}

/** Shown on one line; what is not text as base64. */
function textOf({ record, value }: TailRecord, maxBytes: number): string {
  const bytes = Buffer.from(record.data.buffer, record.data.byteOffset, record.data.byteLength);
  const isText = isUtf8(bytes);
  const text =
    value !== undefined && typeof value !== 'string'
      ? jsonOf(value)
      : isText
        ? bytes.toString()
        : `base64:${bytes.toString('base64')}`;
  const shown = visible(text.length > maxBytes ? text.slice(0, maxBytes) : text).replaceAll('\n', '\\n');
  return text.length > maxBytes ? `${shown}… (${bytes.length} bytes)` : shown;
}

function recordData({ shardId, record, value, problem }: TailRecord): object {
  const { partitionKey, explicitHashKey, arrivedAt, data } = record;
  return {
    shardId,
    sequenceNumber: positionOf(record),
    partitionKey,
    explicitHashKey,
    arrivedAt: arrivedAt === 0 ? undefined : new Date(arrivedAt).toISOString(),
    ...(value === undefined ? {} : { value: JSON.parse(jsonOf(value)) as unknown }),
    data: Buffer.from(data).toString('base64'),
    problem,
  };
}

/** What msgpack can hold and JSON cannot: bytes as base64, large integers as their digits. */
function jsonOf(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) => {
    if (typeof each === 'bigint') return each.toString();
    return each instanceof Uint8Array ? Buffer.from(each).toString('base64') : each;
  });
}

/** On standard error, before the first record. */
export function readWarning(shards: number, pollIntervalMs: number): string {
  const seconds = pollIntervalMs / 1_000;
  const pace =
    seconds === 1
      ? 'once a second'
      : seconds > 1
        ? `once in ${seconds} s`
        : `${Number((1 / seconds).toFixed(1))} times a second`;
  return `warning: reads ${shards === 1 ? 'the shard' : `each of ${shards} shards`} ${pace}, of the 5 reads and 2 MB a second that all polling readers of a shard share`;
}
