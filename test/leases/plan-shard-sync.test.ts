import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SequenceSource } from '../../src/kinesis/sequence-number.ts';
import type { Shard } from '../../src/kinesis/shard.ts';
import { parentsOf } from '../../src/kinesis/shard.ts';
import type { Lease } from '../../src/leases/lease.ts';
import { doubtfulParents, planShardSync } from '../../src/leases/plan-shard-sync.ts';
import { aLease } from '../support/builders.ts';

const NOW = 1_800_000_000_000;
const TRIM_HORIZON = { at: 'TRIM_HORIZON' } as const;
const AT = { at: 'AT_TIMESTAMP', timestampMs: NOW - 1_000 } as const;

function shard(shardId: string, parentShardId?: string, adjacentParentShardId?: string): Shard {
  return {
    shardId,
    ...(parentShardId ? { parentShardId } : {}),
    ...(adjacentParentShardId ? { adjacentParentShardId } : {}),
    hashStart: '0',
    hashEnd: '1',
    startingSequence: '1',
  };
}
/** 0,1 → 6; 2,3 → 7; 6,7 → 8; 5 → 9,10; 4 open throughout: KCL's graph A. */
const GRAPH = [
  ...['0', '1', '2', '3', '4', '5'].map((id) => shard(id)),
  shard('6', '0', '1'),
  shard('7', '2', '3'),
  shard('8', '6', '7'),
  shard('9', '5'),
  shard('10', '5'),
];
const OPEN = GRAPH.filter(({ shardId }) => ['4', '8', '9', '10'].includes(shardId));

function plan(
  shards: readonly Shard[],
  leases: readonly Lease[] = [],
  initialPosition: typeof AT | typeof TRIM_HORIZON = TRIM_HORIZON,
) {
  return planShardSync({ shards, leases, initialPosition, retentionHours: 24, nowMs: NOW });
}
const rows = (...args: Parameters<typeof plan>) =>
  plan(...args).puts.map(({ shardId, checkpoint, parents }) =>
    `${shardId} ${checkpoint.at} ${parents.join(',')}`.trim(),
  );

