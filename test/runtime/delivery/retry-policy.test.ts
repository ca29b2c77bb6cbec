import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { UserRecord } from '../../../src/kinesis/record.ts';
import { KcgError } from '../../../src/lib/errors.ts';
import {
  afterCall,
  beforeCall,
  newPart,
  type Part,
  type RetryPolicy,
} from '../../../src/runtime/delivery/retry-policy.ts';
import type { FailedResult, HandlerResult } from '../../../src/runtime/handlers/handler.ts';

const FOREVER: RetryPolicy = { maxAttempts: -1, maxRecordAgeMs: -1, bisectOnError: false };
const failed: FailedResult = { outcome: 'failed', error: new KcgError('HandlerFailed', 'no') };

const records = (count: number, arrivedAt: (index: number) => number = () => 0): UserRecord[] =>
  Array.from({ length: count }, (_, index) => ({
    sequence: String(index),
    partitionKey: '',
    data: new Uint8Array(0),
    arrivedAt: arrivedAt(index),
  }));

interface Told {
  /** The sequence numbers of each call. */
  calls: number[][];
  done: number[];
  givenUp: number[][];
  ended: number[];
}

/** Delivers a batch by the policy until it is over, or `most` calls were made. */
function deliver(
  count: number,
  policy: RetryPolicy,
  answer: (numbers: number[]) => HandlerResult,
  most = 5_000,
) {
  const told: Told = { calls: [], done: [], givenUp: [], ended: [] };
  const numbersOf = (part: readonly UserRecord[]) => part.map(({ sequence }) => Number(sequence));
  let parts: readonly Part[] = [newPart(records(count))];
  while (parts.length > 0 && told.calls.length < most) {
    const part = parts[0]!;
    const numbers = numbersOf(part.records);
    told.calls.push(numbers);
    const verdict = afterCall(part, answer(numbers), policy);
    told.done.push(...numbers.slice(0, verdict.done));
    told.ended.push(...numbers.slice(0, verdict.done));
    if (verdict.giveUp) {
      told.givenUp.push(numbersOf(verdict.giveUp.part.records));
      told.ended.push(...told.givenUp.at(-1)!);
    }
    parts = [...verdict.rest, ...parts.slice(1)];
  }
  return told;
}

const failsOn =
  (...poison: number[]) =>
  (numbers: number[]): HandlerResult =>
    numbers.some((number) => poison.includes(number)) ? failed : { outcome: 'done' };
const reports =
  (...poison: number[]) =>
  (numbers: number[]): HandlerResult => {
    const firstFailure = numbers.findIndex((number) => poison.includes(number));
    return firstFailure < 0 ? { outcome: 'done' } : { outcome: 'partial', firstFailure };
  };

describe('a batch that fails', () => {
  test('comes again for ever by default, as a whole', () => {
    const { calls, givenUp } = deliver(3, FOREVER, failsOn(1), 1_000);
    expect(calls).toHaveLength(1_000);
    expect(calls.every((numbers) => numbers.length === 3)).toBe(true);
    expect(givenUp).toEqual([]);
  });

  test.each([0, 1, 5])('is given up as a whole after %i retries', (maxAttempts) => {
    const { calls, givenUp } = deliver(3, { ...FOREVER, maxAttempts }, failsOn(1));
    expect(calls).toHaveLength(1 + maxAttempts);
    expect(givenUp).toEqual([[0, 1, 2]]);
  });

  test('is halved with bisectOnError, which costs no attempt, until the record that fails is alone', () => {
    const { calls, done, givenUp } = deliver(
      8,
      { ...FOREVER, maxAttempts: 1, bisectOnError: true },
      failsOn(5),
    );
    expect(calls).toEqual([
      [0, 1, 2, 3, 4, 5, 6, 7],
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [4, 5],
      [4],
      [5],
      [5],
      [6, 7],
    ]);
    expect(done).toEqual([0, 1, 2, 3, 4, 6, 7]);
    expect(givenUp).toEqual([[5]]);
  });

  test('backs off further with each failure, but not for a split', () => {
    const [first] = afterCall(newPart(records(2)), failed, FOREVER).rest;
    expect(afterCall(first!, failed, FOREVER).backoff).toBe(2);
    const { rest, backoff } = afterCall(first!, failed, { ...FOREVER, bisectOnError: true });
    expect([rest.length, backoff]).toEqual([2, 1]);
  });
});

