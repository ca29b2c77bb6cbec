import type { UserRecord } from '../../kinesis/record.ts';
import type { Batch, HandlerContext } from './handler.ts';

/**
 * The event AWS Lambda gives a function for Kinesis, so that any language's Lambda types fit.
 *
 * One difference: Lambda hands over KPL aggregates as they are, here they are opened. The user records of one aggregate
 * share its sequence number, are told apart by the additional `subSequenceNumber`, and have it in their `eventID` too,
 * which so stays unique. Named in `batchItemFailures`, a sequence number means the first of them.
 * Source: AWS Lambda developer guide, "Using Lambda with Kinesis", example event.
 */
export function lambdaEvent(
  { shardId, records }: Pick<Batch, 'shardId' | 'records'>,
  { region, streamArn }: Pick<HandlerContext, 'region' | 'streamArn'>,
) {
  return {
    Records: records.map((record) => ({
      kinesis: {
        kinesisSchemaVersion: '1.0',
        partitionKey: record.partitionKey,
        sequenceNumber: record.sequence,
        ...(record.subSequence === undefined ? {} : { subSequenceNumber: record.subSequence }),
        data: base64(record.data),
        approximateArrivalTimestamp: record.arrivedAt / 1000,
      },
      eventSource: 'aws:kinesis',
      eventVersion: '1.0',
      eventID: eventId(shardId, record),
      eventName: 'aws:kinesis:record',
      invokeIdentityArn: '',
      awsRegion: region,
      eventSourceARN: streamArn,
    })),
  };
}

function base64({ buffer, byteOffset, byteLength }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
}

export function eventId(shardId: string, { sequence, subSequence }: UserRecord): string {
  return subSequence === undefined ? `${shardId}:${sequence}` : `${shardId}:${sequence}:${subSequence}`;
}
