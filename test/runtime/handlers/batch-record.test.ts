import { expect, it } from 'vitest';
import { encodeCbor } from '../../../src/dev/kinesis/cbor.ts';
import { readCborAnswer } from '../../../src/kinesis/aws/cbor-answer.ts';
import { readJsonAnswer } from '../../../src/kinesis/aws/json-answer.ts';
import { deaggregate } from '../../../src/kinesis/kpl/deaggregate.ts';
import { batchRecord } from '../../../src/runtime/handlers/batch-record.ts';
import type { BatchRecord } from '../../../src/runtime/handlers/module-types.ts';
import { encodeAggregate } from '../../support/encode-aggregate.ts';

const AT = 1_700_000_000_123;
const data = Buffer.from('{"name":"schlüssel"}');
const aggregate = encodeAggregate([
  { partitionKey: 'one', data },
  { partitionKey: 'schlüssel-鍵', explicitHashKey: '7', data: Buffer.from('2') },
  { partitionKey: 'one', data: Buffer.alloc(0) },
]);
const wire = [
  { SequenceNumber: '4957', PartitionKey: 'schlüssel-鍵', Data: data, ApproximateArrivalTimestamp: AT },
  { SequenceNumber: '4958', PartitionKey: '', Data: Buffer.alloc(0), ApproximateArrivalTimestamp: AT },
  { SequenceNumber: '4959', PartitionKey: 'a', Data: aggregate, ApproximateArrivalTimestamp: AT },
];

/** As they come from an answer in one encoding or the other, to a module handler. */
function given(encoding: 'CBOR' | 'JSON') {
  const time = (ms: number) => (encoding === 'CBOR' ? new Date(ms) : ms / 1000);
  const Records = wire.map((record) => ({
    ...record,
    ApproximateArrivalTimestamp: time(record.ApproximateArrivalTimestamp),
    ...(encoding === 'CBOR' ? {} : { Data: record.Data.toString('base64') }),
  }));
  const answer =
    encoding === 'CBOR'
      ? readCborAnswer(Buffer.from(encodeCbor({ Records })))
      : readJsonAnswer(Buffer.from(JSON.stringify({ Records })));
  const { records } = deaggregate(answer!.records, { placement: { own: undefined, parents: [] } });
  return Array.from(records, batchRecord);
}

/** What it is made of, without the functions, which nothing can copy. */
const plain = (record: BatchRecord) => {
  const copy: Partial<BatchRecord> = { ...record };
  delete copy.text;
  delete copy.json;
  return copy as Omit<BatchRecord, 'text' | 'json'>;
};

it.each(['CBOR', 'JSON'] as const)(
  'a record read in %s is a plain object to a module handler',
  (encoding) => {
    const records = given(encoding);
    expect(
      records.map(({ sequenceNumber, subSequenceNumber }) => [sequenceNumber, subSequenceNumber]),
    ).toEqual([
      ['4957', undefined],
      ['4958', undefined],
      ['4959', 0],
      ['4959', 1],
      ['4959', 2],
    ]);
    const keys = [
      'sequenceNumber',
      'id',
      'partitionKey',
      'data',
      'approximateArrivalTimestamp',
      'text',
      'json',
    ];
    expect(Object.keys(records[0]!)).toEqual(keys);
    const members = {
      sequenceNumber: '4957',
      id: '4957',
      partitionKey: 'schlüssel-鍵',
      data: [...data],
      approximateArrivalTimestamp: new Date(AT),
    };
    const copies = [{ ...plain(records[0]!) }, structuredClone(plain(records[0]!))];
    for (const copy of copies) expect({ ...copy, data: [...copy.data] }).toEqual(members);
    expect(JSON.parse(JSON.stringify(records[0]))).toEqual({
      ...members,
      data: { type: 'Buffer', data: [...data] },
      approximateArrivalTimestamp: '2023-11-14T22:13:20.123Z',
    });
    expect(records.map((record) => record.text())).toEqual([String(data), '', String(data), '2', '']);
    expect(records[2]!.json()).toEqual({ name: 'schlüssel' });
  },
);

it.each(['CBOR', 'JSON'] as const)(
  'what a handler writes into a record read in %s stays there',
  (encoding) => {
    const [record, other] = given(encoding);
    record!.partitionKey = 'mine';
    record!.data[0] = 0x5b;
    Object.assign(record!, { note: 'seen' });
    expect(record).toMatchObject({ partitionKey: 'mine', note: 'seen' });
    expect(record!.text()).toBe('["name":"schlüssel"}');
    record!.data = Buffer.from('new');
    expect(record!.data.toString()).toBe('new');
    expect(other).toMatchObject({ sequenceNumber: '4958', partitionKey: '' });
  },
);

it('the records of both encodings are the same', () => {
  expect(JSON.stringify(given('CBOR'))).toBe(JSON.stringify(given('JSON')));
});
