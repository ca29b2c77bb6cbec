import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { PayloadFormat } from '../../../src/api/payload-spec.ts';
import { deaggregate } from '../../../src/kinesis/kpl/deaggregate.ts';
import { MAX_OPENED_BYTES, payloadOpener } from '../../../src/runtime/payload/open-payloads.ts';
import { openPayloads } from '../../../src/runtime/payload/payloads.ts';
import { takeDecodable } from '../../../src/runtime/payload/take-decodable.ts';
import { aRecord } from '../handlers/a-batch.ts';

const lines = (text: string) => Buffer.from(text);
const none = { own: undefined, parents: [] };

describe('the payloads of a record', () => {
  it('are records with positions of their own', () => {
    const open = payloadOpener({ format: 'JsonLines', compression: 'None' })!;
    const opened = open([aRecord('7', { data: lines('1\n2\n') }), aRecord('8', { data: lines('3') })]);
    expect(opened.map(({ sequence, subSequence, data }) => [sequence, subSequence, String(data)])).toEqual([
      ['7', 1_000_000_000, '1'],
      ['7', 1_000_000_001, '2'],
      ['8', 1_000_000_000, '3'],
    ]);
    expect(opened[1]).toMatchObject({ partitionKey: 'key-7', arrivedAt: aRecord('7').arrivedAt });
  });

  it('go up within a KPL aggregate, the same whichever of its user records are there', () => {
    const open = payloadOpener({ format: 'JsonLines', compression: 'None' })!;
    const users = [0, 1, 2].map((subSequence) => aRecord('7', { subSequence, data: lines('1\n2') }));
    const positions = (records: typeof users) => open(records).map(({ subSequence }) => subSequence);
    const all = positions(users);
    expect(all).toEqual(all.toSorted((a, b) => a! - b!));
    expect(new Set(all).size).toBe(6);
    expect(positions([users[2]!])).toEqual(all.slice(4));
  });

  it('are not told of data that cannot be opened: it stays a record that says why', () => {
    const open = payloadOpener({ format: 'JsonList', compression: 'Gzip' })!;
    const opened = open([
      aRecord('1', { data: lines('[1]') }),
      aRecord('2', { data: gzipSync('{}') }),
      aRecord('3', { data: gzipSync('[1]') }),
    ]);
    expect(opened.map(({ sequence, undecodable }) => [sequence, undecodable])).toEqual([
      ['1', expect.stringMatching(/^its data is not gzip/)],
      ['2', 'its data is JSON, but not a list'],
      ['3', undefined],
    ]);
    expect(opened[0]!.subSequence).toBeUndefined();
    expect(String(opened[0]!.data)).toBe('[1]');
  });

  it('are bounded in bytes over all user records of one Kinesis record', () => {
    const open = payloadOpener({ format: 'Bytes', compression: 'Auto' })!;
    const large = zstdCompressSync(Buffer.alloc(MAX_OPENED_BYTES * 0.6));
    const opened = open([0, 1].map((subSequence) => aRecord('7', { subSequence, data: large })));
    expect(opened[0]!.undecodable).toBeUndefined();
    expect(opened[1]!.undecodable).toMatch(/is more than \d+(\.\d+)? MiB without zstd/);
  });

  it('are the record itself where the format does not cut', () => {
    expect(payloadOpener({ format: 'Json', compression: 'None' })).toBeUndefined();
  });
});

interface Written {
  versions: Record<string, string>;
  written: Record<string, { items: unknown[]; records: string[] }>;
}
const fixtures = JSON.parse(
  readFileSync(join(import.meta.dirname, 'fixtures/async-kinesis-records.json'), 'utf8'),
) as Written;

describe('what async-kinesis 3.0.1 writes with', () => {
  it.each<[string, PayloadFormat]>([
    ['StringProcessor', 'Text'],
    ['JsonProcessor', 'Json'],
    ['JsonLineProcessor', 'JsonLines'],
    ['JsonListProcessor', 'JsonList'],
    ['MsgpackProcessor', 'NetstringMsgpack'],
    ['KPLJsonProcessor', 'Json'],
    ['KPLStringProcessor', 'Text'],
  ])('%s is read as %s', async (processor, format) => {
    const { items, records } = fixtures.written[processor]!;
    const payloads = await openPayloads({ format, compression: 'Auto' });
    const read = records.map((data, index) => aRecord(String(index), { data: Buffer.from(data, 'base64') }));
    const opened = payloads.open!([...deaggregate(read, { placement: none }).records]);
    const taken = takeDecodable(opened, payloads.decode);
    expect(taken.problem).toBeUndefined();
    expect(taken.records.map(({ value }) => value)).toEqual(items);
  });

  it('is of the version that is named', () => {
    expect(fixtures.versions['async-kinesis']).toBe('3.0.1');
  });
});
