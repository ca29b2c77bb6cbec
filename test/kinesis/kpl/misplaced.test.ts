import { expect, it } from 'vitest';
import type { KplRecord } from '../../../src/kinesis/kpl/aggregate.ts';
import { deaggregate } from '../../../src/kinesis/kpl/deaggregate.ts';
import { misplacedIn, type Placement } from '../../../src/kinesis/kpl/misplaced.ts';
import { SequenceSource } from '../../../src/kinesis/sequence-number.ts';
import { encodeAggregate } from '../../support/encode-aggregate.ts';

const MAX = 2n ** 128n - 1n;
const HALF = 2n ** 127n;
const BORN = Date.UTC(2026, 0, 1);
const MINUTE = 60_000;
const OF_BORN = new SequenceSource({ shardNumber: 1, createdAtSeconds: BORN / 1_000 }).next(BORN + MINUTE);

/** The lower half of a shard that had all keys. */
const split: Placement = { own: { start: 0n, end: HALF - 1n }, parents: [{ start: 0n, end: MAX }] };

// MD5: 'b' = 92eb…, 'c' = 4a8a…, 'a' = 0cc1…, 'd' = 8277…
const part = (partitionKey: string, explicitHashKey?: string): KplRecord => ({
  partitionKey,
  data: Buffer.from(partitionKey),
  ...(explicitHashKey === undefined ? {} : { explicitHashKey }),
});

interface Case {
  outerKey?: string;
  parts?: KplRecord[];
  placement?: Placement;
  ageMs?: number;
  sequence?: string;
}

function misplaced({ outerKey = 'a', parts, placement = split, ageMs = MINUTE, sequence }: Case): string {
  const source = new SequenceSource({ shardNumber: 1, createdAtSeconds: BORN / 1_000 });
  const arrivedAt = BORN + ageMs;
  const all = parts ?? [part('c'), part('b'), part('a'), part('d'), part('b', '5'), part('c', String(MAX))];
  const record = {
    sequence: sequence ?? source.next(arrivedAt),
    partitionKey: outerKey,
    data: encodeAggregate(all),
    arrivedAt,
  };
  const { records, leftOut } = deaggregate([record], { placement });
  expect(records.length + leftOut).toBe(all.length);
  return [...misplacedIn(record, all, placement)].join(' ');
}

it.each<[string, Case, string]>([
  ['what the KPL aggregated by a shard that was split a minute ago', {}, '1 3 5'],
  ['nothing when all is in place', { parts: [part('c'), part('a')] }, ''],
  ['nothing where no reshard was', { placement: { ...split, parents: [] } }, ''],
  ['nothing when the range of the shard is not known', { placement: { ...split, own: undefined } }, ''],
  ['nothing under another outer key', { outerKey: 'c' }, ''],
  [
    'nothing when the outer key is that of the first record, as others have it',
    { parts: [part('a'), part('b')] },
    '',
  ],
  ['nothing when the first record is not in place', { parts: [part('b'), part('a')] }, ''],
  [
    'nothing when the records are not all of one old shard',
    {
      placement: {
        ...split,
        parents: [
          { start: 0n, end: HALF },
          { start: HALF, end: MAX },
        ],
      },
    },
    '',
  ],
  [
    'nothing when one has a hash key that the KPL does not write',
    { parts: [part('c'), part('b'), part('a', '007')] },
    '',
  ],
  ['nothing when the shard is old', { ageMs: 90 * MINUTE }, ''],
  ['nothing when nobody knows how old the shard is', { sequence: '123' }, ''],
  ['nothing when the record came without its time', { ageMs: -BORN, sequence: OF_BORN }, ''],
])('takes for misplaced %s', (_, record, expected) => {
  expect(misplaced(record)).toBe(expected);
});
