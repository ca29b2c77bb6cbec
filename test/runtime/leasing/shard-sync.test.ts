import { expect, test } from 'vitest';
import { MemoryLeaseTable } from '../../../src/leases/memory/lease-table.ts';
import type { Shard } from '../../../src/kinesis/shard.ts';
import type { StreamSummary } from '../../../src/kinesis/stream-client.ts';
import { GroupState } from '../../../src/runtime/leasing/group-state.ts';
import { ShardSync } from '../../../src/runtime/leasing/shard-sync.ts';
import { StreamLook } from '../../../src/runtime/stream-look.ts';
import { ManualClock } from '../../support/manual-clock.ts';

test('a worker whose turn it is not looks all the same now and then, also while no shard has a row', async () => {
  const clock = new ManualClock();
  const table = new MemoryLeaseTable();
  const state = new GroupState();
  state.readWorkers(
    ['a', 'b'].map((name) => ({ shard_id: `worker#${name}`, incarnation: '1', state: 'live' })),
  );
  const shard: Shard = { shardId: 'shardId-0', hashStart: '0', hashEnd: '1', startingSequence: '1' };
  let shards: Shard[] = [];
  const summary = { retentionHours: 24 } as StreamSummary;
  const sync = new ShardSync({
    table,
    stream: { listShards: async () => shards, getIterator: async () => '', now: async () => undefined },
    look: new StreamLook({ describe: async () => summary }, clock, summary),
    clock,
    random: () => 0.5,
    state,
    worker: 'b',
    initialPosition: { type: 'TrimHorizon' },
    onChange: () => {},
    onEvent: () => {},
  });
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
