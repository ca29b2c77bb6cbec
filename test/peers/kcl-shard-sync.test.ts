import { describe, expect, test } from 'vitest';
import type { Shard } from '../../src/kinesis/shard.ts';
import type { Lease } from '../../src/leases/lease.ts';
import { planShardSync } from '../../src/leases/plan-shard-sync.ts';
import { KcgError } from '../../src/lib/errors.ts';
import { aLease } from '../support/builders.ts';
import { eventsOf, ReadingGroup, SHARDS } from './reading-group.ts';

/*
 * Which shards get a row, and which rows may go. KCL 3: HierarchicalShardSyncerTest, PeriodicShardSyncManagerTest and
 * LeaseCleanupManagerTest. KCL makes leases only for what can be read now; here children have their rows at once, and wait.
 */

const NOW = 1_800_000_000_000;
const BEGUN = { at: 'SEQUENCE', sequence: '7' } as const;
const ENDED = { at: 'SHARD_END' } as const;
const TRIM_HORIZON = { at: 'TRIM_HORIZON' } as const;
const MOMENT = { at: 'AT_TIMESTAMP', timestampMs: NOW - 1_000 } as const;

function shard(shardId: string, parents: readonly string[] = []): Shard {
  const [parentShardId, adjacentParentShardId] = parents;
  return {
    shardId,
    ...(parentShardId ? { parentShardId } : {}),
    ...(adjacentParentShardId ? { adjacentParentShardId } : {}),
    hashStart: '0',
    hashEnd: '1',
    startingSequence: '1',
  };
}

/** By child: its parents. */
type Graph = Record<string, string[]>;
const shardsOf = (graph: Graph, among?: readonly string[]) =>
  Object.entries(graph)
    .filter(([shardId]) => among?.includes(shardId) ?? true)
    .map(([shardId, parents]) => shard(shardId, parents));
const ids = (text: string) => text.split(' ').filter(Boolean);

function plan(
  shards: readonly Shard[],
  leases: readonly Lease[] = [],
  initialPosition: typeof MOMENT | typeof TRIM_HORIZON = TRIM_HORIZON,
) {
  return planShardSync({ shards, leases, initialPosition, retentionHours: 24, nowMs: NOW });
}

/** `0,1>6`: 6 is the child of 0 and 1. */
function graphOf(text: string): Graph {
  const graph: Graph = {};
  for (const reshard of ids(text)) {
    const [parents = [], children = []] = reshard.split('>').map((side) => side.split(','));
    for (const parent of parents) graph[parent] ??= [];
    for (const child of children) graph[child] = parents;
  }
  return graph;
}
const A = graphOf('0,1>6 2,3>7 6,7>8 5>9,10 4');
const B = graphOf('0,1>2 2>3,4 3,4>5 5>6,7 6,7>8 8>9,10');
const C = graphOf('0>4,5 4>7,8 5>9,10 2,3>6 1');

interface Case {
  graph: Graph;
  /** Rows of shards that have been begun. */
  known: string;
  /** What the stream lists from the group's moment on: open then, or younger. */
  since: string;
  /** What KCL creates at LATEST, and at TRIM_HORIZON. */
  latest: string;
  trim: string;
}

