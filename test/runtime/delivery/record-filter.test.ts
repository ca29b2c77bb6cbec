import { describe, expect, it, test } from 'vitest';
import { kinesisPattern, RECORD_FIELDS } from '../../../src/filter/kinesis-pattern.ts';
import type { UserRecord } from '../../../src/kinesis/record.ts';
import { recordFilter } from '../../../src/runtime/delivery/record-filter.ts';
import { lambdaEvent } from '../../../src/runtime/handlers/lambda-event.ts';

const PLACE = {
  shardId: 'shardId-000000000006',
  region: 'eu-west-1',
  streamArn: 'arn:aws:kinesis:eu-west-1:123456789012:stream/orders',
};

function aRecord(data: string | Uint8Array, changes: Partial<UserRecord> = {}): UserRecord {
  return {
    sequence: '49590338271490256608559692538361571095921575989136588898',
    partitionKey: 'customer-1',
    data: typeof data === 'string' ? Buffer.from(data) : data,
    arrivedAt: 1_545_084_650_987,
    ...changes,
  };
}

function passes(patterns: unknown[], record: UserRecord): boolean {
  return recordFilter(
    patterns.map((pattern) => kinesisPattern(pattern)),
    PLACE,
  )(record);
}

const BUY = { data: { order: { type: ['buy'] } } };

describe("Lambda's rules for data", () => {
  // The table "Properly filtering Kinesis" of the Lambda developer guide, row by row, and what it leaves out.
  // oxfmt-ignore
  test.each<[name: string, data: string | Uint8Array, pattern: unknown, passes: boolean]>([
    ['JSON that matches', '{"order":{"type":"buy"}}', BUY, true],
    ['JSON that does not match', '{"order":{"type":"sell"}}', BUY, false],
    ['JSON that is no object', '5', BUY, false],
    ['JSON that is no object has no field', '5', { data: { order: [{ exists: false }] } }, true],
    ['JSON, a pattern without data', '{"order":1}', { partitionKey: ['customer-1'] }, true],
    ['text', 'buy', BUY, false],
    ['text has no fields that could be missing', 'buy', { data: { order: [{ exists: false }] } }, false],
    ['text, a pattern without data', 'buy', { partitionKey: ['customer-1'] }, true],
    ['text, a pattern without data that does not match', 'buy', { partitionKey: ['customer-2'] }, false],
    ['text, an alternative without data', 'buy', { $or: [BUY, { partitionKey: ['customer-1'] }] }, true],
    ['JSON and more', '{"order":{"type":"buy"}} {}', BUY, false],
    ['nothing', '', BUY, false],
    ['bytes that are not UTF-8', Uint8Array.of(0x22, 0xff, 0x22), { data: { a: [{ exists: false }] } }, false],
    ['JSON of a depth that nobody reads', `{"order":${'['.repeat(200_000)}${']'.repeat(200_000)}}`, BUY, false],
  ])('%s', (_, data, pattern, expected) => {
    expect(passes([pattern], aRecord(data))).toBe(expected);
  });

  it('looks at records one pattern after the other', () => {
    const patterns = [BUY, { partitionKey: [{ prefix: 'vip-' }] }];
    expect(passes(patterns, aRecord('text', { partitionKey: 'vip-1' }))).toBe(true);
    expect(passes(patterns, aRecord('{"order":{"type":"buy"}}'))).toBe(true);
    expect(passes(patterns, aRecord('{"order":{"type":"sell"}}'))).toBe(false);
  });

  it('compares numbers by all their digits', () => {
    const positive = { data: { amount: [{ numeric: ['>', 0] }] } };
    expect(passes([positive], aRecord('{"amount": 12345678901234568}'))).toBe(true);
    expect(passes([positive], aRecord('{"amount": 12345678901234567}'))).toBe(false);
    expect(passes(['{"data":{"id":[12345678901234567]}}'], aRecord('{"id":12345678901234567}'))).toBe(true);
    expect(passes(['{"data":{"id":[12345678901234567]}}'], aRecord('{"id":12345678901234568}'))).toBe(false);
  });
});

describe('the fields of a record', () => {
  it.each(RECORD_FIELDS)('%s is what the event for a handler says', (field) => {
    const record = aRecord('{}', { subSequence: 3 });
    const { kinesis, ...outer } = lambdaEvent({ shardId: PLACE.shardId, records: [record] }, PLACE)
      .Records[0]!;
    const value = { ...kinesis, ...outer }[field];
    expect(passes([{ [field]: [value] }], record)).toBe(true);
    expect(passes([{ [field]: [{ 'anything-but': value === '' ? [''] : [value] }] }], record)).toBe(false);
  });

  it('are not decoded with the data when nothing asks for it', () => {
    const record = aRecord('{}');
    Object.defineProperty(record, 'data', { get: () => expect.fail('the data was read') });
    expect(passes([{ partitionKey: ['customer-1'] }], record)).toBe(true);
  });
});
