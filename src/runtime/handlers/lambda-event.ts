import type { Batch, HandlerContext } from './handler.ts';

/**
 * The event AWS Lambda gives a function for Kinesis, so that any language's Lambda types fit.
 * Source: AWS Lambda developer guide, "Using Lambda with Kinesis", example event.
 */
export function lambdaEvent(
  batch: Batch,
  { region, streamArn }: Pick<HandlerContext, 'region' | 'streamArn'>,
) {
  return {
    Records: batch.records.map((record) => ({
      kinesis: {
        kinesisSchemaVersion: '1.0',
        partitionKey: record.partitionKey,
        sequenceNumber: record.sequence,
        ...(record.subSequence === undefined ? {} : { subSequenceNumber: record.subSequence }),
        data: Buffer.from(record.data.buffer, record.data.byteOffset, record.data.length).toString('base64'),
        approximateArrivalTimestamp: record.arrivedAt / 1000,
      },
      eventSource: 'aws:kinesis',
      eventVersion: '1.0',
      eventID: `${batch.shardId}:${record.sequence}`,
      eventName: 'aws:kinesis:record',
      invokeIdentityArn: '',
      awsRegion: region,
      eventSourceARN: streamArn,
    })),
  };
}
