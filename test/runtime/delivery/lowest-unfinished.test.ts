import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { UserRecord } from '../../../src/kinesis/record.ts';
import { LowestUnfinished } from '../../../src/runtime/delivery/lowest-unfinished.ts';

const record = (number: number): UserRecord => ({
  sequence: String(1_000 + number),
  partitionKey: '',
  data: new Uint8Array(0),
  arrivedAt: number,
});
const numberOf = ({ sequence }: { sequence: string }) => Number(sequence) - 1_000;

/** Reads of records, each with its lane; between them a lane finishes some of what it has. */
const steps = (lanes: number) =>
  fc.array(
    fc.oneof(
      fc.record({ read: fc.array(fc.nat(lanes - 1), { maxLength: 6 }) }),
      fc.record({ lane: fc.nat(lanes - 1), most: fc.integer({ min: 1, max: 5 }) }),
    ),
    { maxLength: 60 },
  );

describe('how far a shard is finished', () => {
  test('is up to the first record that any lane has not finished, whatever the others do', () => {
    const runs = fc.integer({ min: 1, max: 5 }).chain((lanes) => fc.tuple(fc.constant(lanes), steps(lanes)));
    fc.assert(
      fc.property(runs, ([lanes, moves]) => {
        const unfinished = new LowestUnfinished(lanes);
        const waiting: number[][] = Array.from({ length: lanes }, () => []);
        let added = 0;
        let bound = 0;
        for (const move of moves) {
          if ('read' in move) {
            const records = move.read.map((_, index) => record(added + index));
            for (const [index, lane] of move.read.entries()) waiting[lane]!.push(added + index);
            added += records.length;
            if (lanes === 1) unfinished.addInOne(records);
            else unfinished.add(records, move.read);
          } else {
            const count = Math.min(move.most, waiting[move.lane]!.length);
            if (count === 0) continue;
            waiting[move.lane]!.splice(0, count);
            const reached = unfinished.finish(move.lane, count);
            const expected = Math.min(...waiting.flat(), added);
            expect(reached === undefined).toBe(expected === bound);
            bound = expected;
            if (reached) {
              expect(numberOf(reached.last)).toBe(bound - 1);
              expect(reached.next && numberOf(reached.next)).toBe(bound < added ? bound : undefined);
            }
          }
          const { next } = unfinished;
          expect(next && numberOf(next)).toBe(bound < added ? bound : undefined);
        }
      }),
    );
  });

  test('gives each lane its records in their order', () => {
    const unfinished = new LowestUnfinished(3);
    const parts = unfinished.add([0, 1, 2, 3, 4].map(record), [2, 0, 2, 2, 0]);
    expect(parts.map((part) => part.map(numberOf))).toEqual([[1, 4], [], [0, 2, 3]]);
  });

  test('may be inside a KPL aggregate, whose user records are in several lanes', () => {
    const unfinished = new LowestUnfinished(2);
    const part = (subSequence: number): UserRecord => ({ ...record(0), subSequence });
    unfinished.add([part(0), part(1), part(2), record(1)], [0, 1, 0, 1]);
    expect(unfinished.finish(0, 1)).toEqual({ last: { sequence: '1000', subSequence: 0 }, next: part(1) });
    expect(unfinished.finish(0, 1)).toBeUndefined();
    expect(unfinished.finish(1, 1)).toEqual({ last: { sequence: '1000', subSequence: 2 }, next: record(1) });
  });

  test('keeps nothing of what is finished, however far the other lanes are ahead', () => {
    const unfinished = new LowestUnfinished(2);
    unfinished.add([record(0)], [0]);
    for (let number = 1; number < 1_000; number += 1) {
      unfinished.add([record(number)], [1]);
      expect(unfinished.finish(1, 1)).toBeUndefined();
    }
    expect(unfinished.finish(0, 1)).toEqual({ last: { sequence: '1999' }, next: undefined });
  });
});
