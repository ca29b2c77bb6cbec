import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { UserRecord } from '../../../src/kinesis/record.ts';
import { eventBytes, RecordBuffer, type BatchingOptions } from '../../../src/runtime/delivery/batching.ts';

const MIB = 2 ** 20;
/** Data of a record that is this large in the event. */
const inEvent = (bytes: number) => ((bytes - eventBytes(aRecord('', 0))) / 4) * 3;
const END = { childShards: [] };

function aRecord(sequence: string, bytes = 1): UserRecord {
  return { sequence, partitionKey: 'k', data: new Uint8Array(bytes), arrivedAt: 0 };
}

function aBuffer(options: Partial<BatchingOptions> = {}) {
  const buffer = new RecordBuffer({ batchSize: 3, batchWindowMs: 1000, ...options });
  return {
    buffer,
    /** A fetch of one-byte records. */
    add: (names: string, atMs: number, end?: typeof END) =>
      buffer.add({ records: names.split('').map((name) => aRecord(name)), end }, atMs),
    take: (nowMs: number) =>
      buffer
        .take(nowMs)
        ?.map((record) => record.sequence)
        .join(''),
  };
}

type Step = [atMs: number, does: string, taken?: string];
const TABLES: { name: string; options?: Partial<BatchingOptions>; steps: Step[] }[] = [
  {
    name: 'gives nothing while there is nothing',
    steps: [
      [0, 'take'],
      [9000, 'take'],
      [9000, 'add '],
      [20_000, 'take'],
    ],
  },
  {
    name: 'gives a full batch at once, and keeps the rest for its window',
    steps: [
      [0, 'add abcd'],
      [0, 'take', 'abc'],
      [999, 'take'],
      [1000, 'take', 'd'],
    ],
  },
  {
    name: 'gives a batch over several fetches',
    steps: [
      [0, 'add a'],
      [1, 'take'],
      [100, 'add b'],
      [100, 'take'],
      [200, 'add cde'],
      [200, 'take', 'abc'],
      [200, 'take'],
    ],
  },
  {
    name: 'counts the window from the oldest record that waits, fetch by fetch',
    steps: [
      [0, 'add ab'],
      [400, 'add cd'],
      [400, 'take', 'abc'],
      [1399, 'take'],
      [1400, 'take', 'd'],
    ],
  },
  {
    name: 'starts the window again when everything was taken',
    steps: [
      [0, 'add a'],
      [1000, 'take', 'a'],
      [1500, 'add b'],
      [2499, 'take'],
      [2500, 'take', 'b'],
    ],
  },
  {
    name: 'gives what is there without a window',
    options: { batchWindowMs: 0 },
    steps: [
      [0, 'add ab'],
      [0, 'take', 'ab'],
      [0, 'take'],
      [5, 'add cdefg'],
      [5, 'take', 'cde'],
      [5, 'take', 'fg'],
    ],
  },
  {
    name: 'gives the rest at once when the shard has ended',
    steps: [
      [0, 'add ab'],
      [1, 'take'],
      [2, 'end cd'],
      [2, 'take', 'abc'],
      [2, 'take', 'd'],
      [2, 'take'],
    ],
  },
  {
    name: 'gives the rest at once when the end brings no records',
    steps: [
      [0, 'add ab'],
      [1, 'end '],
      [1, 'take', 'ab'],
    ],
  },
];