describe('the rows that wait for no parent are the leases that KCL creates', () => {
  test.each<Case>([
    { graph: A, known: '3 4 5', since: '2 3 4 5 6 7 8 9 10', latest: '2 6', trim: '0 1 2' },
    { graph: A, known: '4 5 7', since: '4 5 6 7 8 9 10', latest: '6', trim: '0 1' },
    { graph: A, known: '2 6', since: '2 3 4 6 7 8 9 10', latest: '3 4 9 10', trim: '3 4 5' },
    { graph: A, known: '4 9 10', since: '4 8 9 10', latest: '8', trim: '0 1 2 3' },
    { graph: A, known: '4 5 6 7', since: '4 5 6 7 8 9 10', latest: '', trim: '' },
    { graph: A, known: '0 1 2 3 4 5 6 7', since: '0 1 2 3 4 5 6 7 8 9 10', latest: '', trim: '' },
    { graph: A, known: '0 1 4 7 9 10', since: '0 1 4 6 7 8 9 10', latest: '', trim: '' },
    { graph: A, known: '', since: '4 8 9 10', latest: '4 8 9 10', trim: '0 1 2 3 4 5' },
    { graph: B, known: '6', since: '6 7 8 9 10', latest: '7', trim: '7' },
    { graph: B, known: '5', since: '5 6 7 8 9 10', latest: '', trim: '' },
    { graph: B, known: '0 1 2 3 4 5', since: '0 1 2 3 4 5 6 7 8 9 10', latest: '', trim: '' },
    { graph: B, known: '', since: '9 10', latest: '9 10', trim: '0 1' },
    { graph: C, known: '9 10', since: '1 6 7 8 9 10', latest: '1 6 7 8', trim: '1 2 3 4' },
  ])('beside $known: $latest, or $trim', ({ graph, known, since, latest, trim }) => {
    const leases = ids(known).map((shardId) => aLease({ shardId, checkpoint: BEGUN }));
    const firsts = (listed: Shard[], from: typeof MOMENT | typeof TRIM_HORIZON) =>
      plan(listed, leases, from).puts.filter(({ parents }) => parents.length === 0);
    const names = (puts: ReturnType<typeof firsts>) =>
      puts.map(({ shardId }) => shardId).toSorted((a, b) => Number(a) - Number(b));
    const atLatest = firsts(shardsOf(graph, ids(since)), MOMENT);
    expect(names(atLatest)).toEqual(ids(latest));
    expect(names(firsts(shardsOf(graph), TRIM_HORIZON))).toEqual(ids(trim));
  });
});

describe('a list of shards', () => {
  // HierarchicalShardSyncerTest: a child whose parent is open: error, or the child is skipped
  test('that shows a child beside its open parent gives both a row, and the child waits', () => {
    const { puts } = plan(shardsOf({ p: [], child: ['p'] }), [], MOMENT);
    expect(puts).toMatchObject([
      { shardId: 'p', parents: [], checkpoint: MOMENT },
      { shardId: 'child', parents: ['p'], checkpoint: TRIM_HORIZON },
    ]);
  });

  // HierarchicalShardSyncerTest: closed shards without a lease are not created at LATEST
  test('of a group that begins at the tip has none that were closed before', async () => {
    const group = new ReadingGroup(1);
    group.split(SHARDS[0]);
    group.split(SHARDS[1]);
    await group.clock.advance(60_000);
    group.reader('a', { config: { initialPosition: { type: 'Latest' } } });
    await group.clock.advance(10_000);
    expect(SHARDS.filter((shardId) => group.lease(shardId))).toEqual(SHARDS.slice(2, 5));
  });

  // HierarchicalShardSyncerTest: a hole in the list of an empty table: three tries, then an error, and no lease
  test.each(['Latest', 'TrimHorizon'] as const)(
    'that lacks one at first, at %s, is read meanwhile, and loses no record of the one it lacked',
    async (type) => {
      const group = new ReadingGroup(4);
      const list = group.kinesis.listShards.bind(group.kinesis);
      let lacks = true;
      group.kinesis.listShards = (...args) => {
        const page = list(...args);
        return lacks ? { ...page, shards: page.shards.filter(({ shardId }) => shardId !== SHARDS[2]) } : page;
      };
      await group.clock.advance(10_000);
      group.reader('a', { config: { initialPosition: { type } } });
      await group.clock.advance(5_000);
      for (const { hashStart, shardId } of list('orders').shards)
        group.kinesis.putRecord('orders', {
          partitionKey: 'k',
          explicitHashKey: hashStart,
          data: Buffer.from(shardId),
        });
      await group.clock.advance(5_000);
      expect(group.processed.map((line) => line.slice(0, 1)).toSorted()).toEqual(['0', '1', '3']);
      lacks = false;
      await group.clock.advance(120_000);
      expect(group.processed.map((line) => line.slice(0, 1)).toSorted()).toEqual(['0', '1', '2', '3']);
    },
  );
});

