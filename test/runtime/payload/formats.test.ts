import { gzipSync, zstdCompressSync } from 'node:zlib';
import { encode } from '@msgpack/msgpack';
import { describe, expect, it } from 'vitest';
import type { PayloadFormat } from '../../../src/api/payload-spec.ts';
import { decompress } from '../../../src/runtime/payload/decompress.ts';
import { valueDecoder } from '../../../src/runtime/payload/decode-value.ts';
import { jsonLines } from '../../../src/runtime/payload/json-lines.ts';
import { jsonList } from '../../../src/runtime/payload/json-list.ts';
import { netstrings } from '../../../src/runtime/payload/netstrings.ts';

const bytes = (text: string) => Buffer.from(text);
const texts = (payloads: Uint8Array[]) => payloads.map((payload) => Buffer.from(payload).toString());

describe('newline-delimited data', () => {
  it.each([
    ['{"a":1}\n{"b":2}\n', ['{"a":1}', '{"b":2}']],
    ['{"a":1}\n{"b":2}', ['{"a":1}', '{"b":2}']],
    ['{"a":1}\r\n{"b":2}\r\n', ['{"a":1}', '{"b":2}']],
    ['1\n\n \t\r\n2', ['1', '2']],
    ['"one\\nstring"', ['"one\\nstring"']],
    ['', []],
    ['\n', []],
  ])('%j holds %j', (data, payloads) => {
    expect(texts(jsonLines(bytes(data)))).toEqual(payloads);
  });
});

describe('a JSON list', () => {
  it.each([
    ['[]', []],
    [' [ ] ', []],
    ['[1,2]', ['1', '2']],
    [' [ {"a": [1, 2]} , "x,]\\"[" , null ]\n', ['{"a": [1, 2]}', '"x,]\\"["', 'null']],
    ['["\\\\", "\\\\\\""]', ['"\\\\"', '"\\\\\\""']],
    ['[[1,[2]],[]]', ['[1,[2]]', '[]']],
    ['["ä,ö"]', ['"ä,ö"']],
    ['[12345678901234567890]', ['12345678901234567890']],
  ])('%j holds %j', (data, payloads) => {
    expect(texts(jsonList(bytes(data)))).toEqual(payloads);
  });

  it.each([
    ['{"a":1}', 'not a list'],
    ['[1', 'not JSON'],
    ['', 'not JSON'],
    ['[NaN]', 'not JSON'],
    ['[1] [2]', 'not JSON'],
  ])('is not %j', (data, why) => {
    expect(() => jsonList(bytes(data))).toThrow(why);
  });
});

describe('netstrings', () => {
  it.each([
    ['', []],
    ['0:,', ['']],
    ['3:abc,1:x,', ['abc', 'x']],
    ['7:a,b:c,d,', ['a,b:c,d']],
  ])('%j holds %j', (data, payloads) => {
    expect(texts(netstrings(bytes(data)))).toEqual(payloads);
  });

  it.each([
    ['3:abc', 'at byte 0 does not end with a comma'],
    ['3:abcd,', 'does not end with a comma'],
    ['9:abc,', 'does not end with a comma'],
    ['3:abc,x', 'length at byte 6'],
    ['03:abc,', 'length at byte 0'],
    [':,', 'length at byte 0'],
    ['-1:,', 'length at byte 0'],
    ['1234567890:,', 'length at byte 0'],
    ['12', 'length at byte 0'],
  ])('are not %j', (data, why) => {
    expect(() => netstrings(bytes(data))).toThrow(why);
  });
});