describe('a record that the handler reports', () => {
  test('is the first of what comes again; it has failed once', () => {
    const { calls, done, givenUp } = deliver(5, { ...FOREVER, maxAttempts: 2 }, reports(2));
    expect(calls).toEqual([
      [0, 1, 2, 3, 4],
      [2, 3, 4],
      [2, 3, 4],
    ]);
    expect(done).toEqual([0, 1]);
    expect(givenUp).toEqual([[2, 3, 4]]);
  });

  test('without any retry takes what comes behind it in the batch with it', () => {
    const { calls, givenUp } = deliver(5, { ...FOREVER, maxAttempts: 0 }, reports(2));
    expect([calls.length, givenUp]).toEqual([1, [[2, 3, 4]]]);
  });

  test('is where the batch is split with bisectOnError, and is alone in the end', () => {
    const { calls, done, givenUp } = deliver(
      5,
      { ...FOREVER, maxAttempts: 0, bisectOnError: true },
      reports(2),
    );
    expect(calls).toEqual([[0, 1, 2, 3, 4], [2, 3, 4], [2], [3, 4]]);
    expect(done).toEqual([0, 1, 3, 4]);
    expect(givenUp).toEqual([[2]]);
  });
});

describe('what is no attempt', () => {
  test('a batch that never reached the handler: it waits longer each time, and is never given up for it', () => {
    let part = newPart(records(3));
    for (let misses = 1; misses <= 100; misses += 1) {
      const policy = { ...FOREVER, maxAttempts: 0, bisectOnError: true };
      const verdict = afterCall(part, { ...failed, isMissed: true }, policy);
      expect(verdict).toMatchObject({ giveUp: undefined, backoff: misses });
      expect(verdict.rest).toHaveLength(1);
      part = verdict.rest[0]!;
    }
    expect(part.calls).toBe(0);
    expect(afterCall(part, failed, { ...FOREVER, maxAttempts: 1 }).rest[0]).toMatchObject({
      failures: 1,
      misses: 0,
    });
  });

  test('a batch that was too large: it comes again at once', () => {
    const part = newPart(records(3));
    const tooLarge: HandlerResult = { ...failed, isTooLarge: true };
    expect(afterCall(part, tooLarge, { ...FOREVER, maxAttempts: 0 })).toEqual({
      done: 0,
      giveUp: undefined,
      rest: [part],
      backoff: 0,
    });
  });
});

describe('records that are too old', () => {
  const policy = { ...FOREVER, maxRecordAgeMs: 60_000 };
  const part = newPart(records(4, (index) => 1 + index * 10_000));

  test('are given up before the handler has them, and no others', () => {
    const verdict = beforeCall(part, policy, 75_000);
    expect(verdict?.giveUp?.condition).toBe('RecordAgeExceeded');
    expect(verdict?.giveUp?.part.records.map(({ sequence }) => sequence)).toEqual(['0', '1']);
    expect(verdict?.rest.map((rest) => rest.records.map(({ sequence }) => sequence))).toEqual([['2', '3']]);
  });

  test('are none at exactly that age, nor without a limit', () => {
    expect(beforeCall(part, policy, 60_001)).toBeUndefined();
    expect(beforeCall(part, FOREVER, 1e12)).toBeUndefined();
  });

  test('may be all there are', () => {
    expect(beforeCall(part, policy, 1e9)).toMatchObject({ rest: [] });
  });

  test('are none of those that came without the time of their arrival', () => {
    expect(beforeCall(newPart(records(4)), policy, 1e12)).toBeUndefined();
  });
});

describe('whatever fails', () => {
  const policies = fc.record({
    maxAttempts: fc.integer({ min: 0, max: 3 }),
    maxRecordAgeMs: fc.constant(-1),
    bisectOnError: fc.boolean(),
  });
  const poisons = fc.uniqueArray(fc.nat(19), { maxLength: 6 });
  const size = fc.integer({ min: 1, max: 20 });

  test('each record ends once, done or given up, in its order', () => {
    fc.assert(
      fc.property(size, policies, poisons, fc.boolean(), (count, policy, poison, isReported) => {
        const { ended } = deliver(count, policy, (isReported ? reports : failsOn)(...poison));
        expect(ended).toEqual(records(count).map(({ sequence }) => Number(sequence)));
      }),
    );
  });

  test('with bisectOnError only what fails alone is given up, after exactly its attempts', () => {
    fc.assert(
      fc.property(size, policies, poisons, fc.boolean(), (count, policy, poison, isReported) => {
        const bisecting = { ...policy, bisectOnError: true };
        const { calls, givenUp } = deliver(count, bisecting, (isReported ? reports : failsOn)(...poison));
        expect(givenUp.flat()).toEqual(poison.filter((number) => number < count).toSorted((a, b) => a - b));
        for (const [number] of givenUp) {
          const alone = calls.filter((numbers) => numbers.length === 1 && numbers[0] === number);
          const most = policy.maxAttempts + 1;
          expect(alone.length).toBe(most);
        }
      }),
    );
  });

  test('no record that is done comes again', () => {
    fc.assert(
      fc.property(size, policies, poisons, (count, policy, poison) => {
        const { calls } = deliver(count, policy, reports(...poison));
        const firsts = calls.map(([first]) => first!);
        expect(firsts).toEqual(firsts.toSorted((a, b) => a - b));
      }),
    );
  });
});
