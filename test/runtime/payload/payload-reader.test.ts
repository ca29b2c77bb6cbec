import { zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { deaggregate } from '../../../src/kinesis/kpl/deaggregate.ts';
import type { Checkpoint } from '../../../src/kinesis/position.ts';
import type { KinesisRecord, UserRecord } from '../../../src/kinesis/record.ts';
import type { ReadResult } from '../../../src/kinesis/shard-reader.ts';
import { payloadOpener, type PayloadOptions } from '../../../src/runtime/payload/open-payloads.ts';
import { payloadReader } from '../../../src/runtime/payload/payload-reader.ts';
import { aRecord } from '../handlers/a-batch.ts';
import { encodeAggregate } from '../../support/encode-aggregate.ts';

const signal = new AbortController().signal;
const LINES: PayloadOptions = { format: 'JsonLines', compression: 'Auto' };
const placement = { own: undefined, parents: [] };

function readerOf(
  records: readonly UserRecord[],
  options = LINES,
  from: Checkpoint = { at: 'TRIM_HORIZON' },
) {
  const read: ReadResult = {
    records: [...records],
    bytes: 1,
    lastSequence: records.at(-1)?.sequence,
    millisBehindLatest: 0,
    end: { childShards: [] },
  };
  const after = { ...read, records: [] };
  const reads = [read];
  const inner = { next: async () => reads.shift() ?? after, unreadForMs: () => 0 };
  return payloadReader(inner, payloadOpener(options), from);
}

/** What a shard's reader gives that begins at a checkpoint, as positions. */
async function from(checkpoint: Checkpoint & { at: 'SEQUENCE' }, records: KinesisRecord[], options = LINES) {
  const opened = deaggregate(records, { placement, after: checkpoint }).records;
  const { records: read } = await readerOf([...opened], options, checkpoint).next(signal);
  return Array.from(read, ({ sequence, data }) => `${sequence} ${String(data)}`);
}

describe('a reader of payloads', () => {
  it('gives large payloads in several results, with whole Kinesis records; the last is at the tip and the end', async () => {
    const large = zstdCompressSync(Buffer.from(`"${'x'.repeat(5_000_000)}"\n1`));
    const aggregated = [0, 1, 2].map((subSequence) => aRecord('2', { subSequence, data: large }));
    const reader = readerOf([aRecord('1', { data: large }), ...aggregated, aRecord('3', { data: large })]);
    const results: unknown[] = [];
    for (let end; end === undefined;) {
      const result = await reader.next(signal);
      end = result.end;
      results.push([result.lastSequence, result.records.length, result.millisBehindLatest === 0, end]);
    }
    expect(results).toEqual([
      ['2', 8, false, undefined],
      ['3', 2, true, { childShards: [] }],
    ]);
    expect((await reader.next(signal)).records).toEqual([]);
  });

  it('takes what it has opened out of what was read', async () => {
    const records = [aRecord('1', { data: Buffer.from('1\n2') })];
    const read: ReadResult = { records, bytes: 1, lastSequence: '1', millisBehindLatest: 0, end: undefined };
    const inner = { next: async () => read, unreadForMs: () => 0 };
    const reader = payloadReader(inner, payloadOpener(LINES), { at: 'TRIM_HORIZON' });
    expect((await reader.next(signal)).records).toHaveLength(2);
    expect(read.records).toEqual([]); // see `takeOut`
  });

  it.each([
    [{ sequence: '7', subSequence: 1_000_000_000 }, ['7 2', '7 3', '8 4']],
    [{ sequence: '7', subSequence: 1_000_000_002 }, ['8 4']],
    [{ sequence: '7' }, ['8 4']],
    [{ sequence: '6' }, ['7 1', '7 2', '7 3', '8 4']],
    // As KCL marks a plain record that is done.
    [{ sequence: '7', subSequence: 0 }, ['8 4']],
  ])('goes on behind %j', async (checkpoint, read) => {
    const records = [
      aRecord('7', { data: Buffer.from('1\n2\n3') }),
      aRecord('8', { data: Buffer.from('4') }),
    ];
    expect(await from({ at: 'SEQUENCE', ...checkpoint }, records)).toEqual(read);
  });

  const aggregate = aRecord('7', {
    data: encodeAggregate(
      ['1\n2', '3\n4', '5'].map((data) => ({ partitionKey: 'a', data: Buffer.from(data) })),
    ),
  });

  it.each([
    [1_001_000_000, ['7 4', '7 5']],
    [1_000_000_001, ['7 3', '7 4', '7 5']],
    // Of a time when records were not cut.
    [0, ['7 3', '7 4', '7 5']],
    [1, ['7 5']],
  ])('goes on inside a KPL aggregate behind %d', async (subSequence, read) => {
    expect(await from({ at: 'SEQUENCE', sequence: '7', subSequence }, [aggregate])).toEqual(read);
  });

  it('gives a record again, whole, whose payloads were partly done when it was cut otherwise', async () => {
    const checkpoint = { at: 'SEQUENCE', sequence: '7', subSequence: 1_000_000_001 } as const;
    const plain = aRecord('7', { data: Buffer.from('1\n2\n3') });
    const text: PayloadOptions = { format: 'Text', compression: 'None' };
    expect(await from(checkpoint, [plain], text)).toEqual(['7 1\n2\n3']);
    expect(await from(checkpoint, [aggregate], text)).toEqual(['7 1\n2', '7 3\n4', '7 5']);
    const list = aRecord('7', { data: Buffer.from('[1,2,3]') });
    expect(await from(checkpoint, [list])).toEqual(['7 [1,2,3]']);
  });
});
