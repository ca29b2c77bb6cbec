import type { UserRecord } from '../../../src/kinesis/record.ts';
import type { GivenUpBatch } from '../../../src/runtime/failure/failure-destination.ts';

export const STREAM_ARN = 'arn:aws:kinesis:eu-west-1:123456789012:stream/orders';

export function aRecord(sequence: string, change: Partial<UserRecord> = {}): UserRecord {
  return {
    sequence,
    partitionKey: `key-${sequence}`,
    data: Buffer.from(`data-${sequence}`),
    arrivedAt: 1_000,
    ...change,
  };
}

/** Of two records that the handler threw at, three times. */
export function aGivenUpBatch(change: Partial<GivenUpBatch> = {}): GivenUpBatch {
  return {
    groupId: 'shop.orders',
    streamName: 'orders',
    streamArn: STREAM_ARN,
    region: 'eu-west-1',
    shardId: 'shardId-000000000001',
    records: [
      aRecord('49601189658422359378836298521827638475320189012309704722', {
        arrivedAt: Date.parse('2026-11-14T00:38:04.835Z'),
      }),
      aRecord('49601189658422359378836298522902373528957594348623495186', {
        arrivedAt: Date.parse('2026-11-14T00:38:05.580Z'),
      }),
    ],
    lane: 0,
    lanes: 1,
    condition: 'RetryAttemptsExhausted',
    approximateInvokeCount: 3,
    isHandlerError: true,
    givenUpAt: Date.parse('2026-11-14T00:38:06.021Z'),
    ...change,
  };
}
