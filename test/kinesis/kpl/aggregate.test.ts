import { createHash } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { deaggregate } from '../../../src/kinesis/kpl/deaggregate.ts';
import { decodeAggregate } from '../../../src/kinesis/kpl/aggregate.ts';
import { encodeAggregate } from '../../support/encode-aggregate.ts';

const everywhere = { placement: { own: undefined, parents: [] } };

const kplRecord = fc.record(
  {
    partitionKey: fc.oneof(
      fc.string({ unit: 'grapheme', maxLength: 40 }),
      fc.constantFrom('10', '2', 'hasOwnProperty', '__proto__'),
    ),
    explicitHashKey: fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }).map(String),
    data: fc.uint8Array({ maxLength: 300 }),
  },
  { requiredKeys: ['partitionKey', 'data'] },
);

function withDigest(message: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from('f3899ac2', 'hex'), message, createHash('md5').update(message).digest()]);
}

const recordsIn = (data: Uint8Array) => decodeAggregate(data)?.records();

describe('a KPL aggregate', () => {
  it('has the bytes of the published format', () => {
    const bytes = Buffer.from(encodeAggregate([{ partitionKey: 'k', data: Buffer.from('hi') }]));
    const message = '0a016b1a0608001a026869';
    expect(bytes.subarray(0, -16).toString('hex')).toBe(`f3899ac2${message}`);
    expect(bytes.subarray(-16)).toEqual(createHash('md5').update(Buffer.from(message, 'hex')).digest());
  });

  it('comes back as it was put in', () => {
    fc.assert(
      fc.property(fc.array(kplRecord, { maxLength: 60 }), (records) => {
        const decoded = recordsIn(encodeAggregate(records));
        expect(decoded?.map((record) => ({ ...record, data: [...record.data] }))).toEqual(
          records.map((record) => ({ ...record, data: [...record.data] })),
        );
      }),
    );
  });

  it('is read where it lies, without copying', () => {
    const inside = Buffer.concat([
      Buffer.alloc(13),
      encodeAggregate([{ partitionKey: 'k', data: Buffer.from('hello') }]),
    ]).subarray(13);
    const [record] = recordsIn(inside)!;
    expect(record!.data.buffer).toBe(inside.buffer);
    expect(Buffer.from(record!.data).toString()).toBe('hello');
  });

  it.each(['', 'x', '007', '-1', String(2n ** 128n)])(
    'is opened also when it names the explicit hash key %j, which no service takes',
    (explicitHashKey) => {
      const records = [
        { partitionKey: 'k', data: Buffer.from('1') },
        { partitionKey: 'l', explicitHashKey, data: Buffer.from('2') },
      ];
      expect(recordsIn(encodeAggregate(records))).toMatchObject([
        { partitionKey: 'k' },
        { partitionKey: 'l', explicitHashKey },
      ]);
    },
  );

  it('is opened also when it names an explicit hash key that is not in its table', () => {
    expect(recordsIn(withDigest(Buffer.from('0a016b1a08080010051a026869', 'hex')))).toEqual([
      { partitionKey: 'k', data: Buffer.from('hi') },
    ]);
  });

  it('skips fields it does not know', () => {
    const known = '0a016b1a0608001a026869';
    const unknown = '2202010228ffffffffffffffffff013101020304050607083d01020304';
    expect(recordsIn(withDigest(Buffer.from(unknown + known, 'hex')))).toMatchObject([{ partitionKey: 'k' }]);
  });
});

describe('a plain record', () => {
  const good = encodeAggregate([{ partitionKey: 'k', data: Buffer.from('hi') }]);

  it.each<[string, Uint8Array]>([
    ['is empty', new Uint8Array()],
    ['has other bytes at its start', Buffer.concat([Buffer.from('x'), good])],
    ['is cut short', good.subarray(0, -1)],
    ['has the magic alone', good.subarray(0, 4)],
    ['has a bad digest', Buffer.from(good).fill(0, good.length - 1)],
    ['names a key that is not in the table', withDigest(Buffer.from('1a0608001a026869', 'hex'))],
    ['has a record without a key', withDigest(Buffer.from('0a016b1a041a026869', 'hex'))],
    ['has a field longer than the message', withDigest(Buffer.from('0aff01', 'hex'))],
    ['has an endless varint', withDigest(Buffer.alloc(40, 0xff))],
    ['has a group', withDigest(Buffer.from('0b', 'hex'))],
  ])('%s', (_, data) => {
    expect(decodeAggregate(data)).toBeUndefined();
  });

  it('is anything, and never breaks the decoder', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 200 }),
        fc.array(kplRecord, { maxLength: 5 }),
        fc.array(fc.nat(), { maxLength: 4 }),
        (noise, records, spots) => {
          decodeAggregate(noise);
          decodeAggregate(withDigest(noise));
          const message = Buffer.from(encodeAggregate(records).subarray(4, -16));
          for (const [index, spot] of spots.entries())
            if (message.length > 0) message[spot % message.length] = noise[index] ?? 0xff;
          const decoded = recordsIn(withDigest(message));
          const size = decoded?.reduce((sum, record) => sum + record.data.length, 0) ?? 0;
          expect(size).toBeLessThanOrEqual(message.length);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('deaggregate', () => {
  const stored = (sequence: string, data: Uint8Array) => ({
    sequence,
    partitionKey: 'outer',
    data,
    arrivedAt: 5,
  });
  const part = (partitionKey: string) => ({ partitionKey, data: Buffer.from(partitionKey) });
  const plain = Buffer.from('plain');
  const show = ({ records }: ReturnType<typeof deaggregate>) =>
    Array.from(records, (record) => `${record.sequence}.${record.subSequence ?? '-'} ${record.partitionKey}`);

  it('opens aggregates between plain records and keeps the arrival time', () => {
    const opened = deaggregate(
      [stored('1', plain), stored('2', encodeAggregate([part('a'), part('b')])), stored('3', plain)],
      everywhere,
    );
    expect(show(opened)).toEqual(['1.- outer', '2.0 a', '2.1 b', '3.- outer']);
    expect([...opened.records].every((record) => record.arrivedAt === 5)).toBe(true);
  });

  it.each<[string, { sequence: string; subSequence?: number }, string[]]>([
    ['before all', { sequence: '1' }, ['2.0 a', '2.1 b', '10.- outer']],
    ['inside the aggregate', { sequence: '2', subSequence: 0 }, ['2.1 b', '10.- outer']],
    ['at the end of the aggregate', { sequence: '2', subSequence: 1 }, ['10.- outer']],
    ['at the whole aggregate', { sequence: '2' }, ['10.- outer']],
    ['at a plain record, with a sub-sequence', { sequence: '10', subSequence: 0 }, []],
  ])('drops what is done: checkpoint %s', (_, after, expected) => {
    const records = [stored('2', encodeAggregate([part('a'), part('b')])), stored('10', plain)];
    expect(show(deaggregate(records, { ...everywhere, after }))).toEqual(expected);
  });
});
