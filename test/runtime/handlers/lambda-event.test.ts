import { expect, it } from 'vitest';
import { lambdaEvent } from '../../../src/runtime/handlers/lambda-event.ts';
import { aBatch, aContext, aRecord } from './a-batch.ts';

it("is AWS Lambda's event for Kinesis", () => {
  // A view into a larger buffer, as records of a fetch are.
  const data = Buffer.from('..Hello, this is a test...').subarray(2, 24);
  const batch = aBatch(aRecord('4959033827', { partitionKey: '1', data, arrivedAt: 1_545_084_650_987 }));
  expect(lambdaEvent(batch, aContext())).toEqual({
    Records: [
      {
        kinesis: {
          kinesisSchemaVersion: '1.0',
          partitionKey: '1',
          sequenceNumber: '4959033827',
          data: Buffer.from('Hello, this is a test.').toString('base64'),
          approximateArrivalTimestamp: 1_545_084_650.987,
        },
        eventSource: 'aws:kinesis',
        eventVersion: '1.0',
        eventID: 'shardId-000000000000:4959033827',
        eventName: 'aws:kinesis:record',
        invokeIdentityArn: '',
        awsRegion: 'eu-west-1',
        eventSourceARN: 'arn:aws:kinesis:eu-west-1:123456789012:stream/orders',
      },
    ],
  });
});

it('tells the user records of an aggregate apart', () => {
  const batch = aBatch(aRecord('7', { subSequence: 0 }), aRecord('7', { subSequence: 1 }), aRecord('8'));
  const { Records } = lambdaEvent(batch, aContext());
  expect(
    Records.map(({ eventID, kinesis }) => [eventID, kinesis.sequenceNumber, kinesis.subSequenceNumber]),
  ).toEqual([
    ['shardId-000000000000:7:0', '7', 0],
    ['shardId-000000000000:7:1', '7', 1],
    ['shardId-000000000000:8', '8', undefined],
  ]);
});
