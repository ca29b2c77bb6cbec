import { describe, expect, it } from 'vitest';
import type { ForeignPositions } from '../../src/import/foreign-store.ts';
import { SequenceSource } from '../../src/kinesis/sequence-number.ts';
import { planImport, type ImportInput } from '../../src/import/plan-import.ts';
import { aPosition, aShard, at, id, somePositions } from './foreign-builders.ts';

const NOW = 1_700_000_000_000;
const plan = (foreign: ForeignPositions, shards: ImportInput['shards'], rest: Partial<ImportInput> = {}) =>
  planImport({ foreign, shards, initialPosition: { at: 'TRIM_HORIZON' }, nowMs: NOW, ...rest });

/** Where each shard begins, in short: `0 SHARD_END`. */
const starts = (foreign: ForeignPositions, shards: ImportInput['shards'], rest: Partial<ImportInput> = {}) =>
  plan(foreign, shards, rest).shards.map(({ lease: { shardId, checkpoint } }) => {
    const detail =
      checkpoint.at === 'SEQUENCE'
        ? checkpoint.sequence
        : 'timestampMs' in checkpoint
          ? checkpoint.timestampMs
          : '';
    return `${Number(shardId.slice(8))} ${checkpoint.at} ${detail}`.trim();
  });
const LATEST = { initialPosition: { at: 'LATEST' } } as const;
/** 0 was split into 1 and 2; 1 and 2 were merged into 3. */
const family = [
  aShard(0, { closed: true }),
  aShard(1, { parents: [0], closed: true }),
  aShard(2, { parents: [0], closed: true }),
  aShard(3, { parents: [1, 2] }),
];

describe('what has a position', () => {
  it('keeps its number, its sub-sequence, its end, and has the parents that the stream lists', () => {
    const inAggregate = aPosition(1, { at: 'SEQUENCE', sequence: '2005', subSequence: 7 });
    const foreign = somePositions([aPosition(0, { at: 'SHARD_END' }), inAggregate]);
    const shards = [aShard(0, { closed: true }), aShard(1, { parents: [0, 9] })];
    expect(plan(foreign, shards).shards).toMatchObject([
      { lease: { shardId: id(0), parents: [], checkpoint: { at: 'SHARD_END' } } },
      { lease: { parents: [id(0)], checkpoint: { at: 'SEQUENCE', sequence: '2005', subSequence: 7 } } },
    ]);
  });

  it('is finished when it is closed and nothing follows; an open shard is not, whatever follows', () => {
    const foreign = somePositions([aPosition(0, at('1500')), aPosition(1, at('2000'))]);
    const shards = [aShard(0, { closed: true }), aShard(1, { parents: [0] })];
    const follows = new Map([id(0), id(1)].map((shardId) => [shardId, false]));
    expect(starts(foreign, shards)).toEqual(['0 SEQUENCE 1500', '1 SEQUENCE 2000']);
    expect(starts(foreign, shards, { follows })).toEqual(['0 SHARD_END', '1 SEQUENCE 2000']);
  });

  it('begins at LATEST when the other was last seen alive, else now, and says what is missing', () => {
    const foreign = somePositions([aPosition(0, { at: 'LATEST' })]);
    expect(starts(foreign, [aShard(0)])).toEqual([`0 AT_TIMESTAMP ${NOW}`]);
    expect(plan(foreign, [aShard(0)]).shards[0]!.missing).toContain('after the other stopped');
    const seen = { ...foreign, lastSeenMs: NOW - 60_000 };
    expect(starts(seen, [aShard(0)])).toEqual([`0 AT_TIMESTAMP ${NOW - 60_000}`]);
    expect(plan(seen, [aShard(0)]).shards[0]).not.toHaveProperty('missing');
  });

  it("begins at a time that only KCL's configuration has from the group's position, which must say one", () => {
    const foreign = somePositions([aPosition(0, { at: 'AT_TIMESTAMP' })]);
    const initialPosition = { at: 'AT_TIMESTAMP', timestampMs: 5 } as const;
    expect(starts(foreign, [aShard(0)], { initialPosition })).toEqual(['0 AT_TIMESTAMP 5']);
    expect(plan(foreign, [aShard(0)], LATEST).refusals[0]).toContain('initialPosition');
  });
});

