import { expect, test } from 'vitest';
import { comparePositions } from '../../src/import/compare-positions.ts';
import type { ForeignPoint } from '../../src/import/foreign-store.ts';
import type { Checkpoint } from '../../src/kinesis/position.ts';
import { SequenceSource } from '../../src/kinesis/sequence-number.ts';

const START = 1_795_000_000_000;
const source = new SequenceSource({ shardNumber: 3, createdAtSeconds: START / 1000 });
const [first, second] = [source.next(START + 1_000), source.next(START + 61_000)];
const at = (sequence: string, subSequence?: number) =>
  ({ at: 'SEQUENCE', sequence, ...(subSequence === undefined ? {} : { subSequence }) }) as const;
const END = { at: 'SHARD_END' } as const;
const NEW = { at: 'TRIM_HORIZON' } as const;

test.each<[string, Checkpoint | undefined, ForeignPoint | undefined, ReturnType<typeof comparePositions>]>([
  ['the same number', at(first), at(first), { ahead: 'same' }],
  [
    'ours further, and how long its record came after',
    at(second),
    at(first),
    { ahead: 'here', byMs: 60_000 },
  ],
  ['theirs further', at(first), at(second), { ahead: 'there', byMs: 60_000 }],
  ['numbers that tell no time', at('2'), at('11'), { ahead: 'there' }],
  ['further within one record', at(first, 2), at(first, 1), { ahead: 'here', byMs: 0 }],
  ['a whole record and a part of it', at(first, 2), at(first), { ahead: 'there', byMs: 0 }],
  ['a plain record as KCL writes it', at(first), at(first, 0), { ahead: 'same' }],
  ['the first user record, and the next', at(first, 1), at(first, 0), { ahead: 'here', byMs: 0 }],
  ['finished there', at(second), END, { ahead: 'there' }],
  ['finished by both', END, END, { ahead: 'same' }],
  ['not begun here', NEW, at(first), { ahead: 'there' }],
  ['without a row there', at(first), undefined, { ahead: 'here' }],
  ['begun by neither', NEW, { at: 'LATEST' }, { ahead: 'unknown' }],
  ['without any row', undefined, undefined, { ahead: 'unknown' }],
])('%s', (_, here, there, expected) => {
  expect(comparePositions(here, there)).toEqual(expected);
});