describe('rows that are missing', () => {
  it('are added for all that the stream still has, parents before children', () => {
    expect(rows(GRAPH)).toEqual([
      '0 TRIM_HORIZON',
      '1 TRIM_HORIZON',
      '5 TRIM_HORIZON',
      '10 TRIM_HORIZON 5',
      '2 TRIM_HORIZON',
      '3 TRIM_HORIZON',
      '4 TRIM_HORIZON',
      '6 TRIM_HORIZON 0,1',
      '7 TRIM_HORIZON 2,3',
      '8 TRIM_HORIZON 6,7',
      '9 TRIM_HORIZON 5',
    ]);
  });

  it('begin at the pinned moment where no parent is read, so that the backlog is skipped', () => {
    expect(rows(OPEN, [], AT)).toEqual([
      '10 AT_TIMESTAMP',
      '4 AT_TIMESTAMP',
      '8 AT_TIMESTAMP',
      '9 AT_TIMESTAMP',
    ]);
  });

  it('of children begin at the start of the shard, also in a group that began at a moment', () => {
    const known = OPEN.map(({ shardId }) => aLease({ shardId, checkpoint: AT }));
    const grown = [...OPEN, shard('11', '8'), shard('12', '8')];
    expect(rows(grown, known, AT)).toEqual(['11 TRIM_HORIZON 8', '12 TRIM_HORIZON 8']);
  });

  it('are added wherever there is a hole, and only there', () => {
    const known = GRAPH.filter(({ shardId }) => shardId !== '7').map(({ shardId }) => aLease({ shardId }));
    expect(rows(GRAPH, known)).toEqual(['7 TRIM_HORIZON 2,3']);
    expect(
      rows(
        GRAPH,
        GRAPH.map(({ shardId }) => aLease({ shardId })),
      ),
    ).toEqual([]);
    expect(rows([])).toEqual([]);
  });

  it('come after their parents in any tree of splits and merges', () => {
    const tree = fc
      .array(fc.record({ merge: fc.boolean(), at: fc.nat(), other: fc.nat() }), { maxLength: 40 })
      .map((reshards) => {
        const shards = [shard('s000'), shard('s001')];
        const open = [...shards];
        const add = (...parents: [string, string?]) => {
          const child = shard(`s${String(shards.length).padStart(3, '0')}`, ...parents);
          shards.push(child);
          open.push(child);
        };
        for (const { merge, at, other } of reshards) {
          const [first] = open.splice(at % open.length, 1);
          if (merge && open.length > 0) {
            const [second] = open.splice(other % open.length, 1);
            add(first!.shardId, second!.shardId);
          } else {
            add(first!.shardId);
            add(first!.shardId);
          }
        }
        return shards;
      });
    fc.assert(
      fc.property(tree, fc.infiniteStream(fc.boolean()), (shards, coin) => {
        const known = shards.filter(() => coin.next().value).map(({ shardId }) => aLease({ shardId }));
        const there = new Set(known.map(({ shardId }) => shardId));
        for (const { shardId } of plan(shards.toReversed(), known).puts) {
          for (const parent of parentsOf(shards.find((each) => each.shardId === shardId)!)) {
            expect(there.has(parent)).toBe(true);
          }
          there.add(shardId);
        }
        expect(there.size).toBe(shards.length);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('rows of another program, which do not say whose children they are,', () => {
  const theirs = (shardId: string, checkpoint: Lease['checkpoint'] = TRIM_HORIZON) =>
    aLease({ shardId, checkpoint, hashStart: undefined, hashEnd: undefined });
  const completions = (leases: Lease[], all: readonly Shard[] = GRAPH) =>
    planShardSync({
      shards: OPEN,
      all,
      leases,
      initialPosition: AT,
      retentionHours: 24,
      nowMs: NOW,
    }).completions.map(({ shardId, parents }) => `${shardId} ${parents.join(',')}`.trim());

  it('are told it, as far as those have rows; ended ones need it no more', () => {
    const ended = theirs('7', { at: 'SHARD_END' });
    expect(completions([theirs('6'), ended, theirs('8')])).toEqual(['6', '8 6,7']);
    expect(completions([aLease({ shardId: '8' })])).toEqual([]);
  });

  it('are left alone once the stream has forgotten the shard', () => {
    expect(completions([theirs('gone')])).toEqual([]);
  });

  it('make no row for a parent that was read before, however far up, when its row has expired', () => {
    const begun = { at: 'SEQUENCE', sequence: '7' } as const;
    expect(rows(GRAPH, [theirs('8', begun)]).map((row) => row.split(' ')[0])).toEqual(['5', '10', '4', '9']);
    expect(rows(GRAPH, [theirs('8')])).toContain('6 TRIM_HORIZON 0,1');
  });
});

describe('an ended row may go', () => {
  const ended = aLease({ shardId: 'p', checkpoint: { at: 'SHARD_END' } });
  const child = (shardId: string, checkpoint: Lease['checkpoint']) =>
    aLease({ shardId, parents: ['p'], checkpoint });
  const started = { at: 'SEQUENCE', sequence: '7' } as const;
  const expiring = (...leases: Lease[]) => plan([], leases).expirations;

  it('a day after the stream has forgotten the shard, once every child has started', () => {
    expect(expiring(ended, child('a', started), child('b', { at: 'SHARD_END' }))).toEqual([
      { shardId: 'p', ttl: NOW / 1000 + 48 * 3600 },
    ]);
  });

  it.each([
    ['a child has not started', [ended, child('a', started), child('b', TRIM_HORIZON)]],
    ['no child has a row', [ended]],
    ['it is to go already', [{ ...ended, ttl: 5 }, child('a', started)]],
    ['it has not ended', [{ ...ended, checkpoint: started }, child('a', started)]],
  ])('and not while %s', (_, leases) => {
    expect(expiring(...leases)).toEqual([]);
  });
});

describe('parents that no list shows', () => {
  const HOUR = 3_600_000;
  const born = (child: Shard, ageMs: number): Shard => {
    const createdAtSeconds = Math.floor((NOW - ageMs) / 1_000);
    return { ...child, startingSequence: new SequenceSource({ shardNumber: 1, createdAtSeconds }).starting };
  };
  const child = shard('2', '0', '1');
  const doubts = (shards: readonly Shard[], more: Partial<Parameters<typeof doubtfulParents>[0]> = {}) =>
    doubtfulParents({
      shards,
      leases: [],
      initialPosition: TRIM_HORIZON,
      retentionHours: 24,
      nowMs: NOW,
      ...more,
    }).join(' ');

  it.each<[string, string, string]>([
    ['a shard of the last hours', doubts([born(child, HOUR)]), '0 1'],
    [
      'one that is younger than the initial position',
      doubts([born(child, HOUR)], { initialPosition: { at: 'AT_TIMESTAMP', timestampMs: NOW - 2 * HOUR } }),
      '0 1',
    ],
    ['one that is older than the initial position', doubts([born(child, HOUR)], { initialPosition: AT }), ''],
    ['one that is older than the retention', doubts([born(child, 25 * HOUR)]), ''],
    ['one of which nobody knows when it began', doubts([child]), ''],
    ['one whose parents are listed', doubts([shard('0'), shard('1'), born(child, HOUR)]), ''],
    ['one whose parents another list shows', doubts([born(child, HOUR)], { all: [shard('0')] }), '1'],
    ['one whose parents have rows', doubts([born(child, HOUR)], { leases: [aLease({ shardId: '1' })] }), '0'],
    ['one that has a row', doubts([born(child, HOUR)], { leases: [aLease({ shardId: '2' })] }), ''],
  ])('are in doubt as the list may: %s', (_, found, expected) => {
    expect(found).toBe(expected);
  });

  it('hold back what came of them, and nothing else, when they are there', () => {
    const shards = GRAPH.filter(({ shardId }) => shardId !== '0');
    const { puts } = planShardSync({
      shards,
      leases: [],
      unlisted: new Set(['0']),
      initialPosition: TRIM_HORIZON,
      retentionHours: 24,
      nowMs: NOW,
    });
    expect(puts.map(({ shardId }) => shardId)).toEqual(['1', '5', '10', '2', '3', '4', '7', '9']);
  });
});
