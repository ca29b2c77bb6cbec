import { isUtf8 } from 'node:buffer';
import { isInData, kinesisFilter, RECORD_FIELDS, type RecordField } from '../../filter/kinesis-pattern.ts';
import { parseEvent } from '../../filter/number-text.ts';
import type { UserRecord } from '../../kinesis/record.ts';
import { eventId } from '../handlers/lambda-event.ts';

export interface RecordPlace {
  shardId: string;
  region: string;
  streamArn: string;
}

/**
 * Whether a record passes one of `patterns`, as with AWS Lambda: data that is not JSON passes no pattern that looks at
 * the data, and every pattern that does not. Data is decoded only when a pattern looks at it.
 */
export function recordFilter(
  patterns: readonly string[],
  place: RecordPlace,
): (record: UserRecord) => boolean {
  const filter = kinesisFilter(patterns);
  const readsData = filter.paths.some(isInData);
  const fields = RECORD_FIELDS.filter((field) => filter.paths.includes(field));
  const isMetadata = (path: string) => !isInData(path);
  return (record) => {
    const event: Record<string, unknown> = {};
    for (const field of fields) event[field] = METADATA[field](record, place);
    if (!readsData) return filter.matches(event);
    try {
      return filter.matches({ ...event, data: parseData(record.data) });
    } catch {
      return filter.matches(event, isMetadata); // not JSON, or nested deeper than AWS's engine reads it
    }
  };
}

/** As in the event that `lambdaEvent` makes. */
const METADATA: Record<RecordField, (record: UserRecord, place: RecordPlace) => string | number> = {
  partitionKey: ({ partitionKey }) => partitionKey,
  sequenceNumber: ({ sequence }) => sequence,
  approximateArrivalTimestamp: ({ arrivedAt }) => arrivedAt / 1000,
  kinesisSchemaVersion: () => '1.0',
  eventSource: () => 'aws:kinesis',
  eventVersion: () => '1.0',
  eventID: (record, { shardId }) => eventId(shardId, record),
  eventName: () => 'aws:kinesis:record',
  invokeIdentityArn: () => '',
  awsRegion: (_, { region }) => region,
  eventSourceARN: (_, { streamArn }) => streamArn,
};

/** @throws Error when it is not JSON in UTF-8 */
function parseData({ buffer, byteOffset, byteLength }: Uint8Array): unknown {
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  if (!isUtf8(bytes)) throw new Error('the data is not UTF-8');
  return parseEvent(bytes.toString('utf8'));
}