describe('a sync', () => {
  // HierarchicalShardSyncerTest: creating a lease throws midway; the next sync completes without a duplicate
  test('that fails midway is completed by the next, and no row is made twice', async () => {
    const made: string[] = [];
    let refused = 0;
    const group = new ReadingGroup(4, {
      before: async (operation) => {
        if (operation === 'put shard' && made.length === 2 && (refused += 1) <= 3)
          throw new KcgError('Throttled', 'injected');
      },
      onWrite: ({ name, key }, _, { outcome }) => {
        if (name === 'put shard' && outcome === 'done') made.push(key);
      },
    });
    const worker = group.reader('a');
    await group.clock.advance(30_000);
    expect(refused).toBeGreaterThan(3);
    expect(made.toSorted()).toEqual(SHARDS.slice(0, 4));
    expect(eventsOf(worker, 'ShardStarted')).toHaveLength(4);
  });

  // PeriodicShardSyncManagerTest: no leases, and the same hole three times: sync; a hole that shifts starts the count anew
  test.each([
    ['one row', 1],
    ['all rows of shards', 3],
  ])(
    'makes what lacks after somebody has deleted %s, without a count of how often it was seen',
    async (_, count) => {
      const group = new ReadingGroup(3);
      group.reader('a');
      await group.clock.advance(10_000);
      for (const shardId of SHARDS.slice(0, count)) group.table.store(shardId, undefined);
      await group.clock.advance(120_000);
      for (let i = 0; i < 12; i += 1) group.put(`after ${i}`, `key ${i}`);
      await group.clock.advance(10_000);
      expect(new Set(group.processed.map((line) => line.slice(2))).size).toBe(12);
      expect(SHARDS.slice(0, 3).map((shardId) => group.lease(shardId)?.owner?.split('/')[0])).toEqual([
        'a',
        'a',
        'a',
      ]);
    },
  );

  // PeriodicShardSyncManagerTest: a hole that is made of leases at SHARD_END is a hole
  test('makes the children of ended shards, from their first record on', () => {
    const ended = ['0', '1'].map((shardId) => aLease({ shardId, checkpoint: ENDED }));
    const { puts } = plan(shardsOf({ 0: [], 1: [], 2: ['0', '1'] }), ended, MOMENT);
    expect(puts).toMatchObject([{ shardId: '2', parents: ['0', '1'], checkpoint: TRIM_HORIZON }]);
  });
});

// LeaseCleanupManagerTest
describe('the rows of ended shards', () => {
  const row = (shardId: string, parents: string[], checkpoint: Lease['checkpoint']) =>
    aLease({ shardId, parents, checkpoint });
  const going = (...leases: Lease[]) => plan([], leases).expirations.map(({ shardId }) => shardId);

  test('go when both children of a split, or the one of a merge, have begun', () => {
    expect(going(row('p', [], ENDED), row('a', ['p'], BEGUN), row('b', ['p'], BEGUN))).toEqual(['p']);
    expect(going(row('p', [], ENDED), row('q', [], ENDED), row('a', ['p', 'q'], BEGUN))).toEqual(['p', 'q']);
  });

  test.each([TRIM_HORIZON, MOMENT])('stay while a child is at $at', (checkpoint) => {
    expect(going(row('p', [], ENDED), row('a', ['p'], BEGUN), row('b', ['p'], checkpoint))).toEqual([]);
  });

  test('that go before those of their parents make nobody read them again', () => {
    const left = [row('grandparent', [], ENDED), row('child', ['p'], BEGUN)];
    expect(plan(shardsOf({ grandparent: [], p: ['grandparent'], child: ['p'] }), left).puts).toEqual([]);
  });
});