describe('what has no position', () => {
  it('begins at TRIM_HORIZON when it came of a shard that was known, also of one that is finished', () => {
    const foreign = somePositions([aPosition(0, { at: 'SHARD_END' })]);
    expect(starts(foreign, family, LATEST)).toEqual([
      '0 SHARD_END',
      '1 TRIM_HORIZON',
      '2 TRIM_HORIZON',
      '3 TRIM_HORIZON',
    ]);
  });

  it('begins at TRIM_HORIZON, too, when the known shard has left the stream', () => {
    const foreign = somePositions([aPosition(0, { at: 'SHARD_END' })]);
    expect(starts(foreign, [aShard(1, { parents: [0] })], LATEST)).toEqual(['1 TRIM_HORIZON']);
  });

  it("begins at the group's position when nothing it came of was known", () => {
    const foreign = somePositions([aPosition(5, at('6001'))]);
    const shards = [aShard(4, { closed: true }), aShard(5), aShard(6, { parents: [4] })];
    const initialPosition = { at: 'AT_TIMESTAMP', timestampMs: 5 } as const;
    expect(starts(foreign, shards)).toEqual(['4 TRIM_HORIZON', '5 SEQUENCE 6001', '6 TRIM_HORIZON']);
    expect(starts(foreign, shards, { initialPosition })).toEqual([
      '4 AT_TIMESTAMP 5',
      '5 SEQUENCE 6001',
      '6 AT_TIMESTAMP 5',
    ]);
    expect(starts(foreign, shards, LATEST)).toEqual([
      '4 SHARD_END',
      '5 SEQUENCE 6001',
      `6 AT_TIMESTAMP ${NOW}`,
    ]);
  });

  it('is decided once for each shard, however many ways lead up from it', () => {
    const family = [aShard(0), aShard(1, { closed: true })];
    for (let top = 1; top < 120; top += 3) {
      const halves = [top + 1, top + 2];
      family.push(...halves.map((n) => aShard(n, { parents: [top], closed: true })));
      family.push(aShard(top + 3, { parents: halves, closed: true }));
    }
    expect(starts(somePositions([aPosition(0, at('1001'))]), family)).toHaveLength(122);
  });

  it('is finished when the program removes such rows and a shard that came of it has one', () => {
    const foreign = somePositions([aPosition(3, { at: 'NONE' })], { dropsFinishedShards: true });
    expect(starts(foreign, family)).toEqual(['0 SHARD_END', '1 SHARD_END', '2 SHARD_END', '3 TRIM_HORIZON']);
  });

  it('is read where the program keeps all rows', () => {
    const foreign = somePositions([aPosition(3, at('4001'))]);
    expect(starts(foreign, family)).toEqual([
      '0 TRIM_HORIZON',
      '1 TRIM_HORIZON',
      '2 TRIM_HORIZON',
      '3 SEQUENCE 4001',
    ]);
  });

  it('is read again, and it is said, when nothing tells whether it was finished', () => {
    const foreign = somePositions([aPosition(1, at('2001'))], { dropsFinishedShards: true });
    const [first] = plan(foreign, [aShard(0, { closed: true }), aShard(1)]).shards;
    expect(first).toMatchObject({ lease: { checkpoint: { at: 'TRIM_HORIZON' } } });
    expect(first!.twice).toContain('if it was finished');
  });

  it('begins at TRIM_HORIZON beside a sibling that was read, though their parent has no row', () => {
    const shards = [aShard(0, { closed: true }), aShard(1, { parents: [0] }), aShard(2, { parents: [0] })];
    expect(starts(somePositions([aPosition(1, at('2001'))]), shards, LATEST)).toEqual([
      '0 SHARD_END',
      '1 SEQUENCE 2001',
      '2 TRIM_HORIZON',
    ]);
  });
});

describe('positions that are not of this stream', () => {
  it.each([
    ['a number before the shard', aPosition(0, at('999')), 'stands at 999'],
    ['a number behind a closed shard', aPosition(0, at('2000')), 'stands at 2000'],
    ['an end of an open shard', aPosition(1, { at: 'SHARD_END' }), 'open in the stream'],
    ['a shard newer than all', aPosition(2, at('1')), 'is not in the stream'],
  ] as const)('are refused: %s', (_, position, words) => {
    const shards = [aShard(0, { closed: true }), aShard(1)];
    const { refusals, shards: none } = plan(somePositions([position]), shards);
    expect(refusals).toEqual([expect.stringContaining(words)]);
    expect(none).toEqual([]);
  });

  it("are refused though the number could be one: the service tells one stream's from another's", () => {
    const [ours, other] = [1_700_000_000, 1_700_000_500].map(
      (createdAtSeconds) => new SequenceSource({ shardNumber: 0, createdAtSeconds }),
    );
    const shard = { ...aShard(0), startingSequence: ours!.starting };
    const [own, foreign] = [ours!.next(NOW + 600_000), other!.next(NOW + 600_000)];
    expect(plan(somePositions([aPosition(0, at(own))]), [shard]).refusals).toEqual([]);
    expect(plan(somePositions([aPosition(0, at(foreign))]), [shard]).refusals).toEqual([
      expect.stringContaining('not in that shard of the stream'),
    ]);
  });

  it('are not seen in ends that emulators put below the beginning', () => {
    const shard = { ...aShard(0), endingSequence: '7' };
    expect(plan(somePositions([aPosition(0, at('1500'))]), [shard]).refusals).toEqual([]);
  });
});

describe('what is told', () => {
  it('has what is to be known of a position', () => {
    const position = { ...aPosition(0, at('1001')), note: 'has prepared the checkpoint 1002' };
    expect(plan(somePositions([position]), [aShard(0)]).notes).toEqual([
      `${id(0)} has prepared the checkpoint 1002`,
    ]);
  });

  it('names shards that left the stream, and rows that are no positions', () => {
    const foreign = somePositions([aPosition(0, at('1001')), aPosition(1, { at: 'SHARD_END' })], {
      skipped: [{ row: 'Leader', why: 'a lock' }],
    });
    expect(plan(foreign, [aShard(2, { parents: [1] })]).notes).toEqual([
      `${id(0)} has left the stream: what was behind its position there is past retention`,
      `${id(1)} is finished there, and has left the stream`,
      'Leader is skipped: a lock',
    ]);
  });

  it('passes on what the reader refuses', () => {
    const foreign = somePositions([aPosition(0, at('1001'))], { refusals: ['no leaseKey'] });
    expect(plan(foreign, [aShard(0)])).toMatchObject({ shards: [], refusals: ['no leaseKey'] });
  });
});
