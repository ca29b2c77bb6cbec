import { describe, expect, it, test } from 'vitest';
import { payloadPosition } from '../../../src/kinesis/payload-position.ts';
import type { Checkpoint } from '../../../src/kinesis/position.ts';
import type { UserRecord } from '../../../src/kinesis/record.ts';
import { DeliveredPositions } from '../../../src/runtime/delivery/delivered-positions.ts';
import type { AskedPosition } from '../../../src/runtime/handlers/handler.ts';

/** The first payload of a record that is cut. */
const PAYLOAD = payloadPosition(undefined, 0);

/** `5`, or `5/2` inside an aggregate. */
function record(at: string, arrivedAt = 0): UserRecord {
  const [sequence = '', subSequence] = at.split('/');
  const sub = subSequence === undefined ? {} : { subSequence: Number(subSequence) };
  return { sequence, ...sub, partitionKey: '', data: new Uint8Array(0), arrivedAt };
}

function position(at: string): Checkpoint {
  if (at === 'TRIM_HORIZON') return { at };
  const { sequence, subSequence } = record(at);
  return { at: 'SEQUENCE', sequence, ...(subSequence === undefined ? {} : { subSequence }) };
}

function asked(at: string): AskedPosition {
  if (at === 'all') return 'all delivered';
  const { sequence, subSequence } = record(at);
  return subSequence === undefined ? { sequence } : { sequence, subSequence };
}

/** Positions, or what became of a checkpoint that moved nothing. */
function outcomes(from: string, steps: readonly string[]): string[] {
  const positions = new DeliveredPositions(position(from));
  return steps.flatMap((step) => {
    const [verb, what = ''] = step.split(' ');
    if (verb === 'end') positions.reachedEnd();
    else if (verb === 'get') positions.delivered(what.split(',').map((at) => record(at)));
    else {
      const verdict = positions.checkpoint(asked(what));
      if (verdict.as !== 'position') return [verdict.as];
      const { checkpoint } = verdict;
      if (checkpoint.at !== 'SEQUENCE') return [checkpoint.at];
      const { sequence, subSequence } = checkpoint;
      return [subSequence === undefined ? sequence : `${sequence}/${subSequence}`];
    }
    return [];
  });
}

