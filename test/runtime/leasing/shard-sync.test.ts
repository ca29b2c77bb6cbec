import { expect, test } from 'vitest';
import type { ResetRecord } from '../../../src/leases/reset-record.ts';
import { beginReset, finishReset, holdForReset } from '../../../src/leases/reset-writes.ts';
import { MemoryLeaseTable } from '../../../src/leases/memory/lease-table.ts';
import type { Shard } from '../../../src/kinesis/shard.ts';
import type { StreamSummary } from '../../../src/kinesis/stream-client.ts';
import { GroupState } from '../../../src/runtime/leasing/group-state.ts';
import { ShardSync } from '../../../src/runtime/leasing/shard-sync.ts';
import { StreamLook } from '../../../src/runtime/stream-look.ts';
import { ManualClock } from '../../support/manual-clock.ts';

/** Of a worker `a` that finds what `listed` says at each look. */
function syncOf(
  clock: ManualClock,
  listed: () => Shard[],
  options: Partial<ConstructorParameters<typeof ShardSync>[0]> = {},
): ShardSync {
  const summary = { retentionHours: 24 } as StreamSummary;
  return new ShardSync({
    table: new MemoryLeaseTable(),
    stream: { listShards: async () => listed(), getIterator: async () => '', now: async () => undefined },
    look: new StreamLook({ describe: async () => summary }, clock, summary),
    clock,
    random: () => 0.5,
    state: new GroupState(),
    worker: 'a',
    initialPosition: { type: 'TrimHorizon' },
    onChange: () => {},
    onEvent: () => {},
    ...options,
  });
}

test('a worker whose turn it is not looks all the same now and then, also while no shard has a row', async () => {
  const clock = new ManualClock();
  const table = new MemoryLeaseTable();
  const state = new GroupState();
  state.readWorkers(
    ['a', 'b'].map((name) => ({ shard_id: `worker#${name}`, incarnation: '1', state: 'live' })),
  );
  const shard: Shard = { shardId: 'shardId-0', hashStart: '0', hashEnd: '1', startingSequence: '1' };
  let shards: Shard[] = [];
  const sync = syncOf(clock, () => shards, { table, state, worker: 'b' });
  const stop = new AbortController();
  const running = sync.run(stop.signal);
  await clock.advance(1_000);
  shards = [shard];
  await clock.advance(60_000);
  expect(table.rows()).toEqual([]);
  await clock.advance(130_000);
  expect(table.rows()).toMatchObject([{ shard_id: 'shardId-0' }]);
  stop.abort();
  await running;
});

const SHARD: Shard = { shardId: 'shardId-0', hashStart: '0', hashEnd: '1', startingSequence: '1' };
const RESET: ResetRecord = { id: 'noon', state: 'holding', by: 'me', isOfResource: false, at: 0, parts: 0 };

test.each([
  ['a reset begins', [beginReset({ id: 'noon', parts: 1 })]],
  ['a reset is done', [beginReset({ id: 'noon', parts: 1 }), finishReset({ id: 'noon', state: 'begun' })]],
  ['nothing is moved', []],
])('a range is complete by positions that stand: between look and note, %s', async (_, moves) => {
  const clock = new ManualClock();
  const table = new MemoryLeaseTable();
  table.store(SHARD.shardId, {
    shard_id: SHARD.shardId,
    sequence: 'SHARD_END',
    parents: [],
    hash_start: '0',
    hash_end: '1',
    epoch: 1,
  });
  const query = table.query.bind(table);
  let looks = 0;
  table.query = async (...asked) => {
    const rows = await query(...asked);
    looks += 1;
    // The first look serves shard sync, the second tells whether all is read.
    if (looks === 2 && moves.length > 0)
      for (const move of [holdForReset(RESET, undefined), ...moves]) await table.write(move);
    return rows;
  };
  const sync = syncOf(clock, () => [SHARD], { table, rangeEndMs: clock.now() - 1 });
  await sync.sync(AbortSignal.timeout(60_000));
  expect(looks).toBe(2);
  const claim = await table.get('group#claim', { consistent: true });
  expect(claim?.['completed_at'] !== undefined).toBe(moves.length === 0);
});

test('a child of a range that the list does not show yet is waited for, as it may have begun within the range', async () => {
  const clock = new ManualClock();
  let shards = [SHARD];
  const sync = syncOf(clock, () => shards, { rangeEndMs: clock.now() });
  const child = { shardId: 'shardId-1', parents: [SHARD.shardId], hashStart: '0', hashEnd: '1' };
  await expect(sync.childrenOf(SHARD.shardId, [child])).rejects.toThrow('does not list shardId-1 yet');
  shards = [SHARD, { ...SHARD, shardId: child.shardId, parentShardId: SHARD.shardId }];
  expect(await sync.childrenOf(SHARD.shardId, [child])).toEqual([child]);
});
