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
  const read: ReadResult = { records, bytes: 0, lastSequence: '3', millisBehindLatest: 7, end: undefined };
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

test('few that pass do not keep the answer that they came in, and many do, uncopied', async () => {
  const answer = new Uint8Array(100).fill(7);
  const records = [0, 1, 2, 3].map((at) => ({
    sequence: String(at),
    partitionKey: 'k',
    data: answer.subarray(at * 25, (at + 1) * 25),
    arrivedAt: 5,
  }));
  const read: ReadResult = { records, bytes: 104, lastSequence: '3', millisBehindLatest: 7, end: undefined };
  const passing = async (passes: number) => {
    const answered = { ...read };
    const reader = filteredReader(
      { next: async () => answered, unreadForMs: () => 0 },
      (r) => Number(r.sequence) < passes,
      () => {},
    );
    const { records: passed } = await reader.next(new AbortController().signal);
    expect(answered.records).toEqual([]); // see `takeOut`
    return [...passed];
  };
  const [few] = await passing(1);
  expect({ ...few, data: Uint8Array.from(few!.data) }).toEqual(records[0]);
  expect(few!.data.buffer).not.toBe(answer.buffer);
  const many = await passing(3);
  expect(many.map(({ data }) => data.buffer === answer.buffer)).toEqual([true, true, true]);
});