describe('a record buffer', () => {
  it.each(TABLES)('$name', ({ options, steps }) => {
    const { add, take } = aBuffer(options);
    for (const [atMs, step, taken] of steps) {
      const [does, names = ''] = step.split(' ');
      if (does === 'take') expect(take(atMs), `at ${atMs}`).toBe(taken);
      else add(names, atMs, does === 'end' ? END : undefined);
    }
  });

  it('tells how much waits, and from when it is due', () => {
    const { buffer, add } = aBuffer({ batchSize: 2 });
    const facts = () => [buffer.length, buffer.bytes, buffer.nextDeadlineMs];
    expect(facts()).toEqual([0, 0, undefined]);
    buffer.add({ records: [aRecord('a', 10), aRecord('b', 20), aRecord('c', 30)], end: undefined }, 100);
    add('d', 500);
    const counted = [10, 20, 30, 1].map((bytes) => eventBytes(aRecord('', bytes)));
    const sum = (from: number) => counted.slice(from).reduce((total, bytes) => total + bytes, 0);
    expect(facts()).toEqual([4, sum(0), 1100]);
    buffer.take(600);
    expect(facts()).toEqual([2, sum(2), 1100]);
    add('', 700, END);
    expect(facts()).toEqual([2, sum(2), 100]);
    buffer.take(700);
    expect(facts()).toEqual([0, 0, undefined]);
  });

  it.each([
    { name: 'as much as fits', sizes: [3 * MIB + 1, 3 * MIB - 3].map(inEvent), taken: undefined },
    {
      name: 'a little more',
      sizes: [inEvent(3 * MIB + 1), inEvent(3 * MIB - 3) + 1],
      taken: [inEvent(3 * MIB + 1)],
    },
    {
      name: 'many small ones',
      sizes: Array.from({ length: 700 }, () => 10_000),
      taken: Array.from({ length: 454 }, () => 10_000),
    },
    { name: 'one that is larger', sizes: [7 * MIB], taken: undefined },
    { name: 'one that is larger, and another', sizes: [7 * MIB, 0], taken: [7 * MIB] },
  ])('closes a batch before its event exceeds 6 MiB: $name', ({ sizes, taken }) => {
    const { buffer } = aBuffer({ batchSize: 10_000 });
    const records = sizes.map((bytes, index) => aRecord(String(index), bytes));
    buffer.add({ records, end: undefined }, 0);
    expect(buffer.take(0)?.map((record) => record.data.length)).toEqual(taken);
    expect(buffer.take(1000)?.[0]?.sequence).toBe(String(taken?.length ?? 0));
  });

  it('lets go of what is delivered, also while other records wait', async () => {
    const { buffer } = aBuffer({ batchSize: 1, batchWindowMs: 0 });
    const collected = new Set<number>();
    const registry = new FinalizationRegistry<number>((fetch) => collected.add(fetch));
    for (let fetch = 0; fetch < 20; fetch += 1) {
      const record = aRecord(String(fetch));
      registry.register(record, fetch);
      buffer.add({ records: [record], end: undefined }, 0);
      if (fetch > 0) buffer.take(0);
    }
    setFlagsFromString('--expose-gc');
    const collectGarbage = runInNewContext('gc') as () => void;
    for (let tries = 0; tries < 100 && collected.size < 18; tries += 1) {
      collectGarbage();
      await new Promise(setImmediate);
    }
    expect(buffer.length).toBe(1);
    expect(collected.size).toBeGreaterThanOrEqual(18);
  });

  it('gives every record once, in order, in batches within the bounds and never late', () => {
    const step = fc.oneof(
      fc.record({
        does: fc.constant('add' as const),
        sizes: fc.array(fc.integer({ min: 0, max: 3 * MIB }), { maxLength: 6 }),
      }),
      fc.record({ does: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 700 }) }),
    );
    const options = fc.record({
      batchSize: fc.integer({ min: 1, max: 7 }),
      batchWindowMs: fc.integer({ min: 0, max: 1500 }),
    });
    // One array under all records: the sizes matter, not the bytes.
    const shared = new Uint8Array(3 * MIB);
    fc.assert(
      fc.property(options, fc.array(step, { maxLength: 40 }), ({ batchSize, batchWindowMs }, steps) => {
        const buffer = new RecordBuffer({ batchSize, batchWindowMs });
        const added: { record: UserRecord; atMs: number }[] = [];
        const taken: UserRecord[] = [];
        let nowMs = 0;
        const drain = () => {
          for (let batch = buffer.take(nowMs); batch; batch = buffer.take(nowMs)) {
            const bytes = batch.reduce((sum, record) => sum + eventBytes(record), 0);
            expect(batch.length).toBeGreaterThan(0);
            expect(batch.length).toBeLessThanOrEqual(batchSize);
            expect(batch.length === 1 || bytes <= 6 * MIB).toBe(true);
            taken.push(...batch);
          }
          const waiting = added.slice(taken.length);
          expect(buffer.length).toBe(waiting.length);
          expect(buffer.bytes).toBe(waiting.reduce((sum, { record }) => sum + eventBytes(record), 0));
          expect(waiting.every(({ atMs }) => nowMs < atMs + batchWindowMs)).toBe(true);
          expect(waiting.length).toBeLessThan(batchSize);
        };
        for (const step of steps) {
          if (step.does === 'wait') nowMs += step.ms;
          else {
            const records = step.sizes.map((size, index) => ({
              ...aRecord(String(added.length + index)),
              data: shared.subarray(0, size),
            }));
            buffer.add({ records, end: undefined }, nowMs);
            added.push(...records.map((record) => ({ record, atMs: nowMs })));
          }
          drain();
        }
        buffer.add({ records: [], end: END }, nowMs);
        drain();
        expect(taken).toEqual(added.map(({ record }) => record));
      }),
      { numRuns: 100 },
    );
  });
});