describe('a program that checkpoints', () => {
  test.each([
    ['everything it was given', 'TRIM_HORIZON', ['get 1,2,3', 'ask all'], ['3']],
    [
      'before it was given anything: nothing moves',
      '5',
      ['ask all', 'ask 5', 'ask 5/0'],
      ['same', 'same', 'same'],
    ],
    ['where it began, by name', 'TRIM_HORIZON', ['ask TRIM_HORIZON', 'get 1', 'ask all'], ['same', '1']],
    ['a record of the batch that it has', '0', ['get 1,2,3', 'ask 2', 'ask all'], ['2/0', '3']],
    [
      'the part of a batch that is tried again, and not what comes behind it',
      '0',
      ['get 1,2,3,4', 'get 1,2', 'ask all', 'get 3,4', 'ask all'],
      ['2/0', '4'],
    ],
    ['less than before by that', '0', ['get 1,2,3,4', 'ask 3', 'get 1,2', 'ask all'], ['3/0', 'same']],
    [
      'the same record again: no write',
      '0',
      ['get 1,2', 'ask 2', 'ask 2', 'ask 2/0', 'ask all'],
      ['2', 'same', 'same', 'same'],
    ],
    ['in an earlier batch', '0', ['get 1,2', 'get 3,4', 'ask 2'], ['2/0']],
    ['behind its last checkpoint', '0', ['get 1,2,3', 'ask 3', 'ask 2'], ['3', 'refused']],
    ['behind where it began', '7', ['get 8', 'ask 6', 'ask 8'], ['refused', '8']],
    ['beyond what it was given', '0', ['get 1,2', 'ask 3', 'ask 2/1', 'ask 2'], ['refused', 'refused', '2']],
    ['beyond it when it was given nothing', '0', ['ask 1'], ['refused']],
    ['longer numbers as larger ones', '0', ['get 9,10', 'ask 9', 'ask 10'], ['9/0', '10']],
    [
      'no sequence number',
      '0',
      ['get 1', 'ask LATEST', 'ask x', 'ask -1', 'ask 1/-1', 'ask 1/0.5'],
      Array(5).fill('refused'),
    ],
    ['the end of a shard that has not ended', '0', ['get 1', 'ask SHARD_END'], ['refused']],
    ['inside of an aggregate', '0', ['get 1/0,1/1,1/2', 'ask 1/1', 'ask all'], ['1/1', '1/2']],
    [
      'an aggregate without sub-sequence: its first record',
      '0',
      ['get 1/0,1/1', 'ask 1', 'ask 1/1'],
      ['1/0', '1/1'],
    ],
    [
      'a record that is cut without sub-sequence: its first payload',
      '0',
      [`get 1/${PAYLOAD},1/${PAYLOAD + 1}`, 'ask 1', 'ask 1/0', 'ask all'],
      [`1/${PAYLOAD}`, 'same', `1/${PAYLOAD + 1}`],
    ],
    [
      'beyond the part of an aggregate that it was given',
      '0',
      ['get 1/0,1/1', 'ask 1/2', 'get 1/2', 'ask 1/2'],
      ['refused', '1/2'],
    ],
    ['an aggregate of which the row says that it is done', '3', ['get 4', 'ask 3/2', 'ask 4'], ['same', '4']],
    [
      'from inside of an aggregate',
      '3/1',
      ['get 3/2,4', 'ask 3/0', 'ask 3/1', 'ask all'],
      ['refused', 'same', '4'],
    ],
    [
      'a record that was cut and is not any more, of which the row says that some is done',
      `3/${PAYLOAD + 1}`,
      ['get 3', 'ask 3', 'ask 2', 'get 4', 'ask all'],
      ['3', 'refused', '4'],
    ],
    ['the same with all it was given', `3/${PAYLOAD + 1}`, ['get 3', 'ask all'], ['3']],
    [
      'records of an aggregate that were cut and are not any more',
      `3/${PAYLOAD + 1}`,
      ['get 3/0', 'get 3/1,4', 'ask 3/0', 'ask 3/1', 'ask all'],
      ['3/0', '3/1', '4'],
    ],
    [
      'fewer payloads than the record had when it was cut otherwise',
      `3/${PAYLOAD + 1}`,
      [`get 3/${PAYLOAD}`, 'ask 3', 'get 4', 'ask all'],
      [`3/${PAYLOAD}`, '4'],
    ],
  ] as const)('%s', (_, from, steps, expected) => {
    expect(outcomes(from, steps)).toEqual(expected);
  });
});

test('no record is kept for its position, nor with it the answer that it came in', () => {
  const positions = new DeliveredPositions({ at: 'TRIM_HORIZON' });
  const records = [record('1')];
  positions.delivered(records);
  records[0]!.sequence = 'kept';
  expect(positions.checkpoint('all delivered')).toMatchObject({ checkpoint: { sequence: '1' } });
});

describe('at the end of the shard', () => {
  test.each([
    ['all there is', ['get 1,2', 'end', 'ask all', 'ask all'], ['end', 'same']],
    ['its last record, as KCL has it', ['get 1,2', 'end', 'ask 2'], ['end']],
    ['its last record, which was checkpointed before', ['get 1,2', 'ask all', 'end', 'ask 2'], ['2', 'end']],
    ['by its name', ['get 1', 'end', 'ask SHARD_END'], ['end']],
    ['less than that', ['get 1,2,3', 'end', 'ask 2', 'ask all'], ['2/0', 'end']],
    ['less after that', ['get 1,2,3', 'end', 'ask all', 'ask 2'], ['end', 'refused']],
    ['a shard without records', ['end', 'ask all'], ['end']],
  ] as const)('%s', (_, steps, expected) => {
    expect(outcomes('TRIM_HORIZON', steps)).toEqual(expected);
  });

  it('is done only by a checkpoint of the end', () => {
    const positions = new DeliveredPositions({ at: 'TRIM_HORIZON' });
    positions.delivered([record('1'), record('2')]);
    positions.reachedEnd();
    positions.checkpoint({ sequence: '1' });
    expect([positions.isEndDone, positions.isAllDone]).toEqual([false, false]);
    positions.checkpoint('all delivered');
    expect([positions.isEndDone, positions.isAllDone]).toEqual([true, true]);
  });
});

