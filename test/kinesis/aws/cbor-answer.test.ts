import { describe, expect, it } from 'vitest';
import { encodeCbor, decodeCbor } from '../../../src/dev/kinesis/cbor.ts';
import { encodeCborMap, readCborAnswer } from '../../../src/kinesis/aws/cbor-answer.ts';

const ARRIVED_AT = 1_700_000_000_123;
const record = {
  ApproximateArrivalTimestamp: new Date(ARRIVED_AT),
  Data: Uint8Array.of(0, 255, 7),
  PartitionKey: 'schlüssel-鍵',
  SequenceNumber: '4957',
};
const read = { sequence: '4957', partitionKey: 'schlüssel-鍵', arrivedAt: ARRIVED_AT };
const encoded = (value: unknown) => Buffer.from(encodeCbor(value));
const [MAP, LIST, BREAK] = [Buffer.of(0xbf), Buffer.of(0x9f), Buffer.of(0xff)];
const untilBreak = (begin: Buffer, ...items: unknown[]) =>
  Buffer.concat([begin, ...items.map((item) => (Buffer.isBuffer(item) ? item : encoded(item))), BREAK]);

describe('an answer in CBOR', () => {
  it('is read with all its members, the data as a view', () => {
    const body = encoded({
      MillisBehindLatest: 70_000,
      Records: [record, { ...record, SequenceNumber: '4958', EncryptionType: 'KMS' }],
      NextShardIterator: 'next',
      ChildShards: [
        { ShardId: 'b', ParentShards: ['a'], HashKeyRange: { StartingHashKey: '0', EndingHashKey: '9' } },
      ],
    });
    const result = readCborAnswer(body)!;
    expect(result).toMatchObject({
      records: [read, { ...read, sequence: '4958', encryptionType: 'KMS' }],
      nextIterator: 'next',
      millisBehindLatest: 70_000,
      childShards: [{ shardId: 'b', parents: ['a'], hashStart: '0', hashEnd: '9' }],
    });
    expect([...result.records[0]!.data]).toEqual([0, 255, 7]);
    expect(result.records[0]!.data.buffer).toBe(body.buffer);
  });

  it('may have its data as a text in base64, as kinesis-local has', () => {
    const body = encoded({ Records: [{ ...record, Data: 'AP8H' }] });
    expect([...readCborAnswer(body)!.records[0]!.data]).toEqual([0, 255, 7]);
  });

  it('is read as the service writes it: maps and lists until a break, unknown members and nulls in between', () => {
    const text = (...parts: string[]) => untilBreak(Buffer.of(0x7f), ...parts);
    const bytes = untilBreak(Buffer.of(0x5f), Uint8Array.of(1), Uint8Array.of(2, 3));
    const one = untilBreak(
      MAP,
      'New',
      { deep: [1, -2, 1.5, true, null] },
      'SequenceNumber',
      text('49', '57'),
      'PartitionKey',
      null,
      'Data',
      bytes,
    );
    const body = untilBreak(MAP, 'Records', untilBreak(LIST, one, record), 'NextShardIterator', null);
    const { records, ...rest } = readCborAnswer(body)!;
    expect(records[0]).toMatchObject({ sequence: '4957', partitionKey: '', arrivedAt: 0 });
    expect([...records[0]!.data]).toEqual([1, 2, 3]);
    expect(records[1]).toMatchObject(read);
    expect(rest).toEqual({ millisBehindLatest: 0, childShards: [] });
  });

  it.each([
    ['ms', ARRIVED_AT, ARRIVED_AT],
    ['seconds, as some emulators tell it', ARRIVED_AT / 1000, ARRIVED_AT],
  ])('tells times in %s', (_, told, arrivedAt) => {
    const body = encoded({ Records: [{ ...record, ApproximateArrivalTimestamp: told }] });
    expect(readCborAnswer(body)!.records[0]!.arrivedAt).toBe(arrivedAt);
  });

  it('is no answer without records, and never read beyond its end', () => {
    expect(readCborAnswer(encoded({ NextShardIterator: 'x' }))).toBeUndefined();
    const whole = encoded({ Records: [record, record] });
    for (let end = 0; end < whole.length; end += 1)
      expect(() => readCborAnswer(whole.subarray(0, end)), `${end} bytes`).toThrow();
    expect(() => readCborAnswer(encoded({ Records: [{ Data: new Uint8Array() }] }))).toThrow(
      'sequence number',
    );
  });
});

it('a request is what the service reads', () => {
  const members = { ShardIterator: 'ü'.repeat(200), Limit: 10_000, StreamARN: undefined };
  const { ShardIterator, Limit } = members;
  expect(decodeCbor(encodeCborMap(members))).toEqual({ ShardIterator, Limit });
});
