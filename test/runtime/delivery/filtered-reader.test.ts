import { expect, test } from 'vitest';
import type { ReadResult } from '../../../src/kinesis/shard-reader.ts';
import { filteredReader } from '../../../src/runtime/delivery/filtered-reader.ts';

test('a filtered read has the records that pass, and says how far it went', async () => {
  const records = ['1', '2', '3'].map((sequence) => ({
    sequence,
    partitionKey: '',
    data: new Uint8Array(0),
    arrivedAt: 0,
  }));
  const read: ReadResult = { records, bytes: 9, lastSequence: '3', millisBehindLatest: 7, end: undefined };
  const filtered: string[][] = [];
  const reader = filteredReader(
    { next: async () => read, unreadForMs: () => 5 },
    ({ sequence }) => sequence === '2',
    (dropped) => filtered.push(dropped.map(({ sequence }) => sequence)),
  );
  expect(await reader.next(new AbortController().signal)).toEqual({ ...read, records: [records[1]] });
  expect(filtered).toEqual([['1', '3']]);
  expect(reader.unreadForMs()).toBe(5);
});