describe('what was given up before it was handed over', () => {
  /** Where the position may go without a checkpoint, after each step. */
  const passing = (steps: readonly string[]): (string | undefined)[] => {
    const positions = new DeliveredPositions({ at: 'TRIM_HORIZON' });
    return steps.map((step) => {
      const [verb, what = ''] = step.split(' ');
      if (verb === 'get') positions.delivered(what.split(',').map((at) => record(at)));
      else if (verb === 'lose') positions.gaveUp([record(what)]);
      else positions.checkpoint(asked(what));
      return positions.passed?.at === 'SEQUENCE' ? positions.passed.sequence : undefined;
    });
  };

  test.each([
    ['at once when nothing is open', ['lose 1', 'lose 2'], ['1', '2']],
    ['once all before it is checkpointed', ['get 1,2', 'lose 3', 'ask 2'], [undefined, undefined, '3']],
    [
      'though more has been handed over behind it',
      ['get 1,2', 'lose 3', 'get 4', 'ask 1', 'ask 2', 'ask 4'],
      [undefined, undefined, undefined, undefined, '3', undefined],
    ],
    [
      'and the last of it before what is open',
      ['get 1', 'lose 2', 'get 3', 'lose 4', 'lose 5', 'get 6,7', 'ask 3', 'ask 6'],
      [undefined, undefined, undefined, undefined, undefined, undefined, '5', undefined],
    ],
    [
      'also while what comes before it is tried again',
      ['get 1,2', 'lose 3', 'get 1', 'ask 2'],
      [undefined, undefined, undefined, '3'],
    ],
  ] as const)('is passed: %s', (_, steps, expected) => {
    expect(passing(steps)).toEqual(expected);
  });

  test('is not passed while a batch before it is open, of however many', () => {
    const positions = new DeliveredPositions({ at: 'TRIM_HORIZON' });
    for (let n = 1; n <= 1_000; n += 2) {
      positions.delivered([record(String(n))]);
      positions.gaveUp([record(String(n + 1))]);
    }
    for (let n = 1; n <= 1_000; n += 2) {
      positions.checkpoint({ sequence: String(n) });
      const { passed } = positions;
      if (passed?.at === 'SEQUENCE') expect(Number(passed.sequence)).toBeLessThanOrEqual(n + 1);
    }
    expect(positions.passed).toMatchObject({ sequence: '1000' });
  });
});

describe('what would come again', () => {
  it('is as old as the first batch that is not done', () => {
    const positions = new DeliveredPositions({ at: 'TRIM_HORIZON' });
    expect(positions.oldestOpenMs).toBeUndefined();
    positions.delivered([record('1', 0), record('2', 20)]);
    positions.delivered([record('3', 30), record('4', 40)]);
    expect(positions.oldestOpenMs).toBe(20);
    positions.checkpoint({ sequence: '2' });
    expect(positions.oldestOpenMs).toBe(30);
    positions.checkpoint({ sequence: '3' });
    expect(positions.oldestOpenMs).toBe(30);
    positions.checkpoint('all delivered');
    expect(positions.oldestOpenMs).toBeUndefined();
  });

  it('is a batch once, however often that is tried', () => {
    const positions = new DeliveredPositions({ at: 'TRIM_HORIZON' });
    positions.delivered([record('1', 10), record('2', 20)]);
    positions.delivered([record('1', 10), record('2', 20)]);
    positions.delivered([record('1', 10)]);
    positions.checkpoint({ sequence: '2' });
    expect(positions.isAllDone).toBe(true);
  });

  it('is remembered of a million batches in a few bytes, and not as younger than it is', () => {
    const positions = new DeliveredPositions({ at: 'TRIM_HORIZON' });
    for (let i = 1; i <= 100_000; i += 1) positions.delivered([record(String(i), i)]);
    expect(positions.oldestOpenMs).toBe(1);
    positions.checkpoint({ sequence: '50000' });
    const oldest = positions.oldestOpenMs!;
    expect(oldest).toBeLessThanOrEqual(50_001);
    expect(positions.isAllDone).toBe(false);
    positions.checkpoint('all delivered');
    expect(positions.isAllDone).toBe(true);
  });
});
