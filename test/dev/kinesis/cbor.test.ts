import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeCbor, encodeCbor } from '../../../src/dev/kinesis/cbor.ts';

const hex = (text: string) => Buffer.from(text, 'hex');

describe('CBOR', () => {
  // RFC 8949, appendix A
  it.each([
    ['00', 0],
    ['17', 23],
    ['1818', 24],
    ['1903e8', 1000],
    ['1a000f4240', 1_000_000],
    ['1b000000e8d4a51000', 1_000_000_000_000],
    ['20', -1],
    ['3903e7', -1000],
    ['fb3ff199999999999a', 1.1],
    ['f4', false],
    ['f5', true],
    ['f6', null],
    ['60', ''],
    ['63e6b0b4', '水'],
    ['83010203', [1, 2, 3]],
    ['a201020304', { 1: 2, 3: 4 }],
    ['a26161016162820203', { a: 1, b: [2, 3] }],
    ['7f657374726561646d696e67ff', 'streaming'],
    ['9f0102ff', [1, 2]],
    ['bf6346756ef563416d7421ff', { Fun: true, Amt: -2 }],
    ['c11a514b67b0', new Date(1363896240)],
  ])('reads %s', (text, value) => {
    expect(decodeCbor(hex(text))).toEqual(value);
  });

  it('reads bytes, whole and in pieces', () => {
    expect(Buffer.from(decodeCbor(hex('4401020304')) as Uint8Array)).toEqual(hex('01020304'));
    expect(Buffer.from(decodeCbor(hex('5f42010243030405ff')) as Uint8Array)).toEqual(hex('0102030405'));
  });

  it('comes back as it was', () => {
    const value = fc.letrec((tie) => ({
      value: fc.oneof(
        fc.string(),
        fc.integer(),
        fc.maxSafeInteger(),
        fc.double({ noNaN: true }).filter((number) => !Object.is(number, -0)),
        fc.boolean(),
        fc.constant(null),
        fc.date({ noInvalidDate: true }),
        fc.array(tie('value'), { maxLength: 4 }),
        fc.dictionary(
          fc.string().filter((key) => key !== '__proto__'),
          tie('value'),
          { maxKeys: 4, noNullPrototype: true },
        ),
      ),
    })).value;
    fc.assert(
      fc.property(value, (one) => {
        expect(decodeCbor(encodeCbor(one))).toEqual(one);
      }),
    );
  });

  it.each([
    '',
    '1a00',
    '5f',
    'ff',
    'a1',
    '43ff',
    '9fff00'.slice(0, 2),
    '81'.repeat(40) + '00',
    '82ff00',
    '5f00ff',
    '7f4161ff',
    '5f5fffff',
  ])('refuses %s', (text) => {
    expect(() => decodeCbor(hex(text))).toThrow(/not CBOR/);
  });

  it('never hangs or reads beyond the end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        try {
          decodeCbor(bytes);
        } catch (error) {
          expect((error as Error).message).toMatch(/not CBOR/);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
