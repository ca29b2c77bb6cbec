import { describe, expect, it } from 'vitest';
import { SQS_QUEUE_ARN } from '../../../src/api/formats.ts';
import {
  batchUuid,
  groupArn,
  invocationRecord,
  objectKey,
  recordWithPayload,
} from '../../../src/runtime/failure/invocation-record.ts';
import { aGivenUpBatch, aRecord, STREAM_ARN } from './a-given-up-batch.ts';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('the record of a batch that is given up', () => {
  it('is what Lambda writes, field by field and in its order', () => {
    const record = invocationRecord(aGivenUpBatch());
    expect(JSON.stringify({ ...record, requestContext: { ...record.requestContext, requestId: 'x' } })).toBe(
      JSON.stringify({
        requestContext: {
          requestId: 'x',
          functionArn: 'arn:aws:kcg:eu-west-1:123456789012:group:shop.orders',
          condition: 'RetryAttemptsExhausted',
          approximateInvokeCount: 3,
        },
        responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
        version: '1.0',
        timestamp: '2026-11-14T00:38:06.021Z',
        KinesisBatchInfo: {
          shardId: 'shardId-000000000001',
          startSequenceNumber: '49601189658422359378836298521827638475320189012309704722',
          endSequenceNumber: '49601189658422359378836298522902373528957594348623495186',
          approximateArrivalOfFirstRecord: '2026-11-14T00:38:04.835Z',
          approximateArrivalOfLastRecord: '2026-11-14T00:38:05.580Z',
          batchSize: 2,
          streamArn: STREAM_ARN,
        },
      }),
    );
  });

  it('has no function error when the handler answered with the records that failed', () => {
    const { responseContext } = invocationRecord(aGivenUpBatch({ isHandlerError: false }));
    expect(responseContext).toEqual({ statusCode: 200, executedVersion: '$LATEST' });
  });

  it('has no response when the records were too old before the handler got them', () => {
    const tooOld = {
      condition: 'RecordAgeExceeded',
      approximateInvokeCount: 0,
      isHandlerError: false,
    } as const;
    const record = invocationRecord(aGivenUpBatch(tooOld));
    expect(record).not.toHaveProperty('responseContext');
    expect(record.requestContext).toMatchObject({
      condition: 'RecordAgeExceeded',
      approximateInvokeCount: 0,
    });
  });

  it.each([
    ['one lane, plain records', {}, undefined],
    ['one of several lanes', { lane: 2, lanes: 4 }, { lane: 2, lanes: 4 }],
    [
      'part of a KPL aggregate',
      { records: [aRecord('7', { subSequence: 0 }), aRecord('7', { subSequence: 3 })] },
      { startSubSequenceNumber: 0, endSubSequenceNumber: 3 },
    ],
    [
      'an aggregate before a plain record',
      { records: [aRecord('7', { subSequence: 3 }), aRecord('8')] },
      { startSubSequenceNumber: 3 },
    ],
  ])('adds what the range of numbers does not say: %s', (_, change, kcg) => {
    expect(invocationRecord(aGivenUpBatch(change)).kcg).toEqual(kcg);
  });

  it('holds no data of records, whose place is the payload', () => {
    const data = Buffer.from('secret');
    const batch = aGivenUpBatch({ records: [aRecord('7', { data, partitionKey: 'key' })] });
    expect(JSON.stringify(invocationRecord(batch))).not.toMatch(/secret|c2VjcmV0|"key"/);
    const { Records } = JSON.parse(recordWithPayload(batch).payload!);
    expect(Records).toHaveLength(1);
    expect(Records[0]).toMatchObject({
      eventID: 'shardId-000000000001:7',
      eventSourceARN: STREAM_ARN,
      kinesis: { sequenceNumber: '7', partitionKey: 'key', data: 'c2VjcmV0' },
    });
  });

  it('fits into the smallest message that topics take by default, by far', () => {
    const long = aGivenUpBatch({
      groupId: 'g'.repeat(128),
      streamArn: `arn:aws-us-gov:kinesis:us-gov-west-1:123456789012:stream/${'s'.repeat(128)}`,
      records: Array.from({ length: 10_000 }, () => aRecord('9'.repeat(128), { subSequence: 12_345 })),
      lane: 9,
      lanes: 10,
    });
    expect(Buffer.byteLength(JSON.stringify(invocationRecord(long)))).toBeLessThan(2_048);
  });
});

describe('the names of the group and of the batch', () => {
  it("has the form of a function's ARN, with the group for the function", () => {
    const arn = groupArn('shop.orders', STREAM_ARN.replace('arn:aws:', 'arn:aws-cn:'));
    expect(arn).toBe('arn:aws-cn:kcg:eu-west-1:123456789012:group:shop.orders');
    expect(arn.split(':')[6]).toBe('shop.orders');
    expect(arn).not.toMatch(SQS_QUEUE_ARN);
  });

  it('is the same when the batch is sent again, and another for another batch', () => {
    const batch = aGivenUpBatch();
    const others = [
      aGivenUpBatch({ groupId: 'other' }),
      aGivenUpBatch({ shardId: 'shardId-000000000002' }),
      aGivenUpBatch({ lane: 1, lanes: 2 }),
      aGivenUpBatch({ givenUpAt: batch.givenUpAt + 1 }),
      aGivenUpBatch({ records: batch.records.slice(0, 1) }),
      aGivenUpBatch({ records: batch.records.map((record) => ({ ...record, subSequence: 1 })) }),
      aGivenUpBatch({ streamArn: `${STREAM_ARN}2` }),
    ];
    expect(batchUuid(aGivenUpBatch())).toBe(batchUuid(batch));
    expect(new Set([batch, ...others].map(batchUuid)).size).toBe(others.length + 1);
    for (const each of others) expect(batchUuid(each)).toMatch(UUID);
  });

  it("is Lambda's layout of objects, in UTC", () => {
    const [uuid, key] = [batchUuid(aGivenUpBatch()), objectKey(aGivenUpBatch())];
    expect(key).toBe(`aws/lambda/shop.orders/shardId-000000000001/2026/11/14/2026-11-14T00.38.06-${uuid}`);
    const { givenUpAt } = aGivenUpBatch();
    const keys = [0, 1, 9, 100, 500, 978, 979].map((ms) =>
      objectKey(aGivenUpBatch({ givenUpAt: givenUpAt + ms })),
    );
    expect(keys.toSorted()).toEqual(keys);
  });
});
