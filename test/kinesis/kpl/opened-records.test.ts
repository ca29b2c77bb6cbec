import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { decodeAggregate } from '../../../src/kinesis/kpl/aggregate.ts';
import { OpenedRecords } from '../../../src/kinesis/kpl/opened-records.ts';
import type { UserRecord } from '../../../src/kinesis/record.ts';
import { encodeAggregate } from '../../support/encode-aggregate.ts';

const data = Buffer.from('data');
const show = (record: UserRecord | undefined) => record && `${record.sequence}.${record.subSequence ?? '-'}`;

/** Runs of user records, and with -1 a record as it is; and the positions that come of it. */
function opened(runs: readonly number[]) {
  const records = new OpenedRecords([]);
  const positions: string[] = [];
  for (const [index, count] of runs.entries()) {
    const common = { sequence: String(index), arrivedAt: 5, encryptionType: undefined };
    if (count < 0) {
      records.add({ ...common, partitionKey: 'k', data });
      positions.push(`${index}.-`);
      continue;
    }
    const parts = decodeAggregate(
      encodeAggregate(Array.from({ length: count + 1 }, () => ({ partitionKey: 'k', data }))),
    )!;
    records.addRun({ ...common, parts }, 1, count + 1);
    positions.push(...Array.from({ length: count }, (_, part) => `${index}.${part + 1}`));
  }
  return { records, positions };
}

it('gives the records of an array, in whatever order they are asked for', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: -1, max: 6 }), { maxLength: 12 }),
      fc.array(fc.tuple(fc.integer({ min: -40, max: 40 }), fc.nat(40)), { maxLength: 20 }),
      (runs, asked) => {
        const { records, positions } = opened(runs);
        expect([...records].map(show)).toEqual(positions);
        expect(records.length).toBe(positions.length);
        for (const [index, end] of asked) {
          expect(show(records.at(index)), `at ${index}`).toBe(positions.at(index));
          const start = Math.abs(index);
          expect(records.slice(start, end).map(show)).toEqual(positions.slice(start, end));
        }
      },
    ),
  );
});