describe('compressed data', () => {
  const data = bytes('data '.repeat(200));
  const gzip = gzipSync(data);
  const zstd = zstdCompressSync(data);
  const skipped = Buffer.from('5d2a4d180200000000ff', 'hex');
  const twice = Buffer.concat([data, data]);

  it.each([
    ['gzip', 'Gzip', gzip, data],
    ['zstd', 'Zstd', zstd, data],
    ['gzip that is found', 'Auto', gzip, data],
    ['zstd that is found', 'Auto', zstd, data],
    ['none that is found', 'Auto', data, data],
    ['nothing at all', 'Auto', bytes(''), bytes('')],
    ['gzip that is not looked for', 'None', gzip, gzip],
    ['two gzip members', 'Gzip', Buffer.concat([gzip, gzip]), twice],
    ['zstd behind a frame to skip', 'Auto', Buffer.concat([skipped, zstd]), data],
    ['two zstd frames', 'Zstd', Buffer.concat([zstd, zstd]), twice],
    ['zstd of nothing', 'Zstd', zstdCompressSync(bytes('')), bytes('')],
  ] as const)('opens: %s', (_, compression, given, opened) => {
    expect(Buffer.from(decompress(given, compression, 2_000))).toEqual(opened);
  });

  it.each([
    ['data that is not gzip', 'Gzip', data, 'not gzip'],
    ['data that is not zstd', 'Zstd', data, 'not zstd'],
    ['nothing', 'Zstd', bytes(''), 'not zstd'],
    ['half of gzip', 'Auto', gzip.subarray(0, -5), 'gzip that is damaged or not whole'],
    ['half of zstd', 'Auto', zstd.subarray(0, -5), 'zstd that is damaged or not whole'],
    [
      'zstd with something behind it',
      'Zstd',
      Buffer.concat([zstd, bytes('abcd')]),
      'zstd that is damaged or not whole',
    ],
  ] as const)('is not %s', (_, compression, given, why) => {
    expect(() => decompress(given, compression, 2_000)).toThrow(why);
  });

  it.each([
    ['gzip', gzip],
    ['zstd', zstd],
    ['the second zstd frame', Buffer.concat([zstdCompressSync(bytes('a'.repeat(500))), zstd])],
  ])('may not become larger than the bound: %s', (_, given) => {
    expect(() => decompress(given, 'Auto', 999)).toThrow(/is more than .* MiB without/);
    expect(decompress(given, 'Auto', 1_500).length).toBeGreaterThanOrEqual(1_000);
  });
});

describe('a value', () => {
  const decoded = async (format: PayloadFormat, data: Uint8Array) => (await valueDecoder(format))!(data);

  it.each([
    ['Text', bytes('ä'), 'ä'],
    ['Json', bytes('{"a":1}'), { a: 1 }],
    ['JsonLines', bytes('null'), null],
    [
      'Msgpack',
      encode({ a: [1, 'x', null], b: new Uint8Array([1]) }),
      { a: [1, 'x', null], b: new Uint8Array([1]) },
    ],
    ['NetstringMsgpack', encode(1767225600123), 1767225600123],
  ] as const)('of %s is what the data says', async (format, data, value) => {
    expect(await decoded(format, data)).toEqual(value);
  });

  it.each([
    ['Text', Buffer.from([0xff]), 'not UTF-8'],
    ['Json', bytes('secret'), 'its data is not JSON'],
    ['Json', bytes(''), 'its data is not JSON'],
    ['Json', bytes('{"a": NaN}'), 'its data is not JSON'],
    ['Msgpack', bytes(''), 'not msgpack'],
    ['Msgpack', Buffer.from([0x92, 0x01]), 'not msgpack'],
    ['Msgpack', Buffer.from([0x01, 0x02]), 'not msgpack'],
    ['Msgpack', Buffer.from([0xc1]), 'not msgpack'],
  ] as const)('of %s is none, and says nothing of the data: %s', async (format, data, why) => {
    const error: Error = await decoded(format, data).then(
      () => expect.fail('it was decoded'),
      (thrown: Error) => thrown,
    );
    expect(error.message).toContain(why);
    expect(error.message).not.toContain('secret');
  });

  it.each(['Bytes', 'Netstring'] as const)('of %s is the data', async (format) => {
    expect(await valueDecoder(format)).toBeUndefined();
  });
});
