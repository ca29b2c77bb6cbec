import type { UserRecord } from '../../../src/kinesis/record.ts';
import type { Fields, Log } from '../../../src/lib/log.ts';
import { silentLog } from '../../../src/lib/log.ts';
import type { Batch, HandlerContext } from '../../../src/runtime/handlers/handler.ts';

export function aRecord(sequence: string, overrides: Partial<UserRecord> = {}): UserRecord {
  return {
    sequence,
    partitionKey: `key-${sequence}`,
    data: Buffer.from(`data-${sequence}`),
    arrivedAt: Date.UTC(2026, 0, 1) + 250,
    ...overrides,
  };
}

export function aBatch(...records: UserRecord[]): Batch {
  return { shardId: 'shardId-000000000000', records, millisBehindLatest: 1500 };
}

export function aContext(overrides: Partial<HandlerContext> = {}): HandlerContext {
  return {
    signal: new AbortController().signal,
    timeoutMs: 900_000,
    groupId: 'shop.orders',
    streamName: 'orders',
    streamArn: 'arn:aws:kinesis:eu-west-1:123456789012:stream/orders',
    region: 'eu-west-1',
    shardId: 'shardId-000000000000',
    attempt: 1,
    deadlineMs: Date.UTC(2026, 0, 1, 0, 15),
    log: silentLog,
    ...overrides,
  };
}

export interface LogLine {
  level: string;
  message: string;
  fields: Fields;
}

/** A log that keeps its lines. */
export function aLog(lines: LogLine[] = [], bound: Fields = {}): Log & { lines: LogLine[] } {
  const at = (level: string) => (message: string, fields?: Fields) => {
    lines.push({ level, message, fields: { ...bound, ...fields } });
  };
  const child = (fields: Fields) => aLog(lines, { ...bound, ...fields });
  return { lines, debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error'), child };
}
