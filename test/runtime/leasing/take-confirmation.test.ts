import { beforeEach, describe, expect, test } from 'vitest';
import { decodeLease } from '../../../src/leases/lease.ts';
import { MemoryLeaseTable } from '../../../src/leases/memory/lease-table.ts';
import { moveShard } from '../../../src/leases/reset-writes.ts';
import type { Row } from '../../../src/leases/row.ts';
import { GroupState } from '../../../src/runtime/leasing/group-state.ts';
import { TakeConfirmation } from '../../../src/runtime/leasing/take-confirmation.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const { signal } = new AbortController();
const LINEAGE = { hash_start: '0', hash_end: '1' };

let clock: ManualClock;
let table: MemoryLeaseTable;
let state: GroupState;
let confirmation: TakeConfirmation;
beforeEach(() => {
  clock = new ManualClock();
  table = new MemoryLeaseTable();
  state = new GroupState();
  confirmation = new TakeConfirmation(table, clock, state, {
    leaseDurationMs: 15_000,
    listShardIds: async () => new Set(['shardId-0']),
  });
});

function mayTake(row: Row): Promise<boolean> {
  const lease = decodeLease(row);
  const { shardId, owner } = lease;
  const move = { shardId, kind: 'take', from: owner, to: 'me/1', reason: 'Unowned' } as const;
  return confirmation.mayTake(lease, move, signal);
}

describe('a shard is taken', () => {
  test('when its parent has ended, and not when a reset has moved that back since', async () => {
    const child: Row = { shard_id: 'shardId-1', epoch: 5, parents: ['shardId-0'], ...LINEAGE };
    table.store('shardId-0', { shard_id: 'shardId-0', epoch: 5, sequence: 'SHARD_END', ...LINEAGE });
    expect(await mayTake(child)).toBe(true);
    const from = { at: 'TRIM_HORIZON' } as const;
    const parent = { shardId: 'shardId-0', parents: [], hashStart: '0', hashEnd: '1', checkpoint: from };
    const before = { checkpoint: { at: 'SHARD_END' } as const, epoch: 5 };
    await table.write(moveShard(parent, before, { id: 'r', at: 0 }));
    expect(await mayTake(child)).toBe(false);
  });

  test('from another program when its row has stood still, in whatever order the attributes come', async () => {
    const row: Row = { shard_id: 'shardId-0', ref: 'x', sequence: '1', ...LINEAGE };
    table.store('shardId-0', row);
    expect(await mayTake(row)).toBe(false);
    await clock.advance(74_000);
    table.store('shardId-0', Object.fromEntries(Object.entries(row).toReversed()) as Row);
    expect(await mayTake(row)).toBe(false);
    await clock.advance(2_000);
    expect(await mayTake(row)).toBe(true);
    expect(confirmation.deathOf('x')).toEqual({ how: 'Gone', by: undefined });
  });
});

test('what it knows of an owner is kept while a row names it, and no longer', async () => {
  const row: Row = { shard_id: 'shardId-0', ref: 'pod-1/a', epoch: 5, sequence: '1', ...LINEAGE };
  table.store('shardId-0', row);
  table.store('worker#pod-1', { shard_id: 'worker#pod-1', incarnation: 'a', state: 'dead' });
  expect(await mayTake(row)).toBe(true);
  for (const [ref, known] of [
    ['pod-1/a', { how: 'Fenced', by: undefined }],
    ['me/1', undefined],
  ] as const) {
    state.readAll([{ ...row, ref }]);
    confirmation.forgetUnasked();
    expect(confirmation.deathOf('pod-1/a')).toEqual(known);
  }
});
