import { expect, it } from 'vitest';
import { planExport } from '../../src/import/export/plan-export.ts';
import { aLease } from '../support/builders.ts';
import { aPosition, aShard, at, id, somePositions } from './foreign-builders.ts';

const family = [aShard(0, { closed: true }), aShard(1, { parents: [0] })];
const leases = [
  aLease({ shardId: id(0), checkpoint: { at: 'SHARD_END' } }),
  aLease({ shardId: id(1), checkpoint: { at: 'SEQUENCE', sequence: '2005' } }),
];
const plan = (program: 'kcl' | 'async-kinesis', rest = {}) =>
  planExport(program, { leases, shards: family, existing: undefined, nowMs: 0, ...rest });

it('gives KCL ends, numbers behind the whole record, parents and children, and no owner', () => {
  const [parent, child] = plan('kcl').shards;
  expect(parent!.row).toMatchObject({
    set: { checkpoint: 'SHARD_END', childShardIds: [id(1)], leaseCounter: 0 },
  });
  expect(child!.row!.set).toMatchObject({
    checkpoint: '2005',
    checkpointSubSequenceNumber: 2_147_483_647,
    parentShardId: [id(0)],
  });
  expect(child!.row!.remove).toContain('leaseOwner');
});

it('gives async-kinesis the last number of a finished shard', () => {
  expect(plan('async-kinesis').shards.map(({ to }) => to)).toEqual(['1999', '2005']);
});

it('refuses what async-kinesis cannot say, and to turn the other back', () => {
  const inside = aLease({ shardId: id(1), checkpoint: { at: 'SEQUENCE', sequence: '2005', subSequence: 3 } });
  expect(plan('async-kinesis', { leases: [inside] }).refusals[0]).toContain('inside the record');
  expect(plan('kcl', { leases: [inside] }).shards[0]).toMatchObject({
    to: '2005+3',
    row: { set: { checkpointSubSequenceNumber: 3 } },
  });
  const payload = { at: 'SEQUENCE', sequence: '2005', subSequence: 1_000_000_003 } as const;
  const cut = aLease({ shardId: id(1), checkpoint: payload });
  expect(plan('kcl', { leases: [cut] }).refusals[0]).toContain('between payloads');
  const existing = somePositions([aPosition(1, at('2006'))]);
  expect(plan('kcl', { existing }).refusals[0]).toContain('further on than the group');
  const shared = somePositions([], { isShared: true });
  expect(plan('kcl', { existing: shared }).refusals[0]).toContain('over several streams');
});
